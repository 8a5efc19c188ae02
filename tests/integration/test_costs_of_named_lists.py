"""A page of labels, projects or companies touches as many totals as there are of them, and no row that carries one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.catalog.app import MIGRATIONS as OF_CATALOG
from services.enrollment.app import MIGRATIONS as OF_ENROLLMENT
from shared.postgres.batched_reads import PageRead, Statement, batched_reader
from shared.postgres.lists import PAGE
from shared.postgres.migrations import migrate
from shared.postgres.named_totals import named_page
from shared.postgres.pool import Connection
from tests.support.databases import service_database
from tests.support.enrollment_rows import ORGANISATION, warm_pool
from tests.support.plans import touched
from tests.support.totals import fill

MANY, NAMES = 20_000, 100
FEW = 6 * NAMES

_NAMED = f"jsonb_build_array(jsonb_build_object('id', id % {NAMES}, 'name', 'Name ' || id % {NAMES}))"
_COURSES = f"""
INSERT INTO courses (organisation_id, id, title, category, delivery_mode, duration_hours, cost_per_participant,
    provider, prerequisites, labels, created_at)
SELECT $1, id, 'Course', 'safety', 'in_person', 1, 0, 'internal', '{{}}', {_NAMED}, now()
FROM generate_series(1, $2::bigint) id
"""
_SESSIONS = f"""
INSERT INTO sessions (organisation_id, id, course_id, session_name, start_date, end_date, max_participants, status,
    projects)
SELECT $1, id, id, 'Session', now(), now() + interval '1 hour', 5, 'scheduled', {_NAMED}
FROM generate_series(1, $2::bigint) id
"""
_PEOPLE = f"""
INSERT INTO people (organisation_id, id, type, employee_id, full_name, company_id, company_name, created_at)
SELECT $1, id, 'employee', 'E-' || id, md5(id::text), id % {NAMES}, 'Name ' || id % {NAMES}, now()
FROM generate_series(1, $2::bigint) id
"""
ROWS: dict[str, tuple[Path, tuple[str, ...]]] = {
    "catalog": (OF_CATALOG, (_COURSES, _SESSIONS)),
    "enrollment": (OF_ENROLLMENT, (_PEOPLE,)),
}
LISTED = [("catalog", "labels"), ("catalog", "projects"), ("enrollment", "companies")]


@pytest.fixture(scope="module")
async def connections() -> AsyncIterator[dict[str, Connection]]:
    """Planned as requests are, and as the service, which row-level security holds for."""
    async with connection("catalog") as catalog, connection("enrollment") as enrollment:
        yield {"catalog": catalog, "enrollment": enrollment}


@asynccontextmanager
async def connection(service: str) -> AsyncIterator[Connection]:
    migrations, statements = ROWS[service]
    async with service_database(service) as database, warm_pool(database.service_url, 2) as pool:
        await migrate(database.owner_url, migrations)
        await fill(database.superuser_url, statements, ORGANISATION, MANY)
        async with (
            batched_reader(database.service_url, pool, name="test") as reads,
            reads._pool.acquire() as acquired,
        ):
            yield acquired


@pytest.mark.parametrize(("service", "listed"), LISTED)
@pytest.mark.parametrize(("search", "rows_before"), [(None, 0), (None, 60), ("name 7", 0)])
async def test_a_page_touches_as_many_totals_as_there_are(
    connections: dict[str, Connection], service: str, listed: str, search: str | None, rows_before: int
) -> None:
    read = named_page(listed, ORGANISATION, search, PAGE, (15, rows_before), 100)
    assert await touched(connections[service], read) < FEW


async def test_control_counting_the_rows_touches_all(connections: dict[str, Connection]) -> None:
    counting = Statement(
        "SELECT count(DISTINCT company_id) AS total FROM people WHERE organisation_id = :organisation_id",
        {"organisation_id": "bigint"},
    )
    assert await touched(connections["enrollment"], PageRead(counting, (ORGANISATION,))) >= MANY
