"""A step of a walk touches about as many rows as it shows, however many are beside them, and however deep it is."""

from collections.abc import AsyncIterator

import pytest

from services.catalog.app import MIGRATIONS
from services.catalog.schemas import CourseQuery, SessionQuery
from services.catalog.store import pages
from shared.postgres.batched_reads import batched_reader
from shared.postgres.migrations import migrate
from shared.postgres.pool import Connection
from tests.support.databases import service_database
from tests.support.enrollment_rows import ORGANISATION, warm_pool
from tests.support.plans import touched
from tests.support.steps import cursor_after
from tests.support.totals import fill

MANY = 20_000
FEW = 300
"""Rows that a step of 15 may touch, all tables together."""
FEW_OF_DAYS = 1_500
"""With those among which the ones of some days are looked for, counted in each part of the plan."""

_COURSES = """
INSERT INTO courses (organisation_id, id, title, category, delivery_mode, duration_hours, cost_per_participant,
    provider, prerequisites, labels, created_at)
SELECT $1, id, md5(id::text), (ARRAY['safety', 'technical'])[1 + id % 2], (ARRAY['in_person', 'online'])[1 + id % 2], 1,
    0, 'internal', '{}', '[]', now()
FROM generate_series(1, $2::bigint) id
"""
# Of two hundred sessions one is of another status: a hundred that are cancelled lie far apart.
_SESSIONS = """
INSERT INTO sessions (organisation_id, id, course_id, session_name, start_date, end_date, max_participants, status,
    projects)
SELECT $1, id, 1 + id % 200, 'Session', timestamptz '2026-01-01 00:00Z' + id * interval '10 minutes', '2030-01-01', 5,
    CASE WHEN id % 200 = 0 THEN 'cancelled' ELSE 'completed' END, '[]'
FROM generate_series(1, $2::bigint) id
"""


@pytest.fixture(scope="module")
async def connection() -> AsyncIterator[Connection]:
    """Planned as requests are, and as the service, which row-level security holds for."""
    async with service_database("catalog") as database, warm_pool(database.service_url, 2) as pool:
        await migrate(database.owner_url, MIGRATIONS)
        await fill(database.superuser_url, (_COURSES, _SESSIONS), ORGANISATION, MANY)
        async with (
            batched_reader(database.service_url, pool, name="test") as reads,
            reads._pool.acquire() as acquired,
        ):
            yield acquired


CURSORS = {"start": "", "middle": cursor_after(MANY // 2), "end": cursor_after(MANY - 50)}
SESSIONS = [
    {},
    {"status": "completed"},
    {"status": "cancelled"},
    {"status": "scheduled"},
    {"course_id": "7"},
    {"course_id": "7", "status": "completed"},
    {"course_id": "7", "status": "scheduled"},
    {"date_from": "2026-05-01", "date_to": "2026-05-01"},
    {"date_from": "2026-05-01", "date_to": "2026-05-01", "status": "completed"},
    {"date_from": "2026-05-01", "date_to": "2026-05-01", "course_id": "7"},
    {"date_from": "2026-05-18"},
    {"date_from": "2026-01-01"},
    {"date_from": "2026-01-01", "status": "completed"},
    {"date_to": "2026-01-01"},
]


@pytest.mark.parametrize("cursor", CURSORS)
@pytest.mark.parametrize("asked", SESSIONS, ids=str)
async def test_a_step_through_sessions(connection: Connection, asked: dict[str, str], cursor: str) -> None:
    query = SessionQuery.model_validate({**asked, "cursor": CURSORS[cursor]})
    few = FEW_OF_DAYS if "date" in str(asked) else FEW
    assert await touched(connection, pages.session_page(ORGANISATION, query)) < few


COURSES = [
    {},
    {"category": "safety"},
    {"category": "compliance"},
    {"delivery_mode": "online"},
    {"category": "safety", "delivery_mode": "in_person"},
    {"search": "c4ca4238a0b92382"},
    {"search": "c4ca4238a0b92382", "category": "technical"},
    {"search": "nobody has this"},
]


@pytest.mark.parametrize("cursor", CURSORS)
@pytest.mark.parametrize("asked", COURSES, ids=str)
async def test_a_step_through_courses(connection: Connection, asked: dict[str, str], cursor: str) -> None:
    query = CourseQuery.model_validate({**asked, "cursor": CURSORS[cursor]})
    assert await touched(connection, pages.course_page(ORGANISATION, query)) < FEW


async def test_control_a_deep_page_touches_what_is_before_it(connection: Connection) -> None:
    page = pages.session_page(ORGANISATION, SessionQuery.model_validate({"page": "1000"}))
    assert await touched(connection, page) > MANY / 2
