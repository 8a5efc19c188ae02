"""Whatever clients send, and however the system fails: the log of its processes has no secret, and nothing of people.

Every route is asked with marked names, addresses, passwords, codes and headers, while all is well, and again while no
row may be written, which a database refuses by quoting the row; then while there is no database.
"""

import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import pytest

from services.accounts.schemas_users import UserFields
from shared.http.request import Request
from tests.support.accounts import PASSWORD, new_user
from tests.support.client import Client, client_token, new_organisation
from tests.support.credentials import completed, credential_of
from tests.support.importing import begun_import, people_file
from tests.support.log_watch import LogWatch, watched_log
from tests.support.routes import PUBLIC, Declared, example_body, rows_of_each_kind, schema_of
from tests.support.services import tables_of
from tests.support.stack import CLIENT_SECRET, RECEIVER_PORT, Stack, running_stack
from tests.support.world import CALENDARS, CLIENTS, EMPLOYEES, ENROLLMENTS, USERS, WEBHOOKS, new_employee

MARK: Final = f"mark{secrets.token_hex(8)}"
SENT: Final = {
    "User-Agent": f"program/{MARK}",
    "Idempotency-Key": f"key-{MARK}",
    "Accept-Language": MARK,
    "Cookie": f"session={MARK}",
    "Referer": f"http://{MARK}.example/",
    "X-Forwarded-For": MARK,
    "If-None-Match": f'"{MARK}"',
}
BROKEN: Final = "new row for relation"
LEAST_FAILED: Final = 30
"""Requests that a fault has to fail: otherwise the walk would show nothing."""
Fault = Callable[[Stack], Awaitable[None]]
NOBODYS: Final = frozenset({"x", ""})
"""Texts of the examples that stand for any other."""


def marked(body: Any) -> Any:
    """The same with the mark in every text that may be any."""
    if isinstance(body, dict):
        return {name: f"{MARK}@example.com" if name == "email" else marked(value) for name, value in body.items()}
    if isinstance(body, list):
        return [marked(each) for each in body]
    return f"{MARK} Doe" if body in NOBODYS or body == "Leadership Essentials" else body


def with_every_text(declared: Declared) -> dict[str, Any]:
    """With the mark in all texts that its schema has, wherever they are allowed or not."""
    assert declared.route.body is not None
    properties: Mapping[str, Any] = schema_of(declared.route.body).get("properties", {})
    texts = {
        name: f"{MARK} {name}" for name, schema in properties.items() if '"string"' in str(schema).replace("'", '"')
    }
    return {**example_body(declared.route.body), **texts}


def bodies(declared: Declared) -> Iterator[dict[str, Any]]:
    """Options of requests for the route."""
    if declared.route.body is None:
        yield {}
        return
    name = "data" if declared.route.form else "json"
    yield {name: marked(example_body(declared.route.body))}
    yield {name: with_every_text(declared)}
    yield {"data": f'{{"{MARK}": "', "headers": {"Content-Type": "application/json"}}


async def walk(stack: Stack, organisation: int, ids: Mapping[str, int]) -> Counter[int]:
    """Asks every route, those last that take something away; how often it was answered with which status."""
    statuses: Counter[int] = Counter()
    admin = secrets.token_hex(8)
    for declared in sorted(PUBLIC, key=_takes_away):
        token = client_token(CLIENT_SECRET, organisation, sub=admin, name=f"{MARK} Admin")
        client = Client(stack.http, stack.gateway_url, token, of_services=False)
        for path, options in requests(declared, ids):
            headers = {**SENT, **options.pop("headers", {})}
            answer = await client.request(declared.route.method, path, headers=headers, **options)
            statuses[answer.status] += 1
    assert statuses[401] < sum(statuses.values()) / 10
    return statuses


