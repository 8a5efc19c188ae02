"""Addresses of calendars: who makes and revokes them, what they open, and who can learn them (contract, section 12)."""

import asyncio
import hashlib
import logging
import secrets
from typing import Any

import asyncpg
import pytest

from gateway.edge import open_reads
from gateway.upstream.proxy import Proxy
from services.enrollment import api_calendars
from services.enrollment import calendars as rules
from services.enrollment.calendars import MOST_ADDRESSES
from services.enrollment.store import calendars as store
from shared.auth.calendar_secrets import new_secret
from shared.security_log import SecurityEvent
from tests.support.calendars import new_calendar, read
from tests.support.client import Client
from tests.support.security_lines import SecurityLines
from tests.support.stack import Stack
from tests.support.world import CALENDARS, enroll, new_course, new_employee, new_session

UNKNOWN = "The calendar does not exist."


def body_of(person: int) -> dict[str, Any]:
    return {"kind": "person", "id": person}


async def test_a_calendar_says_whose_it_is_and_who_made_it(stack: Stack, admin: Client) -> None:
    person = await new_employee(admin, full_name="John Doe")
    made = await admin.post(CALENDARS, body_of(person))
    row = made.data["id"]
    assert made.headers["Location"] == f"{CALENDARS}/{row}"
    assert made.data["address"].startswith(f"{stack.gateway_url}/calendars/")
    expected = {name: value for name, value in made.data.items() if name != "address"}
    assert expected["of"] == {"id": person, "name": "John Doe"}
    assert (expected["status"], expected["created_by"]["name"]) == ("active", "Test Admin")
    read_again = await admin.get(f"{CALENDARS}/{row}")
    assert (read_again.data, read_again.headers["ETag"]) == (expected, made.headers["ETag"])
    assert (await admin.get(CALENDARS)).data == [expected]
    assert (await admin.get(CALENDARS, kind="location")).data == []
    assert (await admin.get(CALENDARS, of_id=person, kind="person")).data == [expected]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "person", "name": "Room A"},
        {"kind": "facilitator"},
        {"kind": "location", "id": 1},
        {"kind": "location", "id": 1, "name": "Room A"},
        {"kind": "person", "id": 2**50},
        {"kind": "room", "name": "Room A"},
        {"kind": "location", "name": " "},
    ],
)
async def test_a_calendar_of_nobody_is_refused(admin: Client, body: dict[str, Any]) -> None:
    answer = await admin.post(CALENDARS, body)
    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    assert (await admin.get(CALENDARS)).data == []


async def test_a_removed_person_gets_none(admin: Client) -> None:
    person = await new_employee(admin)
    await admin.delete(f"/api/v1/employees/{person}")
    answer = await admin.post(CALENDARS, body_of(person))
    assert answer.json["errors"] == {"id": ["The selected person does not exist."]}


async def test_a_revoked_address_is_as_one_that_never_was(
    stack: Stack, admin: Client, security_lines: SecurityLines
) -> None:
    row, path = await new_calendar(admin, kind="facilitator", id=10)
    other = (await new_calendar(admin, kind="facilitator", id=10))[1]
    assert (await read(stack, path)).status == 200
    revoked = await admin.delete(f"{CALENDARS}/{row}")
    assert (revoked.status, revoked.json["message"], revoked.data) == (200, "Calendar revoked", None)
    gone, never = await read(stack, path), await read(stack, f"/calendars/{new_secret()}.ics")
    assert (gone.status, gone.json) == (never.status, never.json)
    assert (gone.status, gone.json["message"]) == (404, UNKNOWN)
    assert (await read(stack, other)).status == 200
    shown = (await admin.get(f"{CALENDARS}/{row}")).data
    assert (shown["status"], shown["revoked_by"]["name"]) == ("revoked", "Test Admin")
    assert (await admin.delete(f"{CALENDARS}/{row}")).status == 200
    assert (await admin.get(f"{CALENDARS}/{row}")).data == shown
    assert [each["id"] for each in (await admin.get(CALENDARS, status="revoked")).data] == [row]
    assert len(security_lines.of(SecurityEvent.CALENDAR_CHANGED, reason="created")) == 2
    security_lines.one(SecurityEvent.CALENDAR_CHANGED, reason="revoked", calendar=row)


