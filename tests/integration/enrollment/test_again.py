"""Enrolling again in a session of a self-paced course, once the earlier record is final: each attempt is a record."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.enrollment.refusals import AlreadyEnrolled
from services.enrollment.schemas import Completion
from services.enrollment.store import candidates as candidate_store
from services.enrollment.store import catalog_replica
from services.enrollment.store import seats as seat_store
from services.enrollment.use_cases import lifecycle
from shared.postgres.pool import Pool, transaction
from tests.support import events
from tests.support.client import Client
from tests.support.enrollment_rows import (
    ACTOR,
    ORGANISATION,
    Outcome,
    enrollment_database,
    execute,
    granted,
    new_people,
    seats,
    warm_pool,
)
from tests.support.enrollment_rows import enroll as enroll_rows
from tests.support.enrollment_rows import new_session as new_session_row
from tests.support.guards import without
from tests.support.history_client import Attendee
from tests.support.lifecycle import change, changed, statuses_of, transfer
from tests.support.races import hold_after, without_lock
from tests.support.refusals import is_refused
from tests.support.world import BEGUN, COURSES, ask_to_enroll, enroll, new_course, new_employee, new_session

PARTIES = 4
ENDINGS: dict[str, tuple[Any, ...]] = {
    "completed": ("complete", {"score": 90}),
    "failed": ("complete", {"score": 40}),
    "absent": ("absent",),
}


@pytest.fixture
async def session_id(admin: Client) -> int:
    course_id = await new_course(admin, delivery_mode="self_paced", pass_score=50)
    return await new_session(admin, course_id, max_participants=3, **BEGUN)


async def ended(client: Client, session_id: int, person: int, status: str) -> int:
    """An enrollment with that end."""
    [enrollment_id] = await enroll(client, session_id, person)
    await changed(client, enrollment_id, *ENDINGS[status])
    return enrollment_id


@pytest.mark.parametrize("status", ENDINGS)
async def test_who_has_a_final_record_is_enrolled_again_and_both_records_stay(
    admin: Client, session_id: int, status: str
) -> None:
    attendee = Attendee(admin, await new_employee(admin))
    first = await ended(admin, session_id, attendee.id, status)
    second = await ended(admin, session_id, attendee.id, "completed")
    assert second != first
    assert await statuses_of(admin, first, second) == [status, "completed"]
    await attendee.record(first, result={"completed": "passed"}.get(status, status))
    await attendee.record(second, result="passed")
    await attendee.records(2)


async def test_one_record_is_open_at_a_time(admin: Client, session_id: int) -> None:
    person = await new_employee(admin)
    await ended(admin, session_id, person, "failed")
    await enroll(admin, session_id, person)
    answer = await ask_to_enroll(admin, session_id, person)
    assert (answer.status, answer.json["code"]) == (422, "already_enrolled")


async def test_each_record_needs_a_seat(admin: Client) -> None:
    course_id = await new_course(admin, delivery_mode="self_paced")
    session_id, person = await new_session(admin, course_id, max_participants=1), await new_employee(admin)
    await ended(admin, session_id, person, "completed")
    answer = await ask_to_enroll(admin, session_id, person)
    assert (answer.status, answer.json["code"]) == (422, "session_full")


async def test_the_earlier_record_is_not_reopened_beside_an_open_one(admin: Client, session_id: int) -> None:
    person = await new_employee(admin)
    first = await ended(admin, session_id, person, "failed")
    [second] = await enroll(admin, session_id, person)
    refused = await change(admin, first, "reopen", {"reason": "A mistake"})
    assert (refused.status, refused.json["code"]) == (422, "already_enrolled")
    assert refused.json["errors"] == {"session_id": ["The employee is already enrolled in this session."]}
    await changed(admin, second, "cancel")
    await changed(admin, first, "reopen", {"reason": "A mistake"})
    assert await statuses_of(admin, first, second) == ["enrolled", "cancelled"]


async def test_who_has_a_final_record_there_may_be_transferred_to_the_session(admin: Client) -> None:
    course_id = await new_course(admin, delivery_mode="self_paced")
    old, new = [await new_session(admin, course_id, **BEGUN) for _ in range(2)]
    person = await new_employee(admin)
    await ended(admin, old, person, "completed")
    [enrollment_id] = await enroll(admin, new, person)
    assert (await transfer(admin, enrollment_id, old)).status == 200


async def test_the_delivery_mode_of_today_decides(admin: Client) -> None:
    course_id = await new_course(admin, pass_score=50)
    session_id, person = await new_session(admin, course_id), await new_employee(admin)
    first = await ended(admin, session_id, person, "failed")
    assert (await ask_to_enroll(admin, session_id, person)).json["code"] == "already_enrolled"
    await admin.patch(f"{COURSES}/{course_id}", {"delivery_mode": "self_paced"})
    [second] = await enroll(admin, session_id, person)
    await admin.patch(f"{COURSES}/{course_id}", {"delivery_mode": "online"})
    refused = await change(admin, first, "reopen", {"reason": "A mistake"})
    assert (refused.status, refused.json["code"]) == (422, "already_enrolled")
    await changed(admin, second, "complete", {"score": 80})
    assert (await ask_to_enroll(admin, session_id, person)).json["code"] == "already_enrolled"


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, PARTIES + 1) as pool:
        yield pool


async def failed_once(pool: Pool) -> tuple[int, int, int]:
    """A session of a self-paced course, a person whose record there is final, and the record."""
    session_id = await new_session_row(pool, places=20)
    [person] = await new_people(pool, 1)
    course_id = await pool.fetchval("SELECT course_id FROM sessions WHERE id = $1", session_id)
    version = await pool.fetchval("SELECT version + 1 FROM courses WHERE id = $1", course_id)
    async with transaction(pool, [ORGANISATION]) as connection:
        course = events.course(ORGANISATION, course_id, version, delivery_mode="self_paced")
        await catalog_replica.save_courses(connection, [course])
    [data] = granted([await enroll_rows(pool, session_id, person)])
    enrollment_id = data["enrollments"][0]["id"]
    await lifecycle.complete(pool, ORGANISATION, enrollment_id, Completion(), ACTOR)
    return session_id, person, enrollment_id


async def again_at_once(pool: Pool, session_id: int, person: int) -> list[Outcome]:
    commands = (enroll_rows(pool, session_id, person) for _ in range(PARTIES))
    return list(await asyncio.gather(*commands, return_exceptions=True))


async def test_of_many_who_ask_at_once_one_is_enrolled_again(pool: Pool) -> None:
    session_id, person, _ = await failed_once(pool)
    outcomes = await again_at_once(pool, session_id, person)
    assert len(granted(outcomes)) == 1
    assert sum(is_refused(outcome, AlreadyEnrolled) for outcome in outcomes) == PARTIES - 1
    assert await seats(pool, session_id) == (2, 2)


async def test_without_the_lock_the_index_allows_one_open_record(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id, person, _ = await failed_once(pool)
    without_lock(monkeypatch, seat_store, "lock_sessions")
    hold_after(monkeypatch, candidate_store, "candidates", PARTIES)
    assert len(granted(await again_at_once(pool, session_id, person))) == 1
    assert await seats(pool, session_id) == (2, 2)


async def test_control_without_lock_and_index_one_person_is_enrolled_many_times(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, person, _ = await failed_once(pool)
    await execute(pool, "DROP INDEX enrolled_once")
    without_lock(monkeypatch, seat_store, "lock_sessions")
    hold_after(monkeypatch, candidate_store, "candidates", PARTIES)
    await again_at_once(pool, session_id, person)
    assert await seats(pool, session_id) == (PARTIES + 1, PARTIES + 1)


async def test_control_where_only_open_records_count_other_courses_are_taken_twice_too(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, person, _ = await failed_once(pool)
    await execute(pool, "UPDATE courses SET delivery_mode = 'online'")
    assert is_refused(await enroll_rows(pool, session_id, person), AlreadyEnrolled)
    await execute(pool, "UPDATE courses SET delivery_mode = NULL")
    assert is_refused(await enroll_rows(pool, session_id, person), AlreadyEnrolled)
    guard = "c.delivery_mode IS NOT DISTINCT FROM 'self_paced'"
    without(monkeypatch, candidate_store, "_CANDIDATES", guard, "true")
    assert len(granted([await enroll_rows(pool, session_id, person)])) == 1
