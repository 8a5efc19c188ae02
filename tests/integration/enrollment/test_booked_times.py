"""When an enrollment's session begins and ends, kept beside the enrollment: it follows the session, or says nothing."""

from collections.abc import AsyncIterator

import pytest

from shared.postgres.pool import Pool, connected
from tests.support.enrollment_rows import (
    enroll,
    enrollment_database,
    execute,
    granted,
    new_people,
    new_session,
    warm_pool,
)


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, 2) as pool:
        yield pool


async def clashes(pool: Pool, session_id: int, person: int) -> list[int]:
    """The sessions that a person is warned of when they enroll in this one."""
    [data] = granted([await enroll(pool, session_id, person)])
    return [warning["session_id"] for warning in data.get("warnings", [])]


async def move(pool: Pool, session_id: int) -> None:
    """By a day, as a later version of the session would."""
    await execute(
        pool,
        "UPDATE sessions SET start_date = start_date + interval '1 day', end_date = end_date + interval '1 day'"
        " WHERE id = $1",
        session_id,
    )


async def booked_and_moved(pool: Pool) -> tuple[int, int, int]:
    """A person, their session that was moved after they enrolled, and another of the same new time."""
    [person] = await new_people(pool, 1)
    booked, other = await new_session(pool, 5), await new_session(pool, 5)
    assert await clashes(pool, booked, person) == []
    for session_id in (booked, other):
        await move(pool, session_id)
    return person, booked, other


async def test_a_moved_session_takes_its_bookings_along(pool: Pool) -> None:
    person, booked, other = await booked_and_moved(pool)
    assert await clashes(pool, await new_session(pool, 5), person) == []
    assert await clashes(pool, other, person) == [booked]


async def test_control_without_the_trigger_of_sessions_a_clash_is_missed(pool: Pool) -> None:
    await execute(pool, "ALTER TABLE sessions DISABLE TRIGGER booked_at_another_time")
    person, _, other = await booked_and_moved(pool)
    assert await clashes(pool, other, person) == []


async def booked_and_transferred(pool: Pool) -> tuple[int, int]:
    """A person and the session, a day later, that they were transferred to."""
    [person] = await new_people(pool, 1)
    booked, later = await new_session(pool, 5), await new_session(pool, 5)
    await move(pool, later)
    assert await clashes(pool, booked, person) == []
    await execute(pool, "UPDATE enrollments SET session_id = $1 WHERE employee_id = $2", later, person)
    return person, later


async def test_a_transferred_booking_is_at_the_time_of_its_new_session(pool: Pool) -> None:
    person, later = await booked_and_transferred(pool)
    other = await new_session(pool, 5)
    await move(pool, other)
    assert await clashes(pool, other, person) == [later]


async def test_control_without_the_trigger_of_enrollments_a_clash_is_missed(pool: Pool) -> None:
    await execute(pool, "ALTER TABLE enrollments DISABLE TRIGGER booked_elsewhere")
    person, _ = await booked_and_transferred(pool)
    other = await new_session(pool, 5)
    await move(pool, other)
    assert await clashes(pool, other, person) == []


async def test_an_enrollment_without_the_times_has_its_session_looked_up(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    booked, other = await new_session(pool, 5), await new_session(pool, 5)
    assert await clashes(pool, booked, person) == []
    await execute(pool, "UPDATE enrollments SET booked_from = NULL, booked_until = NULL")
    assert await clashes(pool, other, person) == [booked]


async def test_times_are_taken_from_the_session(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    await enroll(pool, await new_session(pool, 5), person)
    async with connected(pool) as connection:
        same = await connection.fetchval(
            "SELECT (e.booked_from, e.booked_until) = (s.start_date, s.end_date)"
            " FROM enrollments e JOIN sessions s ON s.id = e.session_id"
        )
    assert same is True