async def test_it_is_revoked_in_the_version_that_was_seen(stack: Stack, admin: Client) -> None:
    row, path = await new_calendar(admin, kind="facilitator", id=10)
    assert (await admin.delete(f"{CALENDARS}/{row}", **{"If-Match": '"x"'})).status == 412
    assert (await read(stack, path)).status == 200
    tag = (await admin.get(f"{CALENDARS}/{row}")).headers["ETag"]
    assert (await admin.delete(f"{CALENDARS}/{row}", **{"If-Match": tag})).status == 200
    assert (await read(stack, path)).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/calendars/",
        "/calendars/x.ics",
        f"/calendars/{'x' * 43}",
        f"/calendars/{'x' * 42}.ics",
        f"/calendars/{'x' * 44}.ics",
        f"/calendars/{'x' * 42}%.ics".replace("%", "!"),
        f"/calendars/{'x' * 43}.ics/",
        f"/calendars/{'x' * 43}.ICS",
        f"/Calendars/{'x' * 43}.ics",
    ],
)
async def test_what_is_no_address_is_not_found(stack: Stack, path: str) -> None:
    answer = await stack.anonymous().request("GET", path)
    assert (answer.status, answer.json["code"]) in ((404, "not_found"), (400, "bad_request"))


async def test_an_address_is_read_and_nothing_else(stack: Stack, admin: Client) -> None:
    _, path = await new_calendar(admin, kind="facilitator", id=10)
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = await stack.anonymous().request(method, path)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD"), method
    refused = await stack.anonymous().request("GET", path, params={"year": "2026"})
    assert (refused.status, refused.json["errors"]) == (422, {"year": ["Unknown field."]})
    head = await stack.anonymous().request("HEAD", path)
    whole = await read(stack, path)
    assert (head.status, head.text) == (200, "")
    assert {name: head.headers[name] for name in ("ETag", "Content-Length", "Content-Type")} == {
        name: whole.headers[name] for name in ("ETag", "Content-Length", "Content-Type")
    }


async def test_a_program_that_asks_again_gets_what_has_changed(stack: Stack, admin: Client) -> None:
    person, course = await new_employee(admin), await new_course(admin)
    _, path = await new_calendar(admin, **body_of(person))
    first = await read(stack, path)
    assert first.headers["Cache-Control"] == "private, max-age=300"
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert "Vary" not in first.headers
    tag = first.headers["ETag"]
    for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = await read(stack, path, **{"If-None-Match": held})
        assert (answer.status, answer.text, answer.headers["ETag"]) == (304, "", tag)
    assert (await read(stack, path, **{"If-None-Match": '"other"'})).status == 200
    await enroll(admin, await new_session(admin, course), person)
    changed = await read(stack, path, **{"If-None-Match": tag})
    assert changed.status == 200
    assert changed.headers["ETag"] != tag
    assert "BEGIN:VEVENT" in changed.text


async def test_a_tag_of_another_calendar_says_nothing(stack: Stack, admin: Client) -> None:
    _, path = await new_calendar(admin, kind="location", name="Room A")
    _, other = await new_calendar(admin, kind="location", name="Room B")
    tag = (await read(stack, other)).headers["ETag"]
    assert (await read(stack, path, **{"If-None-Match": tag})).status == 200


async def test_a_token_changes_nothing(stack: Stack, admin: Client, organisation: int) -> None:
    _, path = await new_calendar(admin, kind="facilitator", id=10)
    anonymous = (await read(stack, path)).text
    for client in (admin, stack.client(organisation + 1), Client(stack.http, stack.gateway_url, "no token")):
        assert (await client.get(path)).text == anonymous


