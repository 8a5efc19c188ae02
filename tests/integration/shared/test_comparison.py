"""Events may come late, twice, in any order and to several consumers at once: the end is the same."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

import services.catalog.handlers
import services.history.handlers
import services.history.store.copies
from services.catalog.store import counts as counts_store
from shared.events.states import State
from shared.events.types import EmployeeRemoved, EnrollmentEvent, Event
from shared.messaging.subscriptions import Subscriptions, apply
from shared.postgres.pool import Connection, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.client import new_organisation
from tests.support.events import (
    course,
    course_counts,
    enrollment,
    enrollment_histories,
    newest,
    person,
    session,
    session_counts,
    shuffled,
)
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.projections import Database, counted_of_courses, counted_of_sessions, insert_sessions, table

COURSES = {1: 1, 2: 1, 3: 2}
"""Session → course."""
CATALOG: Subscriptions = services.catalog.handlers.SUBSCRIPTIONS
HISTORY: Subscriptions = services.history.handlers.SUBSCRIPTIONS


async def apply_in_batches(
    database: Database, subscriptions: Subscriptions, events: Sequence[Event[State]], chance: random.Random
) -> None:
    waiting = list(events)
    while waiting:
        batch = [waiting.pop() for _ in range(min(len(waiting), chance.randint(1, 40)))]
        async with transaction(database.pool, EVERY_ORGANISATION) as connection:
            await apply(connection, subscriptions, batch)


@pytest.mark.parametrize("seed", range(4))
async def test_counts_are_exact_after_everything_came_three_times_in_any_order(catalog: Database, seed: int) -> None:
    chance, organisation = random.Random(seed), new_organisation()
    await insert_sessions(catalog, organisation, COURSES)
    events = enrollment_histories(chance, organisation, enrollments=60, versions=6, courses=COURSES)
    await apply_in_batches(catalog, CATALOG, shuffled(chance, events), chance)
    assert await counted_of_sessions(catalog, organisation) == session_counts(events, COURSES)
    assert await counted_of_courses(catalog, organisation) == course_counts(events, {1, 2})


async def test_control_without_the_version_check_late_events_count(
    catalog: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, counts_store, "_APPLY_ENROLLMENTS", "AND new.version > e.version")
    chance, organisation = random.Random(0), new_organisation()
    await insert_sessions(catalog, organisation, COURSES)
    events = enrollment_histories(chance, organisation, enrollments=60, versions=6, courses=COURSES)
    await apply_in_batches(catalog, CATALOG, shuffled(chance, events), chance)
    assert await counted_of_sessions(catalog, organisation) != session_counts(events, COURSES)


def histories(chance: random.Random, organisation: int) -> list[Event[State]]:
    """Every kind of event that the history follows, several versions of each row."""
    made: list[Event[State]] = [
        *enrollment_histories(chance, organisation, enrollments=20, versions=5, courses=COURSES)
    ]
    for version in range(1, 4):
        made += [course(organisation, course_id, version) for course_id in (1, 2)]
        made += [session(organisation, session_id, version) for session_id in COURSES]
        made += [person(organisation, person_id, version) for person_id in range(1, 6)]
    return [*made, EmployeeRemoved(organisation, person(organisation, 5, 4, removed=True).data)]


async def all_tables(history: Database, organisation: int) -> dict[str, list[dict[str, Any]]]:
    tables = {name: await table(history, name, organisation) for name in ("records", "people", "courses", "sessions")}
    for row in (row for rows in tables.values() for row in rows):
        del row["organisation_id"]
    return tables


@pytest.mark.parametrize("seed", range(4))
async def test_histories_are_the_same_after_everything_came_three_times_in_any_order(
    history: Database, seed: int
) -> None:
    chance = random.Random(seed)
    in_order, in_any_order = new_organisation(), new_organisation()
    events = histories(chance, in_order)
    await apply_in_batches(history, HISTORY, list(reversed(events)), random.Random(seed))  # popped from the end
    others = [type(event)(in_any_order, event.data) for event in events]
    await apply_in_batches(history, HISTORY, shuffled(chance, others), chance)
    assert await all_tables(history, in_any_order) == await all_tables(history, in_order)


async def test_a_record_tells_the_newest_state_of_its_enrollment(history: Database) -> None:
    chance, organisation = random.Random(5), new_organisation()
    events = enrollment_histories(chance, organisation, enrollments=40, versions=6, courses=COURSES)
    await apply_in_batches(history, HISTORY, shuffled(chance, events), chance)
    rows = await table(history, "records", organisation)
    told = [(row["id"], row["version"], row["status"], row["session_id"], row["scored"]) for row in rows]
    assert told == [
        (state.id, state.version, state.status, state.session_id, state.score is not None) for state in newest(events)
    ]


@pytest.mark.parametrize(
    ("statement", "name", "make"),
    [
        ("_SAVE_RECORDS", "records", enrollment),
        ("_SAVE_PEOPLE", "people", person),
        ("_SAVE_COURSES", "courses", course),
        ("_SAVE_SESSIONS", "sessions", session),
    ],
)
async def test_control_without_the_version_check_an_older_state_replaces_a_newer(
    history: Database,
    monkeypatch: pytest.MonkeyPatch,
    statement: str,
    name: str,
    make: Callable[..., Event[State]],
) -> None:
    organisation = new_organisation()

    async def versions() -> list[int]:
        for version in (2, 1):
            async with transaction(history.pool, EVERY_ORGANISATION) as connection:
                await apply(connection, HISTORY, [make(organisation, 1, version)])
        return [row["version"] for row in await table(history, name, organisation)]

    assert await versions() == [2]
    without(monkeypatch, services.history.store.copies, statement, f"WHERE excluded.version > {name}.version")
    assert await versions() == [1]


async def apply_all(catalog: Database, events: Sequence[Event[State]]) -> None:
    async with transaction(catalog.pool, EVERY_ORGANISATION) as connection:
        await apply(connection, CATALOG, events)


async def waits_or_is_done(catalog: Database, task: "asyncio.Task[None]") -> bool:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return task.done() or bool(await catalog.value(sql))


def three_versions(organisation: int) -> list[EnrollmentEvent]:
    """Of one enrollment, each in another session."""
    return [enrollment(organisation, 1, version, session_id=version) for version in (1, 2, 3)]


async def counts_after_two_met_a_new_enrollment(catalog: Database) -> dict[int, int]:
    """One has applied version 2 and not committed yet when another applies version 3."""
    organisation = new_organisation()
    await insert_sessions(catalog, organisation, COURSES)
    _, second, third = three_versions(organisation)
    async with transaction(catalog.pool, EVERY_ORGANISATION) as connection:
        await apply(connection, CATALOG, [second])
        other = asyncio.create_task(apply_all(catalog, [third]))
        await eventually(lambda: waits_or_is_done(catalog, other))
    await other
    return await counted_of_sessions(catalog, organisation)


class Hesitant:
    """A connection that waits to be let go before it looks at what the enrollments said."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.arrived, self.released = asyncio.Event(), asyncio.Event()

    async def execute(self, sql: str, *arguments: Any) -> None:
        if sql is counts_store._APPLY_ENROLLMENTS:
            self.arrived.set()
            await self.released.wait()
        await self._connection.execute(sql, *arguments)


