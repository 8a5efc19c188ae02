"""A step of a walk through a long history touches little more than what it shows."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.history.app import MIGRATIONS
from services.history.schemas import HistoryQuery
from services.history.store import pages
from shared.postgres.batched_reads import batched_reader
from shared.postgres.migrations import migrate
from shared.postgres.pool import Connection
from tests.support.databases import service_database
from tests.support.enrollment_rows import ORGANISATION, warm_pool
from tests.support.plans import touched
from tests.support.steps import cursor_after
from tests.support.totals import fill

MANY = 5_000
FEW = 500
"""Rows that a step of 50 may touch, all tables together."""

_FILL = (
    """INSERT INTO people (organisation_id, id, version, type, full_name, removed)
    SELECT $1, 1, 1, 'employee', 'John Doe', false WHERE $2 > 0""",
    """INSERT INTO courses (organisation_id, id, version, title, online, label_ids, label_names)
    SELECT $1, 1, 1, 'Course', false, '{}', '[]' WHERE $2 > 0""",
    """INSERT INTO sessions (organisation_id, id, version, session_name, start_date, location, project_ids,
        project_names)
    SELECT $1, id, 1, 'Session', timestamptz '2026-01-01 00:00Z' - id * interval '1 hour', 'Room', '{}', '[]'
    FROM generate_series(1, $2) id""",
    """INSERT INTO records (organisation_id, id, version, employee_id, session_id, course_id, status, scored)
    SELECT $1, id, 1, 1, id, 1, CASE id % 2 WHEN 0 THEN 'completed' ELSE 'enrolled' END, false
    FROM generate_series(1, $2) id""",
)


@pytest.fixture(scope="module")
async def connection() -> AsyncIterator[Connection]:
    """Planned as requests are, and as the service, which row-level security holds for."""
    async with service_database("history") as database, warm_pool(database.service_url, 2) as pool:
        await migrate(database.owner_url, MIGRATIONS)
        await fill(database.superuser_url, _FILL, ORGANISATION, MANY)
        async with (
            batched_reader(database.service_url, pool, name="test") as reads,
            reads._pool.acquire() as acquired,
        ):
            yield acquired


def touches(connection: Connection, **asked: Any) -> Any:
    query = HistoryQuery.model_validate(asked)
    return touched(connection, pages.history_page(ORGANISATION, 1, "employee", query, None))


@pytest.mark.parametrize("after", [0, MANY // 2, 60])
@pytest.mark.parametrize("status", [{}, {"status": "confirmed"}])
async def test_a_step_touches_few_rows_however_deep_it_is(
    connection: Connection, after: int, status: dict[str, str]
) -> None:
    assert await touches(connection, cursor=cursor_after(after), **status) < FEW


async def test_control_a_page_touches_all(connection: Connection) -> None:
    assert await touches(connection) > MANY
