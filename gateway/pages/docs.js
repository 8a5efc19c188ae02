// Signs in, and hands the token to the reference. It is kept in this closure alone: neither storage nor a cookie has it.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const scheme = "bearer";
  let token = null;

  const configuration = () => ({
    ...REFERENCE,
    url: "/openapi.json",
    baseServerURL: window.location.origin,
    defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
    metaData: { title: "API reference - Muster" },
    authentication: {
      preferredSecurityScheme: scheme,
      securitySchemes: { [scheme]: { token: token ?? "" } },
    },
  });

  const reference = showReference(configuration());

  function show(identity) {
    byId("signed-in").hidden = identity === null;
    byId("signed-out").hidden = identity !== null;
    byId("identity").textContent = identity === null ? "" : `Signed in as ${identity}`;
    byId("progress").textContent = identity === null ? "Signed out" : "Signed in";
  }

  function keep(newToken, identity) {
    token = newToken;
    reference.updateConfiguration(configuration());
    show(identity);
  }

  // The answer's JSON, or an Error whose message a person can act on.
  async function ask(path, options) {
    let answer;
    try {
      answer = await fetch(path, { ...options, credentials: "omit", signal: AbortSignal.timeout(30000) });
    } catch {
      throw new Error("The server did not answer. Check the connection and try again.");
    }
    const content = await answer.json().catch(() => ({}));
    if (answer.ok) return content;
    if (answer.status === 404)
      throw new Error("This installation gets its tokens from another identity provider. Enter one under Authentication.");
    throw new Error(reasons(content) || `The server refused with status ${answer.status}.`);
  }

  const reasons = (content) =>
    content.errors ? Object.values(content.errors).flat().join(" ") : content.message || content.error_description;

  async function signInPerson(fields) {
    const { data } = await ask("/api/v1/auth/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ email: fields.get("email"), password: fields.get("password") }),
    });
    keep(data.token, `${data.user.name} (${data.user.role})`);
  }

  async function signInProgram(fields) {
    const content = await ask("/oauth/token", {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_id: fields.get("client_id"),
        client_secret: fields.get("client_secret"),
      }),
    });
    keep(content.access_token, `the program ${fields.get("client_id")}`);
  }

  // The token is forgotten here whether or not the server could be told to refuse it from now on.
  async function signOut() {
    const headers = { Authorization: `Bearer ${token}` };
    keep(null, null);
    document.querySelector("[name=who]:checked").focus();
    await ask("/api/v1/auth/logout", { method: "POST", headers });
  }

  async function run(button, work) {
    byId("problem").textContent = "";
    button.disabled = true;
    try {
      await work();
    } catch (error) {
      byId("problem").textContent = error.message;
    } finally {
      button.disabled = false;
    }
  }

  for (const [id, signIn] of [["person", signInPerson], ["program", signInProgram]]) {
    const form = byId(id);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await run(form.querySelector("button"), () => signIn(new FormData(form)));
      if (token === null) return;
      form.reset();
      byId("identity").focus();
    });
  }
  byId("sign-out").addEventListener("click", () => run(byId("sign-out"), signOut));
  for (const choice of document.getElementsByName("who"))
    choice.addEventListener("change", () => {
      byId("problem").textContent = "";
      byId("person").hidden = choice.value !== "person";
      byId("program").hidden = choice.value !== "program";
    });
})();