async def counts_after_two_met_a_known_enrollment(catalog: Database) -> dict[int, int]:
    """One is about to look, for version 3, when another applies version 2: at once, or once the first is done."""
    organisation = new_organisation()
    await insert_sessions(catalog, organisation, COURSES)
    first, second, third = three_versions(organisation)
    await apply_all(catalog, [first])
    applied = asyncio.Event()

    async def apply_second_until(other: "asyncio.Task[None]") -> None:
        async with transaction(catalog.pool, EVERY_ORGANISATION) as connection:
            await apply(connection, CATALOG, [second])
            applied.set()
            await eventually(lambda: waits_or_is_done(catalog, other))

    async def waits_or_has_applied() -> bool:
        return applied.is_set() or await waits_or_is_done(catalog, other)

    async with transaction(catalog.pool, EVERY_ORGANISATION) as connection:
        hesitant: Any = Hesitant(connection)
        other = asyncio.create_task(apply(hesitant, CATALOG, [third]))
        await hesitant.arrived.wait()
        another = asyncio.create_task(apply_second_until(other))
        await eventually(waits_or_has_applied)
        hesitant.released.set()
        await other
    await another
    return await counted_of_sessions(catalog, organisation)


Meeting = Callable[[Database], Awaitable[dict[int, int]]]
PLACEHOLDER = counts_store._LOCK_ENROLLMENTS.partition("ON CONFLICT")[0] + "ON CONFLICT DO NOTHING"
MEETINGS = {
    "SELECT $1::bigint[], $2::bigint[]": counts_after_two_met_a_new_enrollment,
    PLACEHOLDER: counts_after_two_met_a_known_enrollment,
}
"""What is there without the placeholder or without the lock, and the meeting for which it is not enough."""


@pytest.mark.parametrize("meeting", MEETINGS.values())
async def test_two_consumers_at_once_count_an_enrollment_once(catalog: Database, meeting: Meeting) -> None:
    assert await meeting(catalog) == {1: 0, 2: 0, 3: 1}


@pytest.mark.parametrize(("statement", "meeting"), MEETINGS.items())
async def test_control_without_placeholder_or_lock_two_at_once_count_wrong(
    catalog: Database, monkeypatch: pytest.MonkeyPatch, statement: str, meeting: Meeting
) -> None:
    monkeypatch.setattr(counts_store, "_LOCK_ENROLLMENTS", statement)
    assert await meeting(catalog) != {1: 0, 2: 0, 3: 1}
