"""A service that started on empty tables is as quick when they are full: its plans do not tell how they were then.

PostgreSQL keeps the plan of a prepared statement until it takes the table's statistics anew, which may be a minute
later. So the statements of a busy minute must find their rows by an index, however few there seemed to be.
"""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from services.catalog.app import MIGRATIONS as CATALOG
from services.catalog.store import counts
from shared.http.responses import Answer
from shared.messaging import outbox
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connected, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support import events
from tests.support.databases import fresh_database
from tests.support.enrollment_rows import ORGANISATION, enroll, enrollment_database, execute, new_people, new_session

FIRST = 100
"""Rows when the statistics are taken: PostgreSQL takes them by itself after 50 changes, if a minute has passed."""
WARM = 8
"""Times that a statement runs until its plan is kept: from the sixth on (PostgreSQL, PREPARE)."""
MANY = 20_000
AT_ONCE = 4000
"""Rows of one statement, which has no longer than those of the product."""
FEW = 300
"""Rows that one change may touch, all tables together."""

_PEOPLE = """
INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
SELECT $1, n, 'employee', 'E-' || n, 'John Doe', now() FROM generate_series($2::bigint, $3::bigint) n
"""
_ENROLLED = """
INSERT INTO enrollments (organisation_id, session_id, course_id, employee_id, status, holds_seat, enrolled_at)
SELECT organisation_id, session_id, course_id, n, 'enrolled', true, enrolled_at
FROM (SELECT * FROM enrollments LIMIT 1) enrolled, generate_series($1::bigint, $2::bigint) n
"""
_COUNTED = """
INSERT INTO enrollments (organisation_id, id, version, session_id, course_id)
SELECT $1, n, 1, 1, 1 FROM generate_series($2::bigint, $3::bigint) n
"""
_PUBLISHED = """
INSERT INTO outbox (event_id, organisation_id, routing_key, body, must_route, published_at)
SELECT gen_random_uuid(), $1, 'enrollment.created', '{}', true, now() FROM generate_series(1, $2)
"""


@pytest.fixture
async def enrollment() -> AsyncIterator[Pool]:
    """With one connection, which remembers what it has planned; so has the next."""
    async with enrollment_database() as url, connection_pool(url, name="test", size=1) as pool:
        yield pool


@pytest.fixture
async def catalog() -> AsyncIterator[Pool]:
    async with fresh_database("catalog") as url:
        await migrate(url, CATALOG)
        async with connection_pool(url, name="test", size=1) as pool:
            yield pool


async def rows_read(pool: Pool) -> int:
    """Rows that all statements so far came across, in tables and by indexes."""
    async with connected(pool) as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        return int(
            await connection.fetchval("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables")
        )


async def test_enrolling(enrollment: Pool) -> None:
    session_id = await new_session(enrollment, places=2 * FIRST)
    people = await new_people(enrollment, FIRST + WARM)
    await enroll(enrollment, session_id, *people[:FIRST])
    await execute(enrollment, "VACUUM ANALYZE")
    for person in people[FIRST:]:
        await enroll(enrollment, session_id, person)
    for first in range(1, MANY + 1, AT_ONCE):
        await execute(enrollment, _PEOPLE, ORGANISATION, first, first + AT_ONCE - 1)
        await execute(enrollment, _ENROLLED, first, first + AT_ONCE - 1)
    [person] = await new_people(enrollment, 1)
    before = await rows_read(enrollment)
    assert isinstance(await enroll(enrollment, session_id, person), Answer)
    assert await rows_read(enrollment) - before < FEW


async def test_counting_enrollments(catalog: Pool) -> None:
    ids = count(1 + MANY)

    async def apply() -> None:
        async with transaction(catalog, EVERY_ORGANISATION) as connection:
            await counts.apply_enrollments(connection, [events.enrollment(ORGANISATION, next(ids))])

    await execute(catalog, _COUNTED, ORGANISATION, 1, FIRST)
    await execute(catalog, "VACUUM ANALYZE")
    for _ in range(WARM):
        await apply()
    await execute(catalog, _COUNTED, ORGANISATION, 1 + FIRST, MANY)
    before = await rows_read(catalog)
    await apply()
    assert await rows_read(catalog) - before < FEW


async def test_publishing(enrollment: Pool) -> None:
    ids = count(1)

    async def publish() -> None:
        async with transaction(enrollment, EVERY_ORGANISATION) as connection:
            await outbox.add(connection, "enrollment", [events.enrollment(ORGANISATION, next(ids))])
            rows = await outbox.lock_unpublished(connection, 500)
            assert len(rows) == 1
            await outbox.mark_published(connection, [row.id for row in rows])

    await execute(enrollment, _PUBLISHED, ORGANISATION, FIRST)
    await execute(enrollment, "VACUUM ANALYZE")
    for _ in range(WARM):
        await publish()
    await execute(enrollment, _PUBLISHED, ORGANISATION, MANY)
    before = await rows_read(enrollment)
    await publish()
    assert await rows_read(enrollment) - before < FEW