def employee(stack: Stack, organisation: int, person: int | None, *more: str) -> Client:
    permissions = ["api.access", "training.view.self", *more]
    return stack.client(organisation, permissions=permissions, employee_id=person)


async def test_an_employee_has_the_own_calendar_alone(stack: Stack, admin: Client, organisation: int) -> None:
    person, other = await new_employee(admin), await new_employee(admin)
    theirs, path = await new_calendar(admin, **body_of(other))
    await new_calendar(admin, kind="location", name="Room A")
    own = employee(stack, organisation, person)
    mine, _ = await new_calendar(own, **body_of(person))
    for body in (body_of(other), {"kind": "facilitator", "id": person}, {"kind": "location", "name": "Room A"}):
        refused = await own.post(CALENDARS, body)
        assert refused.json["errors"] == {"id": [f"The selected {body['kind']} does not exist."]}
    assert [each["id"] for each in (await own.get(CALENDARS)).data] == [mine]
    for answer in (await own.get(f"{CALENDARS}/{theirs}"), await own.delete(f"{CALENDARS}/{theirs}")):
        assert (answer.status, answer.json["message"]) == (404, UNKNOWN)
    assert (await read(stack, path)).status == 200
    assert (await own.delete(f"{CALENDARS}/{mine}")).status == 200


@pytest.mark.parametrize("seen", [{"kind": "location"}, {"of_id": 1}, {"status": "active"}])
async def test_who_is_nobody_sees_none(stack: Stack, admin: Client, organisation: int, seen: dict[str, Any]) -> None:
    await new_calendar(admin, kind="location", name="Room A")
    await new_calendar(admin, kind="facilitator", id=1)
    nobody = employee(stack, organisation, None)
    assert (await nobody.get(CALENDARS, **seen)).data == []
    assert (await nobody.post(CALENDARS, {"kind": "facilitator", "id": 1})).status == 422


@pytest.mark.parametrize("permission", ["training.view", "training.view.company", "training.record"])
async def test_who_neither_manages_nor_is_somebody_is_refused(stack: Stack, organisation: int, permission: str) -> None:
    client = stack.client(organisation, permissions=["api.access", permission], employee_id=1, company_ids=[1])
    assert (await client.get(CALENDARS)).status == 403
    assert (await client.post(CALENDARS, body_of(1))).status == 403


async def make_many(admin: Client, count: int) -> list[int]:
    """The statuses of as many requests for addresses of the same, all at once."""
    answers = await asyncio.gather(
        *(admin.post(CALENDARS, {"kind": "location", "name": "Room A"}) for _ in range(count))
    )
    return sorted(answer.status for answer in answers)


async def test_there_are_so_many_addresses_of_the_same(admin: Client) -> None:
    assert await make_many(admin, MOST_ADDRESSES + 3) == [201] * MOST_ADDRESSES + [409] * 3
    refused = await admin.post(CALENDARS, {"kind": "location", "name": "Room A"})
    assert (refused.json["code"], refused.json["maximum"]) == ("too_many_calendars", MOST_ADDRESSES)
    await new_calendar(admin, kind="location", name="Room B")
    first = (await admin.get(CALENDARS)).data[0]["id"]
    await admin.delete(f"{CALENDARS}/{first}")
    assert await make_many(admin, 2) == [201, 409]


async def test_control_without_the_bound_there_are_more(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "check_room", lambda _: None)
    assert await make_many(admin, MOST_ADDRESSES + 1) == [201] * (MOST_ADDRESSES + 1)


