"""Records that an earlier release closed come to remember what they show: by themselves, once, and restartably."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from services.enrollment.app import MIGRATIONS
from services.enrollment.schemas import Completion
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.use_cases import lifecycle, preservation
from services.enrollment.use_cases.preservation import complete_copies, preserve_batch
from services.enrollment.use_cases.sessions import settle_waitlists
from shared.errors import Unavailable
from shared.events.states import State
from shared.events.types import Event
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connection_pool
from shared.projections.keys import Key, key_of
from shared.projections.snapshot import SnapshotClient
from tests.support.databases import fresh_database
from tests.support.enrollment_rows import ACTOR, ORGANISATION, execute
from tests.support.events import course, session
from tests.support.guards import without
from tests.support.releases import migrate_until

BEFORE = "0009"
"""The last migration of the release before."""
STATUSES = ("enrolled", "waitlisted", "completed", "failed", "absent", "cancelled")
OPEN = {"enrolled", "waitlisted"}
_ROWS = """
INSERT INTO courses (organisation_id, id, version, title, prerequisites, label_ids)
VALUES (7, 1, 3, 'Course 1, version 3', '{}', '{3}');
INSERT INTO sessions (organisation_id, id, version, course_id, start_date, location, status, seats_max, seats_taken,
    project_ids)
VALUES (7, 1, 2, 1, '2030-05-15T09:00Z', 'Room 2', 'scheduled', 20, 4, '{2}');
INSERT INTO people (organisation_id, id, type, employee_id, full_name, company_id, company_name, created_at)
SELECT 7, id, 'employee', 'E-' || id, 'John Doe', 5, 'Builders', now() FROM generate_series(1, 6) AS id;
INSERT INTO enrollments (organisation_id, id, session_id, course_id, employee_id, status, holds_seat, enrolled_at,
    completed_at)
SELECT 7, place, 1, 1, place, status, status NOT IN ('cancelled', 'waitlisted'), now(),
    CASE WHEN status IN ('completed', 'failed') THEN now() END
FROM unnest(ARRAY['enrolled', 'waitlisted', 'completed', 'failed', 'absent', 'cancelled'])
    WITH ORDINALITY AS each (status, place)
