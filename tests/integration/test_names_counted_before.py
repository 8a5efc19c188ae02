"""What rows of the version before carry is counted when they are migrated, and its newest name found."""

from pathlib import Path

import pytest

from services.catalog.app import MIGRATIONS as OF_CATALOG
from services.catalog.store.count_check import TOTALS as TOTALS_OF_CATALOG
from services.enrollment.app import MIGRATIONS as OF_ENROLLMENT
from services.enrollment.store.totals import TOTALS as TOTALS_OF_ENROLLMENT
from shared.postgres.list_totals import Totals
from shared.postgres.lists import PAGE
from shared.postgres.migrations import migrate
from shared.postgres.named_totals import named_page
from shared.postgres.pool import connection_pool
from tests.support.earlier_schema import database_before
from tests.support.totals import wrong

COURSES = """
INSERT INTO courses (organisation_id, id, title, category, delivery_mode, duration_hours, cost_per_participant,
    provider, prerequisites, labels, created_at)
SELECT organisation, id, 'Course', 'safety', 'in_person', 1, 0, 'internal', '{}', marked, now()
FROM (VALUES (7, 3, '[{"id": 5, "name": "Now"}]'::jsonb), (7, 2, '[]'), (8, 3, '[{"id": 5, "name": "Theirs"}]'),
    (7, 1, '[{"id": 5, "name": "Was"}, {"id": 4, "name": "Once"}]')) AS rows (organisation, id, marked)
"""
SESSIONS = """
INSERT INTO sessions (organisation_id, id, course_id, session_name, start_date, end_date, max_participants, status,
    projects)
SELECT organisation_id, id, id, 'Session', now(), now() + interval '1 hour', 5, 'scheduled', labels FROM courses
"""
PEOPLE = """
INSERT INTO people (organisation_id, id, type, employee_id, full_name, company_id, company_name, created_at, removed)
VALUES (7, 1, 'employee', 'E-1', 'Name', 5, 'Now', '2026-02-01Z', false),
    (7, 2, 'employee', 'E-2', 'Name', 5, 'Was', '2026-01-01Z', false),
    (7, 3, 'employee', 'E-3', 'Name', 4, 'Once', '2026-01-01Z', false),
    (7, 4, 'employee', 'E-4', 'Name', 5, 'Left', '2026-03-01Z', true),
    (7, 5, 'employee', 'E-5', 'Name', NULL, NULL, '2026-03-01Z', false),
    (8, 1, 'employee', 'E-1', 'Name', 5, 'Theirs', '2026-02-01Z', false)
"""
CATALOG = "0014_labels.sql", OF_CATALOG, (COURSES, SESSIONS), TOTALS_OF_CATALOG
ENROLLMENT = "0021_companies.sql", OF_ENROLLMENT, (PEOPLE,), TOTALS_OF_ENROLLMENT


@pytest.mark.parametrize(
    ("listed", "before"),
    [("labels", CATALOG), ("projects", CATALOG), ("companies", ENROLLMENT)],
    ids=["labels", "projects", "companies"],
)
async def test_rows_of_the_version_before_count(
    listed: str, before: tuple[str, Path, tuple[str, ...], tuple[Totals, ...]]
) -> None:
    migration, migrations, rows, totals = before
    async with database_before(migration, migrations) as url:
        async with connection_pool(url, name="before") as pool:
            for statement in rows:
                await pool.execute(statement)
        await migrate(url, migrations)
        async with connection_pool(url, name="now") as pool, pool.acquire() as connection:
            read = named_page(listed, 7, None, PAGE, (15, 0), 100)
            assert await read.alone_scoped(connection) == (
                2, '[{"id" : 4, "name" : "Once", "total" : 1}, {"id" : 5, "name" : "Now", "total" : 2}]',
            )  # fmt: skip
            assert await wrong(pool, totals) == []
