"""Many ask for the last seats at once: nobody gets one that is not there, and afterwards all services agree."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest

from services.enrollment.refusals import SessionFull
from services.enrollment.store import candidates as candidate_store
from services.enrollment.store import seats as seat_store
from services.enrollment.use_cases.enroll import EnrollmentBatcher, enroll_together
from shared.postgres.pool import Pool, connection_pool
from tests.support.client import Answer, Client
from tests.support.enrollment_rows import (
    Outcome,
    command,
    enrollment_database,
    granted,
    new_people,
    new_session,
    seats,
    warm_pool,
)
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.races import hold_after, without_lock
from tests.support.refusals import is_refused
from tests.support.world import ENROLLMENTS, SESSIONS, enroll, new_course, new_employees
from tests.support.world import new_session as new_session_by_api

CLIENTS = 50
SEATS = 10
BATCHERS = 5
AT_EACH_BATCHER = 4
PARTIES = BATCHERS * AT_EACH_BATCHER
"""So many transactions run at once at the batchers."""
FULL = "Session is at capacity. Only 0 spots remaining. You requested 1 enrollment."


async def test_fifty_clients_at_once_share_out_the_last_ten_seats(admin: Client) -> None:
    session_id = await new_session_by_api(admin, await new_course(admin), max_participants=2 * SEATS)
    await enroll(admin, session_id, *await new_employees(admin, SEATS))
    people = await new_employees(admin, CLIENTS)
    requests = (admin.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": [person]}) for person in people)
    answers = dict(zip(people, await asyncio.gather(*requests), strict=True))

    seated = {person for person, answer in answers.items() if answer.status == 201}
    assert len(seated) == SEATS
    left = sorted(answers[person].data["session_available_spots"] for person in seated)
    assert left == list(range(SEATS))
    assert {_refusal(answer) for answer in answers.values() if answer.status != 201} == {(422, "session_full", FULL)}
    await eventually(lambda: _all_services_agree(admin, session_id, people, seated))


def _refusal(answer: Answer) -> tuple[int, str, str]:
    return answer.status, answer.json["code"], answer.json["message"]


async def _all_services_agree(client: Client, session_id: int, people: list[int], seated: set[int]) -> bool:
    session = (await client.get(f"{SESSIONS}/{session_id}")).data
    assert (session["enrolled_count"], session["available_spots"]) == (2 * SEATS, 0)
    enrollments = (await client.get(ENROLLMENTS, session_id=session_id, per_page=100)).data
    assert seated == {enrollment["employee"]["id"] for enrollment in enrollments} & set(people)
    histories = await asyncio.gather(*(client.get(f"/api/v1/employees/{person}/training") for person in people))
    assert {answer.status for answer in histories} == {200}
    recorded = {person for person, answer in zip(people, histories, strict=True) if answer.json["meta"]["total"] == 1}
    return recorded == seated


async def test_all_or_nobody_holds_in_the_rush(admin: Client) -> None:
    session_id = await new_session_by_api(admin, await new_course(admin), max_participants=SEATS)
    groups = [await new_employees(admin, 3) for _ in range(8)]
    requests = (admin.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": group}) for group in groups)
    answers = await asyncio.gather(*requests)
    assert sorted(answer.status for answer in answers) == [201] * 3 + [422] * 5
    assert (await admin.get(ENROLLMENTS, session_id=session_id)).json["meta"]["total"] == 9


@asynccontextmanager
async def batchers(url: str, count: int = BATCHERS) -> AsyncIterator[list[EnrollmentBatcher]]:
    """As many processes would have: each its own pool, and each command its own transaction."""
    async with AsyncExitStack() as exits:
        pools = [await exits.enter_async_context(warm_pool(url, AT_EACH_BATCHER)) for _ in range(count)]
        yield [EnrollmentBatcher(partial(enroll_together, pool), size=1, concurrency=AT_EACH_BATCHER) for pool in pools]


@pytest.fixture
async def database() -> AsyncIterator[str]:
    async with enrollment_database() as url:
        yield url


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with connection_pool(database, name="test") as pool:
        yield pool


async def rush(url: str, pool: Pool, session_id: int, clients: int = CLIENTS) -> list[Outcome]:
    """Everyone's outcome, when all come at once to several batchers."""
    people = await new_people(pool, clients)
    async with batchers(url) as open_batchers:
        waiting = [
            open_batchers[number % len(open_batchers)].submit(command(session_id, person))
            for number, person in enumerate(people)
        ]
        return list(await asyncio.gather(*waiting, return_exceptions=True))


async def test_several_batchers_at_once_share_out_the_last_ten_seats(database: str, pool: Pool) -> None:
    session_id = await new_session(pool, SEATS)
    outcomes = await rush(database, pool, session_id)
    assert sorted(data["session_available_spots"] for data in granted(outcomes)) == list(range(SEATS))
    assert sum(is_refused(outcome, SessionFull) for outcome in outcomes) == CLIENTS - SEATS
    assert await seats(pool, session_id) == (SEATS, SEATS)


async def test_batchers_with_batches_share_out_two_sessions_without_waiting_for_each_other(
    database: str, pool: Pool
) -> None:
    sessions = [await new_session(pool, SEATS) for _ in range(2)]
    people = await new_people(pool, PARTIES)
    # Each batch names the sessions in another order: locked in that order, two batches would wait for each other.
    batches = [
        [command(session_id, person) for session_id in order]
        for person, order in zip(people, [sessions, sessions[::-1]] * (PARTIES // 2), strict=True)
    ]
    async with warm_pool(database, PARTIES) as many:
        outcomes = await asyncio.gather(*(enroll_together(many, batch) for batch in batches))
    assert len(granted([outcome for batch in outcomes for outcome in batch])) == 2 * SEATS
    assert [await seats(pool, session_id) for session_id in sessions] == [(SEATS, SEATS)] * 2


def take_the_lock_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """All read the seats before anybody takes one."""
    without_lock(monkeypatch, seat_store, "lock_sessions")
    hold_after(monkeypatch, candidate_store, "candidates", PARTIES)


def take_the_condition_out(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = "ELSE greatest(s.seats_max, s.seats_taken + least(asked.seats, 0)) END"
    without(monkeypatch, seat_store, "_TAKE_SEATS", limit, "ELSE 2147483647 END")


async def test_without_the_lock_the_condition_still_holds(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await new_session(pool, SEATS)
    take_the_lock_out(monkeypatch)
    outcomes = await rush(database, pool, session_id, PARTIES)
    assert len(granted(outcomes)) == SEATS
    assert sum(isinstance(outcome, RuntimeError) for outcome in outcomes) == PARTIES - SEATS
    assert await seats(pool, session_id) == (SEATS, SEATS)


async def test_control_without_any_guard_seats_are_sold_twice(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await new_session(pool, SEATS)
    take_the_lock_out(monkeypatch)
    take_the_condition_out(monkeypatch)
    outcomes = await rush(database, pool, session_id, PARTIES)
    assert len(granted(outcomes)) == PARTIES
    assert await seats(pool, session_id) == (PARTIES, PARTIES)
