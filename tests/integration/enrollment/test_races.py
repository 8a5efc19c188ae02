"""What two transactions at once must not do to each other. Each guard has a control that takes it out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.enrollment.errors import EnrollmentClosed
from services.enrollment.refusals import AlreadyEnrolled, Clash, EmployeeNotSelectable
from services.enrollment.schemas import Completion
from services.enrollment.store import candidates as candidate_store
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.store import seats as seat_store
from services.enrollment.use_cases import lifecycle, people
from shared.auth.internal_token import ENROLL, Caller
from shared.http.responses import Answer
from shared.messaging import outbox
from shared.postgres.pool import Pool
from tests.support.enrollment_rows import (
    ACTOR,
    ORGANISATION,
    Outcome,
    enroll,
    enrollment_database,
    execute,
    granted,
    new_people,
    new_session,
    seats,
    warm_pool,
)
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.races import hold_after, waits_for_a_lock, without_lock
from tests.support.refusals import is_refused

PARTIES = 8
CALLER = Caller(ORGANISATION, "test", "Test", "staff", frozenset({ENROLL}))


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, PARTIES + 1) as pool:
        yield pool


async def new_enrollment(pool: Pool, session_id: int) -> int:
    [data] = granted([await enroll(pool, session_id, *await new_people(pool, 1))])
    return int(data["enrollments"][0]["id"])


async def cancel_at_once(pool: Pool, session_id: int) -> None:
    """Two are enrolled; one of them is cancelled by many at once."""
    enrollment_id = await new_enrollment(pool, session_id)
    await new_enrollment(pool, session_id)
    cancels = (lifecycle.cancel(pool, CALLER, enrollment_id, ACTOR) for _ in range(PARTIES))
    await asyncio.gather(*cancels, return_exceptions=True)


async def test_cancelling_at_once_frees_one_seat(pool: Pool) -> None:
    session_id = await new_session(pool, places=20)
    await cancel_at_once(pool, session_id)
    assert await seats(pool, session_id) == (1, 1)


def take_the_locks_out(monkeypatch: pytest.MonkeyPatch, parties: int) -> None:
    """All have read the enrollment before anybody changes it."""
    without_lock(monkeypatch, seat_store, "lock_sessions")
    without_lock(monkeypatch, enrollment_store, "lock")
    hold_after(monkeypatch, enrollment_store, "lock", parties)


async def test_without_the_locks_the_key_of_the_audit_trail_still_holds(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await new_session(pool, places=20)
    take_the_locks_out(monkeypatch, PARTIES)
    await cancel_at_once(pool, session_id)
    assert await seats(pool, session_id) == (1, 1)


async def test_control_without_locks_and_key_cancelling_at_once_frees_more(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await new_session(pool, places=20)
    await execute(pool, "ALTER TABLE audit DROP CONSTRAINT audit_pkey")
    take_the_locks_out(monkeypatch, PARTIES)
    await cancel_at_once(pool, session_id)
    taken, enrolled = await seats(pool, session_id)
    assert taken < enrolled


async def complete_and_cancel_at_once(pool: Pool) -> list[BaseException]:
    enrollment_id = await new_enrollment(pool, await new_session(pool, places=20))
    outcomes = await asyncio.gather(
        lifecycle.complete(pool, ORGANISATION, enrollment_id, Completion(), ACTOR),
        lifecycle.cancel(pool, CALLER, enrollment_id, ACTOR),
        return_exceptions=True,
    )
    return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]


async def test_of_completing_and_cancelling_at_once_one_is_refused(pool: Pool) -> None:
    [refused] = await complete_and_cancel_at_once(pool)
    assert isinstance(refused, EnrollmentClosed)


async def test_control_without_locks_and_key_both_happen(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    await execute(pool, "ALTER TABLE audit DROP CONSTRAINT audit_pkey")
    take_the_locks_out(monkeypatch, parties=2)
    assert await complete_and_cancel_at_once(pool) == []


async def enroll_one_person_at_once(pool: Pool, session_id: int) -> list[Outcome]:
    [person] = await new_people(pool, 1)
    commands = (enroll(pool, session_id, person) for _ in range(PARTIES))
    return list(await asyncio.gather(*commands, return_exceptions=True))


async def test_one_person_asked_for_by_many_at_once_is_enrolled_once(pool: Pool) -> None:
    session_id = await new_session(pool, places=20)
    outcomes = await enroll_one_person_at_once(pool, session_id)
    assert len(granted(outcomes)) == 1
    assert sum(is_refused(outcome, AlreadyEnrolled) for outcome in outcomes) == PARTIES - 1
    assert await seats(pool, session_id) == (1, 1)


async def test_without_the_lock_the_unique_index_still_holds(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = await new_session(pool, places=20)
    without_lock(monkeypatch, seat_store, "lock_sessions")
    hold_after(monkeypatch, candidate_store, "candidates", PARTIES)
    outcomes = await enroll_one_person_at_once(pool, session_id)
    assert len(granted(outcomes)) == 1
    assert sum(is_refused(outcome, AlreadyEnrolled) for outcome in outcomes) == PARTIES - 1
    assert await seats(pool, session_id) == (1, 1)


async def test_control_without_lock_and_index_one_person_is_enrolled_many_times(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await new_session(pool, places=20)
    await execute(pool, "DROP INDEX enrolled_once")
    without_lock(monkeypatch, seat_store, "lock_sessions")
    hold_after(monkeypatch, candidate_store, "candidates", PARTIES)
    await enroll_one_person_at_once(pool, session_id)
    assert await seats(pool, session_id) == (PARTIES, PARTIES)


async def enroll_while_being_removed(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Answer | Exception:
    """Asks for a person whose removal is written and not committed yet; then it is."""
    session_id = await new_session(pool, places=20)
    [person] = await new_people(pool, 1)
    written, may_commit = asyncio.Event(), asyncio.Event()
    publish = outbox.add

    async def held(*arguments: Any) -> None:
        if asyncio.current_task() is removal:
            written.set()
            await may_commit.wait()
        await publish(*arguments)

    monkeypatch.setattr(outbox, "add", held)
    removal = asyncio.create_task(people.remove_person(pool, ORGANISATION, "employee", person, ACTOR))
    await written.wait()
    enrolling = asyncio.create_task(enroll(pool, session_id, person))

    try:
        await eventually(lambda: waits_for_a_lock(pool))
    finally:
        may_commit.set()
    await removal
    return await enrolling


async def test_a_person_who_is_being_removed_is_not_enrolled_any_more(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = await enroll_while_being_removed(pool, monkeypatch)
    assert is_refused(outcome, EmployeeNotSelectable)


async def test_control_without_the_share_lock_a_removed_person_is_enrolled(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The foreign key makes it wait even then, but only after it has been decided.
    monkeypatch.setattr(candidate_store, "_SHARE_PEOPLE", "SELECT $1::bigint[], $2::bigint[]")
    outcome = await enroll_while_being_removed(pool, monkeypatch)
    assert isinstance(outcome, Answer)


async def book_one_person_at_once(pool: Pool) -> list[Outcome]:
    """In sessions of the same time, of an organisation that wants no clashes."""
    await execute(
        pool,
        "INSERT INTO organisation_settings (organisation_id, time_zone, booking_clash) VALUES ($1, 'UTC', 'refuse')",
        ORGANISATION,
    )
    [person] = await new_people(pool, 1)
    sessions = [await new_session(pool, places=20) for _ in range(PARTIES)]
    return list(await asyncio.gather(*(enroll(pool, each, person) for each in sessions), return_exceptions=True))


async def test_one_person_booked_in_many_sessions_at_once_is_in_one_of_them(pool: Pool) -> None:
    outcomes = await book_one_person_at_once(pool)
    assert len(granted(outcomes)) == 1
    assert sum(is_refused(outcome, Clash) for outcome in outcomes) == PARTIES - 1


async def test_control_without_the_lock_on_the_person_the_bookings_clash(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, candidate_store, "_RESERVE_PEOPLE", "FOR NO KEY UPDATE", "FOR SHARE")
    hold_after(monkeypatch, candidate_store, "candidates", PARTIES)
    assert len(granted(await book_one_person_at_once(pool))) == PARTIES
