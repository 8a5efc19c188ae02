"""Databases with a service's schema, and what its projections say, read past the service."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import services.catalog.app
import services.delivery.app
import services.enrollment.app
import services.history.app
from shared.postgres.pool import Pool, connection_pool
from shared.projections.comparison import NOTED
from tests.support.databases import migrated_database
from tests.support.events import MOMENT, CourseCounts

_INSERT_COURSES = """
INSERT INTO courses (organisation_id, id, title, category, delivery_mode, duration_hours, cost_per_participant,
    provider, prerequisites, labels, created_at)
SELECT $1, id, 'Course', 'safety', 'in_person', 1, 0, 'internal', '{}', '[]', $3 FROM unnest($2::bigint[]) AS id
"""

_INSERT_SESSIONS = """
INSERT INTO sessions (organisation_id, id, course_id, session_name, start_date, end_date, max_participants, status,
    projects)
SELECT $1, id, course_id, 'Session', $4, $4::timestamptz + interval '1 hour', 500, 'scheduled', '[]'
FROM unnest($2::bigint[], $3::bigint[]) AS new (id, course_id)
"""


@dataclass(frozen=True)
class Database:
    """A service's database: its address, and a pool as the service itself has one."""

    url: str
    pool: Pool

    async def value(self, sql: str, *arguments: Any) -> Any:
        return await self.pool.fetchval(sql, *arguments)


@asynccontextmanager
async def catalog_database() -> AsyncIterator[Database]:
    async with _migrated("catalog", services.catalog.app.MIGRATIONS) as database:
        yield database


@asynccontextmanager
async def enrollment_database() -> AsyncIterator[Database]:
    async with _migrated("enrollment", services.enrollment.app.MIGRATIONS) as database:
        yield database


@asynccontextmanager
async def history_database() -> AsyncIterator[Database]:
    async with _migrated("history", services.history.app.MIGRATIONS) as database:
        yield database


@asynccontextmanager
async def delivery_database() -> AsyncIterator[Database]:
    async with _migrated("delivery", services.delivery.app.MIGRATIONS) as database:
        yield database


@asynccontextmanager
async def _migrated(name: str, migrations: Path) -> AsyncIterator[Database]:
    async with migrated_database(name, migrations) as url, connection_pool(url, name="test") as pool:
        yield Database(url, pool)


async def insert_sessions(catalog: Database, organisation: int, courses: Mapping[int, int]) -> None:
    """Sessions and their courses, `courses` being session → course, without any enrollment."""
    await catalog.pool.execute(_INSERT_COURSES, organisation, sorted(set(courses.values())), MOMENT)
    await catalog.pool.execute(_INSERT_SESSIONS, organisation, list(courses), list(courses.values()), MOMENT)


async def counted_of_sessions(catalog: Database, organisation: int) -> dict[int, int]:
    rows = await catalog.pool.fetch("SELECT id, enrolled_count FROM sessions WHERE organisation_id = $1", organisation)
    return {row["id"]: row["enrolled_count"] for row in rows}


async def counted_of_courses(catalog: Database, organisation: int) -> dict[int, CourseCounts]:
    rows = await catalog.pool.fetch(
        "SELECT id, total_enrollments, total_completed, total_scored, score_sum FROM courses"
        " WHERE organisation_id = $1",
        organisation,
    )
    return {row["id"]: CourseCounts(*tuple(row)[1:]) for row in rows}


async def table(database: Database, name: str, organisation: int) -> list[dict[str, Any]]:
    """Every row of an organisation, in the order of their ids, without when it was changed."""
    rows = await database.pool.fetch(f"SELECT * FROM {name} WHERE organisation_id = $1 ORDER BY id", organisation)
    return [{column: value for column, value in row.items() if column not in NOTED} for row in rows]
