"""Requests past their deadline: not begun, reads stopped where they are, and changes once begun finished."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import pytest
from aiohttp import web

import shared.concurrency.batcher
from shared.concurrency.deadline import HEADER, Deadline, current_deadline
from shared.errors import DeadlinePassed
from shared.http.service_client import ServiceClient, connect_to_service
from shared.postgres.pool import Pool, connected, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.internal_keys import signer
from tests.support.projections import Database
from tests.support.races import waits_for_a_lock
from tests.support.stack import Stack, serving
from tests.support.world import COURSES, ENROLLMENTS, enroll, new_course, new_employee, new_session

SOON = {HEADER: "500"}
OVER = {HEADER: "0"}
COURSE = {"title": "Late", "category": "safety", "delivery_mode": "online", "duration_hours": 1}


@pytest.fixture
def catalog(stack: Stack, organisation: int) -> Client:
    return stack.direct("catalog", organisation)


@pytest.fixture
def enrollment(stack: Stack, organisation: int) -> Client:
    return stack.direct("enrollment", organisation)


def is_over(answer: Answer) -> bool:
    return (answer.status, answer.json["code"]) == (504, "upstream_timeout")


async def test_a_request_whose_time_is_over_is_not_begun(catalog: Client) -> None:
    assert is_over(await catalog.request("GET", COURSES, headers=OVER))
    assert is_over(await catalog.request("POST", COURSES, json=COURSE, headers=OVER))
    assert (await catalog.get(COURSES)).json["meta"]["total"] == 0


async def test_a_malformed_deadline_is_refused(catalog: Client) -> None:
    answer = await catalog.request("GET", COURSES, headers={HEADER: "soon"})
    assert (answer.status, answer.json["code"]) == (400, "bad_request")


@asynccontextmanager
async def locked(url: str, statement: str, *arguments: object) -> AsyncIterator[Pool]:
    """What the statement locks is locked by somebody else, in the database at `url`."""
    async with (
        connection_pool(url, name="somebody else", size=3) as pool,
        transaction(pool, EVERY_ORGANISATION) as connection,
    ):
        await connection.execute(statement, *arguments)
        yield pool


async def nobody_waits(pool: Pool) -> bool:
    return not await waits_for_a_lock(pool)


async def test_a_read_is_stopped_at_its_deadline_in_the_database_too(stack: Stack, catalog: Client) -> None:
    async with locked(stack.catalog_database_url, "LOCK TABLE courses IN ACCESS EXCLUSIVE MODE") as pool:
        assert is_over(await catalog.request("GET", COURSES, headers=SOON))
        await eventually(lambda: nobody_waits(pool))


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    token = current_deadline.set(Deadline.after(seconds))
    try:
        yield
    finally:
        current_deadline.reset(token)


async def test_a_transaction_is_not_begun_after_the_deadline_and_finished_once_begun(database: Database) -> None:
    async with connection_pool(database.url, name="late", size=2) as pool:
        await _execute(pool, "CREATE TABLE late (id int)")
        with deadline(0), pytest.raises(DeadlinePassed):
            await _execute(pool, "INSERT INTO late VALUES (1)")
        with deadline(10):
            async with transaction(pool, EVERY_ORGANISATION) as connection:
                with deadline(0):
                    await connection.execute("INSERT INTO late VALUES (2)")
        async with connected(pool) as connection:
            assert [row["id"] for row in await connection.fetch("SELECT id FROM late")] == [2]


async def _execute(pool: Pool, statement: str) -> None:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await connection.execute(statement)


async def _late_enrollment(stack: Stack, admin: Client, enrollment: Client) -> tuple[Answer, Answer, int]:
    """Answers of one command that waits for a lock, and of one behind it whose time ends there; who is enrolled."""
    session_id = await new_session(admin, await new_course(admin))
    first, second, third = [await new_employee(admin) for _ in range(3)]
    await enroll(admin, session_id, first)  # so that enrollment knows the session
    lock = "SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE"
    async with locked(stack.enrollment_database_url, lock, session_id) as pool:

        def ask(person: int, **headers: str) -> "asyncio.Task[Answer]":
            body = {"session_id": session_id, "employee_ids": [person]}
            return asyncio.create_task(enrollment.post(ENROLLMENTS, body, **headers))

        waiting = ask(second)
        await eventually(lambda: waits_for_a_lock(pool))
        late, deadline = ask(third, **SOON), Deadline.after(1)

        async def its_time_is_over() -> bool:
            return not deadline.left()

        await eventually(its_time_is_over)
    answers = await waiting, await late
    total: int = (await admin.get(ENROLLMENTS, session_id=session_id)).json["meta"]["total"]
    return *answers, total


async def test_a_command_whose_time_ends_before_its_batch_is_dropped(
    stack: Stack, admin: Client, enrollment: Client
) -> None:
    in_time, late, total = await _late_enrollment(stack, admin, enrollment)
    assert in_time.status == 201
    assert is_over(late)
    assert total == 2


async def test_control_without_its_deadline_it_would_be_carried_out(
    stack: Stack, admin: Client, enrollment: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.concurrency.batcher._Waiting, "is_wanted", lambda waiting: not waiting.outcome.done())
    in_time, late, total = await _late_enrollment(stack, admin, enrollment)
    assert (in_time.status, late.status, total) == (201, 201, 3)


def _client(url: str) -> AbstractAsyncContextManager[ServiceClient]:
    return connect_to_service(url, name="enrollment", asking="catalog", signer=signer("catalog"))


async def test_a_service_passes_on_what_is_left_to_the_one_it_asks() -> None:
    received: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        received.append(int(request.headers[HEADER]))
        return web.Response()

    app = web.Application()
    app.router.add_get("/", answer)
    async with serving(app) as url, _client(url) as client:
        await client.request("GET", "/", 1, "internal.seats")
        with deadline(1):
            await client.request("GET", "/", 1, "internal.seats")
        with deadline(0), pytest.raises(DeadlinePassed):
            await client.request("GET", "/", 1, "internal.seats")
    unbound, bound = received
    assert bound <= 1000 < unbound <= 2000
