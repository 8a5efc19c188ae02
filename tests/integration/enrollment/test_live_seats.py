"""Every change of a session's seats is numbered and sent, whoever makes it (migration 0024)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from services.enrollment.app import MIGRATIONS
from services.enrollment.representations import WatchedSeats
from services.enrollment.store import live_seats
from services.enrollment.use_cases import lifecycle, sessions
from services.enrollment.use_cases.enroll import enroll_together
from shared.auth.internal_token import ENROLL, Caller
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connected, transaction
from tests.support import events
from tests.support.earlier_schema import database_before
from tests.support.enrollment_rows import (
    ACTOR,
    ORGANISATION,
    command,
    enroll,
    enrollment_database,
    execute,
    granted,
    new_people,
    new_session,
    warm_pool,
)

MANAGER = Caller(ORGANISATION, "tester", "Tester", "staff", frozenset({ENROLL}))


@dataclass
class Seen:
    """What a listener has heard of a session that has one seat; its first two people have enrolled, and one waits."""

    pool: Pool
    session_id: int
    people: list[int]
    enrollments: list[int]
    heard: list[WatchedSeats] = field(default_factory=list)
    heard_all: asyncio.Event = field(default_factory=asyncio.Event)

    async def state(self) -> WatchedSeats:
        async with transaction(self.pool, [ORGANISATION]) as connection:
            [state] = await live_seats.watched_seats(connection, [(ORGANISATION, self.session_id)])
        return state

    async def settled(self) -> list[WatchedSeats]:
        """All that was heard: what is sent after them has arrived."""
        async with connected(self.pool) as connection:
            await connection.execute("SELECT pg_notify('live_seats', 'end')")
        async with asyncio.timeout(20):
            await self.heard_all.wait()
        return [each for each in self.heard if each.id == self.session_id]

    async def event(self, version: int = 2, **changes: Any) -> None:
        async with connected(self.pool) as connection:
            course = await connection.fetchval("SELECT course_id FROM sessions WHERE id = $1", self.session_id)
        state = {"course_id": course, "max_participants": 1, **changes}
        async with transaction(self.pool, [ORGANISATION]) as connection:
            await sessions.follow(connection, [events.session(ORGANISATION, self.session_id, version, **state)])


@asynccontextmanager
async def seen_in(pool: Pool, url: str) -> AsyncIterator[Seen]:
    session_id, people = await new_session(pool, 1), await new_people(pool, 3)
    made = granted([await enroll(pool, session_id, *people[:2], waitlist=True)])[0]["enrollments"]
    seen = Seen(pool, session_id, people, [each["id"] for each in made])
    listener = await asyncpg.connect(url)

    def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == "end":
            seen.heard_all.set()
        else:
            seen.heard.append(WatchedSeats.model_validate_json(str(payload)))

    await listener.add_listener(live_seats.CHANNEL, hear)
    try:
        yield seen
    finally:
        await listener.close(timeout=2)


@pytest.fixture
async def seen() -> AsyncIterator[Seen]:
    async with enrollment_database() as url, warm_pool(url, 2) as pool, seen_in(pool, url) as seen:
        yield seen


async def wait_in_line(seen: Seen) -> None:
    await enroll(seen.pool, seen.session_id, seen.people[2], waitlist=True)


async def free_a_seat(seen: Seen) -> None:
    await lifecycle.cancel(seen.pool, MANAGER, seen.enrollments[0], ACTOR)


async def leave_the_line(seen: Seen) -> None:
    await lifecycle.cancel(seen.pool, MANAGER, seen.enrollments[1], ACTOR)


async def promote(seen: Seen) -> None:
    await lifecycle.promote(seen.pool, ORGANISATION, seen.enrollments[1], ACTOR, over_capacity=True)


async def add_a_seat(seen: Seen) -> None:
    await seen.event(max_participants=2)


async def add_seats_for_nobody(seen: Seen) -> None:
    await seen.event(max_participants=5)


async def cancel_the_session(seen: Seen) -> None:
    await seen.event(status="cancelled")


async def complete_the_session(seen: Seen) -> None:
    await seen.event(status="completed")


async def remove_the_session(seen: Seen) -> None:
    await seen.event(removed=True)


def shown(state: WatchedSeats) -> dict[str, Any]:
    assert state.seats is not None
    return state.seats.model_dump()


Change = Callable[[Seen], Awaitable[None]]
CHANGES: dict[Change, dict[str, Any]] = {
    wait_in_line: {"waiting": 2},
    free_a_seat: {"waiting": 0},
    leave_the_line: {"waiting": 0},
    promote: {"waiting": 0, "enrolled_count": 2},
    add_a_seat: {"waiting": 0, "enrolled_count": 2, "max_participants": 2},
    add_seats_for_nobody: {"waiting": 0, "enrolled_count": 2, "max_participants": 5, "available_spots": 3},
    cancel_the_session: {"waiting": 0, "enrolled_count": 0, "available_spots": 1, "status": "cancelled"},
    complete_the_session: {"waiting": 0, "status": "completed"},
    remove_the_session: {},
}
"""What each changes of what is shown."""


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_a_change_is_one_notification_with_the_state_that_it_leaves(seen: Seen, change: Change) -> None:
    before = await seen.state()
    await change(seen)
    after = await seen.state()
    assert await seen.settled() == [after]
    assert after.version > before.version
    expected = shown(before) | CHANGES[change] | {"version": after.version}
    assert shown(after) == expected
    assert after.removed == (change is remove_the_session)


async def test_what_shows_no_seats_is_not_sent(seen: Seen) -> None:
    before = await seen.state()
    await seen.event(session_name="Another name", location="Elsewhere")
    assert (await seen.settled(), await seen.state()) == ([], before)


async def test_what_is_rolled_back_is_not_sent(seen: Seen) -> None:
    before = await seen.state()
    async with connected(seen.pool) as connection:
        change = "UPDATE sessions SET seats_max = 9"
        await connection.execute(f"BEGIN; SET LOCAL muster.organisations = '{{7}}'; {change}; ROLLBACK")
    assert (await seen.settled(), await seen.state()) == ([], before)


async def test_many_who_begin_to_wait_together_are_one_change(seen: Seen) -> None:
    before, people = await seen.state(), await new_people(seen.pool, 40)
    await enroll_together(seen.pool, [command(seen.session_id, each, waitlist=True) for each in people])
    [after] = await seen.settled()
    assert (shown(after)["waiting"], after.version) == (41, before.version + 1)


async def test_a_waitlist_that_changes_after_its_session_in_one_transaction_is_numbered(seen: Seen) -> None:
    before = await seen.state()
    async with transaction(seen.pool, [ORGANISATION]) as connection:
        await connection.execute("UPDATE sessions SET location = 'Elsewhere' WHERE id = $1", seen.session_id)
        await connection.execute("UPDATE enrollments SET status = 'cancelled' WHERE id = $1", seen.enrollments[1])
    [after] = await seen.settled()
    assert (shown(after)["waiting"], after.version) == (0, before.version + 1)


async def lower_the_capacity(seen: Seen) -> None:
    await execute(seen.pool, "UPDATE sessions SET seats_max = 0 WHERE id = $1", seen.session_id)


CONTROLS: dict[str, tuple[str, Change]] = {
    "waiting_begun": ("enrollments", wait_in_line),
    "waiting_changed": ("enrollments", leave_the_line),
    "seats_changed": ("sessions", lower_the_capacity),
}


@pytest.mark.parametrize("trigger", CONTROLS)
async def test_control_without_a_trigger_a_change_is_missed(seen: Seen, trigger: str) -> None:
    table, change = CONTROLS[trigger]
    await execute(seen.pool, f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
    await change(seen)
    assert await seen.settled() == []


_WORLD = """
INSERT INTO courses (organisation_id, id, version, title, prerequisites) VALUES (7, 1, 1, 'Course', '{}');
INSERT INTO sessions (organisation_id, id, version, course_id, start_date, status, seats_max, seats_taken)
VALUES (7, 2, 1, 1, '2030-01-30T00:00:00Z', 'scheduled', 4, 1);
INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
VALUES (7, 42, 'employee', 'E-42', 'John Doe', now());
INSERT INTO enrollments (organisation_id, id, session_id, course_id, employee_id, status, holds_seat, enrolled_at)
VALUES (7, 9, 2, 1, 42, 'waitlisted', false, now());
"""


async def test_sessions_of_the_release_before_begin_with_the_first_version() -> None:
    async with database_before("0024_seats_version.sql", MIGRATIONS) as url, warm_pool(url, 1) as pool:
        async with connected(pool) as connection:
            await connection.execute("SET muster.organisations = '{NULL}'")
            await connection.execute(_WORLD)
        await migrate(url, MIGRATIONS)
        async with transaction(pool, [ORGANISATION]) as connection:
            [state] = await live_seats.watched_seats(connection, [(ORGANISATION, 2)])
    assert shown(state) == {
        "session_id": 2,
        "version": 1,
        "status": "scheduled",
        "max_participants": 4,
        "enrolled_count": 1,
        "available_spots": 3,
        "waiting": 1,
    }
