"""A step of a walk through a long history touches little more than what it shows, and so does a page of all records."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.history.app import MIGRATIONS
from services.history.schemas import HistoryQuery, RecordQuery
from services.history.store import pages, record_lists
from shared.auth.sight import EVERYBODY
from shared.postgres.batched_reads import batched_reader
from shared.postgres.migrations import migrate
from shared.postgres.pool import Connection, Pool, slow_transaction
from tests.support.databases import ServiceDatabase, service_database
from tests.support.enrollment_rows import ORGANISATION, warm_pool
from tests.support.plans import touched, touched_alone
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
    """INSERT INTO records (organisation_id, id, version, employee_id, session_id, course_id, status, scored,
        completed_at)
    SELECT $1, id, 1, 1, id, 1, CASE id % 2 WHEN 0 THEN 'completed' ELSE 'enrolled' END, false,
        CASE id % 2 WHEN 0 THEN timestamptz '2026-01-01 08:00Z' - id * interval '1 hour' END
    FROM generate_series(1, $2) id""",
)


@pytest.fixture(scope="module")
async def database() -> AsyncIterator[ServiceDatabase]:
    async with service_database("history") as database:
        await migrate(database.owner_url, MIGRATIONS)
        await fill(database.superuser_url, _FILL, ORGANISATION, MANY)
        yield database


@pytest.fixture(scope="module")
async def pool(database: ServiceDatabase) -> AsyncIterator[Pool]:
    async with warm_pool(database.service_url, 2) as pool:
        yield pool


@pytest.fixture(scope="module")
async def connection(database: ServiceDatabase, pool: Pool) -> AsyncIterator[Connection]:
    """Planned as requests are, and as the service, which row-level security holds for."""
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


def all_records(**asked: Any) -> Any:
    return record_lists.records_page(ORGANISATION, RecordQuery.model_validate(asked), EVERYBODY)


@pytest.mark.parametrize("after", [0, MANY // 2, 60])
async def test_a_step_through_all_records_touches_few_rows(connection: Connection, after: int) -> None:
    assert await touched(connection, all_records(cursor=cursor_after(after))) < FEW


async def test_a_page_of_all_records_counts_them_and_touches_few_besides(pool: Pool) -> None:
    async with slow_transaction(pool, [ORGANISATION]) as patient:
        await patient.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")  # as for more rows
        assert MANY <= await touched_alone(patient, all_records()) < MANY + 2 * FEW


async def test_control_a_page_that_a_filter_finds_touches_more(pool: Pool) -> None:
    async with slow_transaction(pool, [ORGANISATION]) as patient:
        assert await touched_alone(patient, all_records(type="offline")) > MANY + 2 * FEW