def requests(declared: Declared, ids: Mapping[str, int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Their paths and options."""
    for options in bodies(declared):
        yield declared.path(ids), options
    yield declared.path(dict.fromkeys(ids, MARK)), {}  # type: ignore[arg-type]  # an id that is none
    yield f"{declared.path(ids)}?search={MARK}&{MARK}=1", {}


def _takes_away(declared: Declared) -> bool:
    return declared.route.method == "DELETE" or declared.route.path.endswith(("/erase", "/logout", "/sign-out"))


async def live(stack: Stack, client: Client, organisation: int, watch: LogWatch) -> None:
    """What gives secrets away, or takes them."""
    anonymous = Client(stack.http, stack.gateway_url, None, of_services=False)
    person = await new_employee(client, full_name=f"{MARK} Doe")
    user = await new_user(stack, organisation)
    for password in (PASSWORD, f"{MARK} password"):
        answer = await anonymous.post("/api/v1/auth/login", {"email": user.email, "password": password})
        watch.learn(answer.json)
    watch.secrets |= {PASSWORD, user.email}
    invited = {**example_body(UserFields), "name": f"{MARK} Doe", "email": f"{MARK}.invited@example.com"}
    for path, body in (
        (USERS, invited),
        (CLIENTS, {"name": MARK, "permissions": ["training.view"]}),
        (CALENDARS, {"name": MARK, "scope": "organisation"}),
        (WEBHOOKS, {"url": f"http://localhost:{RECEIVER_PORT}/{MARK}", "types": ["*"]}),
        (f"{EMPLOYEES}/{person}/merge", {"into": MARK}),
    ):
        answer = await client.post(path, body)
        if answer.status < 500 and answer.text:
            watch.learn(answer.json)
    enrollment = await completed(client, person)
    credential = await credential_of(client, enrollment)
    watch.learn(credential)
    watch.secrets.add(credential["code"])
    for path in (f"/verify/{credential['code']}", f"/verify/{MARK}", f"/calendars/{MARK}.ics", f"/credentials/{MARK}"):
        await anonymous.request("GET", path, headers=SENT)
    await begun_import(client, people_file((person, f"E-{MARK}", f"{MARK} Doe"), ("", MARK, MARK)))
    for token in (MARK, client_token(CLIENT_SECRET, organisation, name=MARK, exp=1)):
        await Client(stack.http, stack.gateway_url, token, of_services=False).get(f"{ENROLLMENTS}/1")
        watch.secrets.add(token.rpartition(".")[2])
    form = {"grant_type": "client_credentials", "client_id": MARK, "client_secret": MARK}
    await anonymous.request("POST", "/oauth/token", data=form, headers=SENT)
    await anonymous.post("/api/v1/auth/invitation", {"token": MARK, "password": f"{MARK} password"})


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        yield connection
    finally:
        await connection.close(timeout=10)


async def let_nothing_be_written(stack: Stack) -> None:
    """From now on a row that is written is refused, and quoted."""
    for service, url in stack.database_urls.items():
        async with connected(url) as connection:
            for table in tables_of(service):
                await connection.execute(
                    f"DO $$ BEGIN ALTER TABLE {table} ADD CONSTRAINT broken CHECK (false) NOT VALID;"
                    " EXCEPTION WHEN OTHERS THEN NULL; END $$"
                )


async def end_databases(stack: Stack) -> None:
    """From now on none takes a connection."""
    for url in stack.database_urls.values():
        name = url.rpartition("/")[2].partition("?")[0]
        async with connected(url.replace(f"/{name}", "/postgres")) as connection:
            await connection.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
            await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)


async def walked(watch: LogWatch, *faults: Fault) -> None:
    """Asks for everything while all is well, and under one fault after the other."""
    organisation = new_organisation()
    token = client_token(CLIENT_SECRET, organisation, name=f"{MARK} Admin")
    watch.secrets |= {MARK, token.rpartition(".")[2], CLIENT_SECRET}
    async with running_stack(slow_request_seconds=0.0001) as stack:
        client = Client(stack.http, stack.gateway_url, token, of_services=False)
        ids = await rows_of_each_kind(client)
        await live(stack, client, organisation, watch)
        await walk(stack, organisation, ids)
        for bring_about in faults:
            fresh = new_organisation()
            of_fresh = stack.client(fresh)
            ids = await rows_of_each_kind(of_fresh) if bring_about is not end_databases else ids
            await bring_about(stack)
            statuses = await walk(stack, fresh, ids)
            assert statuses[500] + statuses[503] > LEAST_FAILED, statuses


@pytest.mark.timeout(300)
async def test_no_line_has_a_secret_or_anything_of_people() -> None:
    with watched_log() as watch:
        await walked(watch, let_nothing_be_written, end_databases)
    for message in (BROKEN, "the database is not available", "a request failed", "a request was slow"):
        assert watch.has_said(message)
    assert watch.leaks() == []


def test_control_a_mark_is_noticed() -> None:
    with watched_log() as watch:
        watch.learn({"data": [{"address": "https://x.example/calendars/very-secret.ics", "name": "Ana"}]})
        logging.getLogger("shared").debug("asked for %s", "/calendars/very-secret.ics")
        logging.getLogger("shared").debug("asked for Ana")
    assert len(watch.leaks()) == 1


def test_control_a_row_that_a_database_quotes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.log_lines.without_values", lambda text, _: text)
    with watched_log() as watch:
        watch.secrets.add(MARK)
        error = asyncpg.CheckViolationError(f"{BROKEN} people")
        error.detail = f"Failing row contains ({MARK})."
        logging.getLogger("shared").error("unhandled exception", exc_info=error)
    assert len(watch.leaks()) == 1


async def test_control_a_line_that_names_a_path_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_path(request: Request, *_: object) -> dict[str, Any]:
        return {"path": request.target.raw}

    monkeypatch.setattr("shared.http.server.request_log._fields", with_path)
    with watched_log() as watch:
        await walked(watch)
    assert watch.leaks()
