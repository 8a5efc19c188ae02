"""Exports from end to end: one moment, a visible end where they fail, and bounds (contract, section 1; decision 29)."""

import asyncio
import time
import zipfile
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from io import BytesIO

import pytest

from shared.exports import spreadsheet
from shared.http.accept import NDJSON_TYPE, XLSX_TYPE
from shared.service import exports
from shared.service.exports import OF_ORGANISATION, Export
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.exported import Database, Gate, database_at, hold, request_of
from tests.support.stack import Stack
from tests.support.streams import connection, read_all, read_until, unchunked
from tests.support.world import COURSES, enroll, new_course, new_employee, new_session

COMPLIANCE = "/api/v1/training/compliance"


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    async with database_at(stack.catalog_database_url) as database:
        yield database
        await eventually(database.has_none)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return hold(monkeypatch)


@pytest.fixture
async def courses(admin: Client) -> list[int]:
    return [await new_course(admin, title=f"Course number {place}") for place in range(5)]


async def test_what_is_sent_in_steps_is_whole(
    stack: Stack, admin: Client, courses: list[int], gate: Gate, database: Database
) -> None:
    async with connection(stack.gateway_url, request_of(admin, COURSES)) as made:
        begun = await read_until(made, f"\r\n{courses[0]},".encode())
        assert b"id,title," in begun
        await eventually(gate.reached)
        assert await database.open_exports() == 1
        gate.open.set()
        received = begun + await read_until(made, b"\r\n0\r\n\r\n")
    lines = unchunked(received.partition(b"\r\n\r\n")[2]).decode().splitlines()
    assert [int(line.partition(",")[0]) for line in lines[1:]] == courses


@pytest.mark.parametrize(("accept", "last"), [("text/csv", b"#error,"), (NDJSON_TYPE, b'{"error": ')])
async def test_one_that_fails_says_so_and_has_no_end(
    stack: Stack, admin: Client, courses: list[int], gate: Gate, database: Database, accept: str, last: bytes
) -> None:
    """Its connection to the database is lost."""
    async with connection(stack.gateway_url, request_of(admin, COURSES, accept)) as made:
        await eventually(gate.reached)
        assert await database.kill_exports() == 1
        gate.open.set()
        read = await read_all(made)
    assert read.reset
    assert not read.has_last_chunk
    assert b"Course number 1" in read.body
    assert read.body.count(b"\n" + last) == 1
    assert b"upstream_unavailable" in read.body.rpartition(last)[2]
    assert b"Course number 2" not in read.body


async def test_one_that_takes_too_long_ends(
    stack: Stack, admin: Client, courses: list[int], gate: Gate, database: Database
) -> None:
    async with connection(stack.gateway_url, request_of(admin, COURSES)) as made:
        await eventually(gate.reached)
        for export in gate.held:
            export.moment.until = 0.0
        gate.open.set()
        read = await read_all(made)
    assert read.reset
    assert b"#error,upstream_timeout," in read.body


async def test_one_that_stands_still_for_too_long_is_cut(
    stack: Stack, admin: Client, courses: list[int], gate: Gate, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "LONGEST_SECONDS", 0.1)
    monkeypatch.setattr(exports, "STALL_TIMEOUT", 0.1)
    async with connection(stack.gateway_url, request_of(admin, COURSES)) as made:
        read = await read_all(made)
    assert read.reset
    assert b"#error" not in read.body


async def test_it_ends_with_its_token(
    stack: Stack, organisation: int, courses: list[int], gate: Gate, database: Database
) -> None:
    short = stack.client(organisation, exp=int(time.time()) + 2)
    async with connection(stack.gateway_url, request_of(short, COURSES)) as made:
        await eventually(gate.reached)
        assert (await read_all(made)).reset
    await eventually(database.has_none)


async def test_it_ends_with_its_client(
    stack: Stack, admin: Client, courses: list[int], gate: Gate, database: Database
) -> None:
    async with connection(stack.gateway_url, request_of(admin, COURSES)):
        await eventually(gate.reached)
    await eventually(database.has_none)