async def test_control_an_address_that_is_counted_by_no_lock_is_one_too_many(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them count before any has been added."""
    await make_many(admin, MOST_ADDRESSES - 1)
    waiting, all_counted = [0], asyncio.Event()

    async def count_alone(connection: Any, organisation: int, fields: Any) -> int:
        found: int = await connection.fetchval(store._COUNT, organisation, fields.kind, None, fields.name)
        waiting[0] += 1
        if waiting[0] == 2:
            all_counted.set()
        await asyncio.wait_for(all_counted.wait(), 5)
        return found

    monkeypatch.setattr(store, "count_alone", count_alone)
    assert await make_many(admin, 2) == [201, 201]


async def test_a_repeated_request_makes_no_second_and_does_not_say_the_secret_again(admin: Client) -> None:
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    body = {"kind": "location", "name": "Room A"}
    first, again = [await admin.request("POST", CALENDARS, json=body, headers=headers) for _ in range(2)]
    assert (first.status, again.status, again.headers["Idempotency-Replayed"]) == (201, 201, "true")
    assert again.data == {**first.data, "address": None}
    assert first.data["address"] is not None
    assert len((await admin.get(CALENDARS)).data) == 1


async def test_the_secret_is_in_no_database(stack: Stack, admin: Client) -> None:
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    made = await admin.request("POST", CALENDARS, json={"kind": "location", "name": "Room A"}, headers=headers)
    secret = made.data["address"].removesuffix(".ics").rpartition("/")[2]
    connection = await asyncpg.connect(stack.enrollment_database_url)
    try:
        rows = [
            str(await connection.fetch(f"SELECT t::text FROM {table} t"))
            for table in ("calendars", "idempotency_keys", "audit_trail", "outbox")
        ]
    finally:
        await connection.close()
    assert str(made.data["id"]) in rows[0]
    assert hashlib.sha256(secret.encode()).hexdigest() in rows[0]
    assert secret not in "".join(rows)


async def logged(stack: Stack, caplog: pytest.LogCaptureFixture, path: str) -> str:
    """All that gateway and services write about a calendar that is read, with the most talkative log there is."""
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        await read(stack, path)
        await read(stack, path, **{"If-None-Match": "*"})
        await stack.anonymous().request("POST", path)
        await stack.anonymous().request("GET", path, params={"x": "1"})
        await read(stack, path.replace(".ics", ".icsx"))
    return caplog.text


@pytest.mark.parametrize("defect", [False, True], ids=["well", "with a defect"])
async def test_the_secret_is_in_no_log(
    stack: Stack,
    admin: Client,
    caplog: pytest.LogCaptureFixture,
    security_lines: SecurityLines,
    monkeypatch: pytest.MonkeyPatch,
    defect: bool,
) -> None:
    row, path = await new_calendar(admin, kind="location", name="Room A")
    secret = path.removesuffix(".ics").rpartition("/")[2]
    if defect:
        monkeypatch.setattr(api_calendars, "calendar_text", lambda *_: 1 / 0)
        monkeypatch.setattr(open_reads, "passed_on", lambda *_: 1 / 0)
    text = await logged(stack, caplog, path)
    await admin.delete(f"{CALENDARS}/{row}")
    assert ("ZeroDivisionError" in text) == defect
    assert secret not in text + security_lines.text


async def test_control_a_log_that_has_paths_is_noticed(
    stack: Stack, admin: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = await new_calendar(admin, kind="location", name="Room A")
    handle = open_reads.OpenReads.handle

    def talkative(self: open_reads.OpenReads, request: Any) -> Any:
        logging.getLogger("gateway").info("asked for %s", request.target.path)
        return handle(self, request)

    monkeypatch.setattr(open_reads.OpenReads, "handle", talkative)
    assert path in await logged(stack, caplog, path)


async def test_no_service_learns_the_secret(stack: Stack, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    _, path = await new_calendar(admin, kind="location", name="Room A")
    secret, sent = path.removesuffix(".ics").rpartition("/")[2], []
    forward = Proxy.forward

    async def watched(self: Proxy, name: Any, request: Any, *others: Any) -> Any:
        sent.append(request.message("host", 1.0).decode())
        return await forward(self, name, request, *others)

    monkeypatch.setattr(Proxy, "forward", watched)
    assert (await read(stack, path, **{"X-Secret": secret, "Authorization": f"Bearer {secret}"})).status == 200
    assert len(sent) == 1
    assert secret not in sent[0]
