"""What history keeps of closed records: from the release before, from its processes, and out of order."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.history.app import MIGRATIONS
from services.history.schemas import HistoryQuery
from services.history.store import copies, pages
from shared.events.states import EnrollmentState, Remembered
from shared.events.types import Event
from shared.messaging.subscriptions import apply
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connected, connection_pool, transaction
from tests.support.databases import fresh_database
from tests.support.enrollment_rows import execute
from tests.support.events import course, enrollment, person, session
from tests.support.releases import migrate_until
from tests.support.services import PROJECTIONS

BEFORE = "0002"
"""The last migration of the release before."""
ORGANISATION = 7
COPIES = (course(ORGANISATION, 1), session(ORGANISATION, 1), person(ORGANISATION, 1))
RENAMED = (course(ORGANISATION, 1, 2, delivery_mode="online"), session(ORGANISATION, 1, 2), person(ORGANISATION, 1, 2))
_ROWS = """
INSERT INTO courses (organisation_id, id, version, title, online, label_ids, label_names)
VALUES (7, 1, 1, 'Course 1, version 1', false, '{1}', '["Label 1"]');
INSERT INTO sessions (organisation_id, id, version, session_name, start_date, location, project_ids, project_names)
VALUES (7, 1, 1, 'Session 1, version 1', '2030-05-15T09:00Z', 'Room 1', '{1}', '["Project 1"]');
INSERT INTO people (organisation_id, id, version, type, full_name, company_id, company_name, removed)
VALUES (7, 1, 1, 'employee', 'Person 1, version 1', 1, 'Company 1', false);
INSERT INTO records (organisation_id, id, version, employee_id, session_id, course_id, status, scored)
SELECT 7, place, 1, 1, 1, 1, status, false
FROM unnest(ARRAY['enrolled', 'waitlisted', 'completed', 'failed', 'absent', 'cancelled'])
    WITH ORDINALITY AS each (status, place)
"""
OLD, NEW = (
    ("Course 1, version 1", "offline", "Room 1", "Company 1"),
    ("Course 1, version 2", "online", None, "Company 2"),
)
REMEMBERED = Remembered.model_validate(
    {
        "training_name": "Course 1, version 1",
        "delivery_mode": "in_person",
        "labels": [{"id": 1, "name": "Label 1"}],
        "session_name": "Session 1, version 1",
        "location": "Room 1",
        "projects": [{"id": 1, "name": "Project 1"}],
        "company": {"id": 1, "name": "Company 1"},
    }
)


async def follow(pool: Pool, *events: Event[Any]) -> None:
    async with transaction(pool, [ORGANISATION]) as connection:
        for event in events:
            await apply(connection, PROJECTIONS["history"].subscriptions, [event])


async def shown(pool: Pool, query: HistoryQuery | None = None, company_id: int | None = None) -> dict[int, Any]:
    """By the record's id: name, type, venue and company."""
    page = pages.history_page(ORGANISATION, 1, "employee", query or HistoryQuery(), company_id)
    async with connected(pool) as connection:
        _, _, items = await page.alone(connection)
    return {
        record["id"]: (
            record["training_name"],
            record["type"],
            record["session"]["venue"],
            record["person"]["company"],
        )
        for record in json.loads(items)
    }


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with fresh_database("history") as url:
        await migrate(url, MIGRATIONS)
        async with connection_pool(url, name="test", size=2) as pool:
            yield pool


async def test_closed_records_of_the_release_before_keep_what_they_show() -> None:
    async with fresh_database("history") as url:
        await migrate_until(url, MIGRATIONS, BEFORE)
        async with connection_pool(url, name="test", size=1) as pool:
            await execute(pool, _ROWS)
        await migrate(url, MIGRATIONS)
        async with connection_pool(url, name="test", size=1) as pool:
            assert await shown(pool) == dict.fromkeys(range(1, 7), OLD)
            await follow(pool, *RENAMED)
            closed, still_open = dict.fromkeys((3, 4, 5, 6), OLD), dict.fromkeys((1, 2), NEW)
            assert await shown(pool) == {**still_open, **closed}
            for query in ({"type": "offline"}, {"label_id": "1"}, {"project_id": "1"}):
                assert await shown(pool, HistoryQuery.model_validate(query)) == closed
            assert await shown(pool, company_id=2) == still_open


def completed(version: int, **changes: Any) -> Event[EnrollmentState]:
    return enrollment(ORGANISATION, 1, version, "completed", **changes)


async def corrected_by_the_release_before(pool: Pool) -> Any:
    await follow(pool, *COPIES, completed(2, remembered=REMEMBERED), *RENAMED, completed(3))
    return (await shown(pool))[1]


async def test_a_correction_by_the_release_before_keeps_what_is_remembered(pool: Pool) -> None:
    assert await corrected_by_the_release_before(pool) == OLD


async def test_control_an_event_that_says_nothing_would_take_it_away(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "_SAVE_RECORDS", copies._SAVE_RECORDS.replace("records.remembered AND", "false AND"))
    assert await corrected_by_the_release_before(pool) == NEW


async def test_a_record_that_is_open_again_follows_again(pool: Pool) -> None:
    await follow(pool, *COPIES, completed(2, remembered=REMEMBERED), *RENAMED)
    assert await shown(pool) == {1: OLD}
    await follow(pool, enrollment(ORGANISATION, 1, 3))
    assert await shown(pool) == {1: NEW}


async def test_the_same_events_in_any_order_leave_the_same_row(pool: Pool) -> None:
    events = [enrollment(ORGANISATION, 1), completed(2, remembered=REMEMBERED), *COPIES, *RENAMED]
    rows = []
    for order in (events, events[::-1]):
        await execute(pool, "TRUNCATE courses, sessions, people, records")
        await follow(pool, *order)
        rows.append(await pool.fetchval("SELECT to_jsonb(r) - '{updated_at,updated_day}'::text[] FROM records r"))
    assert rows[0] == rows[1]


async def test_control_a_filter_by_the_copies_finds_what_is_true_now(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await follow(pool, *COPIES, completed(2, remembered=REMEMBERED), *RENAMED)
    assert await shown(pool, company_id=2) == {}
    monkeypatch.setattr(pages, "_page_statement", pages._page_statement.__wrapped__)
    monkeypatch.setattr(pages, "RECORDS", pages.RECORDS.replace("WHEN r.remembered THEN", "WHEN false THEN"))
    assert await shown(pool, company_id=2) == {1: NEW}