async def test_who_does_not_read_holds_it_up_and_is_cut(
    stack: Stack, admin: Client, courses: list[int], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, more = 0, Export.more

    async def endless(export: Export) -> str:
        nonlocal steps
        steps += 1
        lines = await more(export) if steps == 1 else ""
        export.is_complete = False
        return lines or '{"title": "' + "x" * 65_536 + '"}'

    looks: deque[int] = deque(maxlen=10)

    async def stands_still() -> bool:
        looks.append(steps)
        return len(looks) == looks.maxlen and len(set(looks)) == 1 < steps

    monkeypatch.setattr(exports, "ROWS_OF_STEP", 2)
    monkeypatch.setattr(Export, "more", endless)
    monkeypatch.setattr("shared.http.server.outlet.STALL_TIMEOUT", 5.0)
    async with connection(stack.gateway_url, request_of(admin, COURSES), receive_buffer=32_768):
        await eventually(stands_still)
        assert steps < 500
        await eventually(database.has_none, deadline=40)


async def test_an_organisation_makes_so_many_at_once_and_others_theirs(
    stack: Stack, admin: Client, organisation: int, courses: list[int], gate: Gate, database: Database
) -> None:
    async with AsyncExitStack() as open_ones:
        for _ in range(OF_ORGANISATION):
            await open_ones.enter_async_context(connection(stack.gateway_url, request_of(admin, COURSES)))

        async def all_wait() -> bool:
            return gate.waiting == OF_ORGANISATION

        await eventually(all_wait)
        other = await stack.client(organisation).request("GET", COURSES, headers={"Accept": "text/csv"})
        assert (other.status, other.headers["Retry-After"]) == (503, "10")
        stranger = await stack.client(organisation + 1).request("GET", COURSES, headers={"Accept": "text/csv"})
        assert stranger.status == 200
        assert (await admin.get(COURSES)).status == 200

    async def again() -> bool:
        gate.open.set()
        return (await admin.request("GET", COURSES, headers={"Accept": "text/csv"})).status == 200

    await eventually(again)


async def test_control_without_the_bound_there_are_more(
    stack: Stack, admin: Client, courses: list[int], gate: Gate, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.concurrency.fair_semaphore.FairSemaphore.try_acquire", lambda *_: True)
    monkeypatch.setattr("shared.concurrency.fair_semaphore.FairSemaphore.release", lambda *_: None)
    async with AsyncExitStack() as open_ones:
        for _ in range(OF_ORGANISATION + 1):
            await open_ones.enter_async_context(connection(stack.gateway_url, request_of(admin, COURSES)))

        async def all_wait() -> bool:
            return gate.waiting == OF_ORGANISATION + 1

        await eventually(all_wait)


async def test_compliance_is_a_spreadsheet_for_who_asks(stack: Stack, admin: Client) -> None:
    course = await new_course(admin)
    for _ in range(3):
        await enroll(admin, await new_session(admin, course), await new_employee(admin, full_name="=1+1"))
    headers = {"Accept": XLSX_TYPE, "Authorization": f"Bearer {admin.token}"}
    url = f"{stack.gateway_url}{COMPLIANCE}?course_id={course}"
    async with stack.http.get(url, headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, XLSX_TYPE)
        assert answer.headers["Content-Disposition"].endswith('.xlsx"')
        content = await answer.read()
    with zipfile.ZipFile(BytesIO(content)) as file:
        sheet = file.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == 4
    assert sheet.count("<t>=1+1</t>") == 3
    assert "<f>" not in sheet


async def test_one_spreadsheet_is_made_at_a_time(stack: Stack, admin: Client, organisation: int, gate: Gate) -> None:
    course = await new_course(admin)
    session = await new_session(admin, course)
    for _ in range(3):
        await enroll(admin, session, await new_employee(admin))
    path = f"{COMPLIANCE}?course_id={course}"
    async with connection(stack.gateway_url, request_of(admin, path, XLSX_TYPE)) as made:
        await eventually(gate.reached)
        second = asyncio.ensure_future(admin.request("GET", path, headers={"Accept": XLSX_TYPE}))
        answer = await asyncio.wait_for(second, 20)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
        gate.open.set()
        assert (await read_until(made, b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_spreadsheet_has_so_many_rows(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 2)
    course = await new_course(admin)
    await enroll(admin, await new_session(admin, course), await new_employee(admin))
    for rows, status in ((2, 200), (3, 422)):
        while len((await admin.get(COMPLIANCE, course_id=course)).data) < rows:
            await new_employee(admin)
        async with admin.http.get(
            f"{admin.url}{COMPLIANCE}?course_id={course}",
            headers={"Accept": XLSX_TYPE, "Authorization": f"Bearer {admin.token}"},
        ) as answer:
            assert answer.status == status
            assert status == 200 or list((await answer.json())["errors"]) == ["Accept"]