"""
REMEMBERED = {
    "training_name": "Course 1, version 3",
    "delivery_mode": "in_person",
    "labels": [{"id": 3, "name": "Label 3"}],
    "session_name": "Session 1, version 2",
    "location": "Room 2",
    "projects": [{"id": 2, "name": "Project 2"}],
    "company": {"id": 5, "name": "Builders"},
    "meetings": [],
}


class Catalog(SnapshotClient):
    """What the catalog has now; it fails the first `failures` times."""

    def __init__(self, *rows: Event[Any], failures: int = 0) -> None:
        self.rows, self.failures = rows, failures

    async def current(self, kind: str, keys: Sequence[Key]) -> list[Event[State]]:
        if self.failures:
            self.failures -= 1
            raise Unavailable
        return [row for row in self.rows if row.type == f"{kind[:-1]}.saved" and key_of(row) in keys]


CATALOG = (course(ORGANISATION, 1, 3), session(ORGANISATION, 1, 2))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preservation, "PAUSE", 0.0)


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    """A database of the release before, migrated to this one."""
    async with fresh_database("enrollment") as url:
        await migrate_until(url, MIGRATIONS, BEFORE)
        async with connection_pool(url, name="test", size=1) as pool:
            await execute(pool, _ROWS)
        await migrate(url, MIGRATIONS)
        async with connection_pool(url, name="test", size=4) as pool:
            yield pool


async def preserve(pool: Pool) -> None:
    while await preserve_batch(pool):
        pass


async def remembered(pool: Pool) -> dict[str, tuple[int, Any]]:
    """By status: the version, and what is remembered."""
    rows = await pool.fetch("SELECT status, version, remembered FROM enrollments ORDER BY id")
    return {row["status"]: (row["version"], row["remembered"] and json.loads(row["remembered"])) for row in rows}


async def told(pool: Pool) -> list[tuple[int, int, Any]]:
    """Id, version and what is remembered, of each event."""
    rows = await pool.fetch("SELECT body FROM outbox WHERE routing_key = 'enrollment.preserved' ORDER BY id")
    states = [json.loads(row["body"])["data"] for row in rows]
    return [(state["id"], state["version"], state["remembered"]) for state in states]


WHEN_DONE = {status: (1, None) if status in OPEN else (2, REMEMBERED) for status in STATUSES}


async def test_closed_records_of_the_release_before_remember_what_is_true_and_open_ones_nothing(pool: Pool) -> None:
    await complete_copies(pool, Catalog(*CATALOG))
    await preserve(pool)
    assert await remembered(pool) == WHEN_DONE
    assert await told(pool) == [(number, 2, REMEMBERED) for number in (3, 4, 5, 6)]
    rows = await pool.fetch("SELECT enrollment_id, version, action, actor_subject, changes FROM audit ORDER BY 1")
    assert [tuple(row)[:4] for row in rows] == [(n, 2, "enrollment.preserved", "enrollment") for n in (3, 4, 5, 6)]
    assert json.loads(rows[0]["changes"]) == {"remembered": {"from": None, "to": REMEMBERED}}


async def test_done_twice_it_changes_nothing_more(pool: Pool) -> None:
    for _ in range(2):
        await complete_copies(pool, Catalog(*CATALOG))
        await preserve(pool)
    assert await remembered(pool) == WHEN_DONE
    assert len(await told(pool)) == 4


async def test_it_continues_where_it_was(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preservation, "BATCH", 1)
    catalog = Catalog(*CATALOG, failures=1)
    with pytest.raises(Unavailable):
        await complete_copies(pool, catalog)
    assert not await preserve_batch(pool)
    await complete_copies(pool, catalog)
    assert await preserve_batch(pool)
    assert len(await told(pool)) == 1
    await preserve(pool)
    assert await remembered(pool) == WHEN_DONE


async def test_several_workers_at_once_complete_each_record_once(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preservation, "BATCH", 2)
    await asyncio.gather(*(complete_copies(pool, Catalog(*CATALOG)) for _ in range(3)))
    await asyncio.gather(*(preserve(pool) for _ in range(3)))
    assert await remembered(pool) == WHEN_DONE
    assert sorted(await told(pool), key=lambda each: each[0]) == [(number, 2, REMEMBERED) for number in (3, 4, 5, 6)]


@pytest.mark.parametrize("rows", [[], [course(ORGANISATION, 1, 4)], [CATALOG[0]]], ids=["none", "newer", "one"])
async def test_what_the_catalog_does_not_say_waits_for_the_next_time(pool: Pool, rows: list[Event[Any]]) -> None:
    await complete_copies(pool, Catalog(*rows))
    await preserve(pool)
    assert await told(pool) == []
    await complete_copies(pool, Catalog(*CATALOG))
    await preserve(pool)
    assert await remembered(pool) == WHEN_DONE


async def booked(pool: Pool) -> list[tuple[Any, Any]]:
    """When session 1 meets, as far as anybody knows."""
    return [(each.lower, each.upper) for each in await pool.fetchval("SELECT booked FROM sessions WHERE id = 1") or ()]


async def test_when_a_session_of_the_release_before_meets_is_fetched(pool: Pool) -> None:
    start, end = CATALOG[1].data.start_date, CATALOG[1].data.end_date
    assert await booked(pool) == []
    await complete_copies(pool, Catalog(*CATALOG))
    assert await booked(pool) == [(start, end)]
    # A process of the release before follows the next version, and knows no end.
    later = {"start_date": end, "end_date": end.replace(hour=20)}
    await execute(pool, f"UPDATE sessions SET version = 3, details_version = 3, start_date = '{end}' WHERE id = 1")
    assert await booked(pool) == []
    meeting = {"id": 1, "location": None, **later}
    await complete_copies(pool, Catalog(CATALOG[0], session(ORGANISATION, 1, 3, meetings=[meeting], **later)))
    assert await booked(pool) == [tuple(later.values())]
    assert await without_details(pool) == 0


async def without_details(pool: Pool) -> int:
    count: int = await pool.fetchval("SELECT count(*) FROM sessions WHERE times_version <> version")
    return count


async def completed_after_an_old_process_followed(pool: Pool) -> Any:
    """What is remembered of a record that closes when the release before has followed the course's last change."""
    await complete_copies(pool, Catalog(*CATALOG))
    await execute(pool, "UPDATE courses SET version = 4, title = 'Course 1, version 4', label_ids = '{4}'")
    await lifecycle.complete(pool, ORGANISATION, 1, Completion(), ACTOR)
    return await pool.fetchval("SELECT remembered FROM enrollments WHERE id = 1")


async def test_details_of_an_older_version_are_not_remembered(pool: Pool) -> None:
    assert await completed_after_an_old_process_followed(pool) is None
    await complete_copies(pool, Catalog(course(ORGANISATION, 1, 4), CATALOG[1]))
    await preserve(pool)
    [*_, last] = sorted(await told(pool), key=lambda each: -each[0])
    assert (last[0], last[1], last[2]["labels"]) == (1, 3, [{"id": 4, "name": "Label 4"}])


async def test_control_without_the_version_of_the_details_a_mixture_is_remembered(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, enrollment_store, "_LOCK", "c.details_version = c.version AND")
    mixture = json.loads(await completed_after_an_old_process_followed(pool))
    assert (mixture["training_name"], mixture["labels"]) == ("Course 1, version 4", [{"id": 3, "name": "Label 3"}])


async def test_who_waits_for_a_session_that_the_release_before_completed_is_cancelled_once(pool: Pool) -> None:
    await execute(pool, "UPDATE sessions SET status = 'completed'")
    for _ in range(2):
        await settle_waitlists(pool, 10)
    rows = await pool.fetch("SELECT status, version FROM enrollments WHERE id IN (1, 2) ORDER BY id")
    assert [tuple(row) for row in rows] == [("enrolled", 1), ("cancelled", 2)]
    entries = await pool.fetch("SELECT enrollment_id, version, action, actor_name FROM audit")
    assert [tuple(entry) for entry in entries] == [(2, 2, "enrollment.cancelled", "Catalog")]
    assert await pool.fetchval("SELECT array_agg(routing_key) FROM outbox") == ["enrollment.cancelled"]


async def test_nobody_who_was_removed_is_promoted(pool: Pool) -> None:
    await execute(pool, "UPDATE people SET removed = id = 2")
    await settle_waitlists(pool, 10)
    assert await pool.fetchval("SELECT status FROM enrollments WHERE id = 2") == "waitlisted"
    await execute(pool, "UPDATE people SET removed = false")
    await settle_waitlists(pool, 10)
    assert await pool.fetchval("SELECT status FROM enrollments WHERE id = 2") == "enrolled"
