"""A program where everybody asks: from its client to its end, through the gateway alone."""

from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.programs import FORM, TOKEN, Program, basic, new_program
from tests.support.stack import Stack
from tests.support.world import COURSES, new_course


async def ask(stack: Stack, body: str, program: Program) -> Answer:
    headers = {**FORM, "Authorization": basic(program.client_id, program.secret)}
    return await stack.anonymous().request("POST", TOKEN, data=body, headers=headers)


async def token_client(stack: Stack, program: Program) -> Client:
    answer = await ask(stack, "grant_type=client_credentials", program)
    assert (answer.status, answer.headers["Cache-Control"], answer.headers["Pragma"]) == (200, "no-store", "no-cache")
    return Client(stack.http, stack.gateway_url, answer.json["access_token"])


async def test_a_program_reads_until_it_is_revoked(stack: Stack, admin: Client) -> None:
    await new_course(admin)
    program = await new_program(admin, rate_limit=1000)
    client = await token_client(stack, program)
    read = await client.get(COURSES)
    assert (read.status, read.headers["X-RateLimit-Limit"]) == (200, "1000")
    refused = await client.post(COURSES, {})
    assert (refused.status, refused.json["message"]) == (403, "This needs the permission training.manage.")
    me = await client.get("/api/v1/auth/me")
    assert (me.data["name"], me.data["user_type"]) == ("Payroll", "service")
    assert (await admin.delete(program.path)).status == 200
    assert (await ask(stack, "grant_type=client_credentials", program)).status == 401
    await eventually(lambda: is_refused(client))


async def test_a_narrowed_program_gets_a_new_token_that_holds(stack: Stack, admin: Client) -> None:
    program = await new_program(admin, permissions=["training.view", "training.manage"])
    before = await token_client(stack, program)
    assert (await before.get(COURSES)).status == 200
    assert (await admin.patch(program.path, {"permissions": ["training.view"]})).status == 200
    after = await token_client(stack, program)
    await eventually(lambda: is_refused(before))
    assert (await after.get(COURSES)).status == 200
    assert (await after.post(COURSES, {})).status == 403


async def is_refused(client: Client) -> bool:
    answer = await client.get(COURSES)
    return (answer.status, answer.json.get("code")) == (401, "token_invalid")


async def test_errors_keep_the_form_of_oauth(stack: Stack, admin: Client) -> None:
    program = await new_program(admin)
    for body, status, error in (
        ("grant_type=password", 400, "unsupported_grant_type"),
        ("grant_type=client_credentials&scope=training.fly", 400, "invalid_scope"),
        ("grant_type=client_credentials&client_secret=x", 400, "invalid_request"),
    ):
        answer = await ask(stack, body, program)
        assert (answer.status, answer.json["error"]) == (status, error)
    wrong = await ask(stack, "grant_type=client_credentials", Program(0, program.client_id, "wrong"))
    assert (wrong.status, wrong.json["error"]) == (401, "invalid_client")
    assert wrong.headers["WWW-Authenticate"].startswith("Basic ")
    large = await ask(stack, "a=" + "x" * 9000, program)
    assert (large.status, large.json["code"]) == (413, "payload_too_large")


async def test_the_documents_lead_to_the_token_endpoint(stack: Stack) -> None:
    server = await stack.anonymous().get("/.well-known/oauth-authorization-server")
    resource = await stack.anonymous().get("/.well-known/oauth-protected-resource")
    assert server.headers["Cache-Control"] == resource.headers["Cache-Control"] == "public, max-age=300"
    assert server.json["token_endpoint"] == stack.gateway_url + TOKEN
    assert resource.json["authorization_servers"] == [stack.gateway_url]
