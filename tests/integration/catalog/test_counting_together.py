"""Two consumers that count at once wait for each other, and never each for the other.

A circle would end too: PostgreSQL finds it after a second and refuses one of the two, which tries again. Until then
both stand still, and all that is behind them.
"""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from services.catalog.app import MIGRATIONS
from services.catalog.store import counts
from shared.events.types import EnrollmentEvent
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connected, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support import events
from tests.support.databases import fresh_database

ORGANISATION = 1
COURSES = SESSIONS = 600
BATCHES = 20
ENROLLED = (500, 500, 40, 40)
"""In one batch of each consumer, everybody in another session."""
SEED = 7

_COURSES = """
INSERT INTO courses (organisation_id, id, title, category, delivery_mode, duration_hours, cost_per_participant,
    provider, prerequisites, labels, created_at)
SELECT $1, n, 'Course', 'safety', 'in_person', 1, 0, 'internal', '{}', '[]', now() FROM generate_series(1, $2) n
"""
_SESSIONS = """
INSERT INTO sessions (organisation_id, id, course_id, session_name, start_date, end_date, max_participants, status,
    projects)
SELECT $1, n, n, 'Session', now(), now() + interval '1 hour', 1000, 'scheduled', '[]' FROM generate_series(1, $2) n
"""


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with fresh_database("catalog") as url:
        await migrate(url, MIGRATIONS)
        async with connection_pool(url, name="test", size=len(ENROLLED)) as pool:
            async with connected(pool) as connection:
                await connection.execute(_COURSES, ORGANISATION, COURSES)
                await connection.execute(_SESSIONS, ORGANISATION, SESSIONS)
            yield pool


async def test_none_stands_in_anothers_way(pool: Pool) -> None:
    await asyncio.gather(*(_consume(pool, consumer) for consumer in range(len(ENROLLED))))
    async with connected(pool) as connection:
        counted = await connection.fetchval("SELECT sum(enrolled_count) FROM sessions")
    assert counted == BATCHES * sum(ENROLLED)


async def _consume(pool: Pool, consumer: int) -> None:
    """Raises `DeadlockDetectedError` where two wait for each other."""
    choice, first = random.Random(SEED + consumer), 1 + consumer * BATCHES * max(ENROLLED)
    for number in range(BATCHES):
        batch = _batch(choice, first + number * ENROLLED[consumer], ENROLLED[consumer])
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            await counts.apply_enrollments(connection, batch)


def _batch(choice: random.Random, first: int, size: int) -> list[EnrollmentEvent]:
    """In the order of their enrollments, which is none of their sessions."""
    return [
        events.enrollment(ORGANISATION, first + place, session_id=session, course_id=session)
        for place, session in enumerate(choice.sample(range(1, 1 + SESSIONS), size))
    ]
