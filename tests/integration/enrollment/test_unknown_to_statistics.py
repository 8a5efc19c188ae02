"""An organisation that has come since the tables were analyzed is found by its keys, however many rows it has."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.enrollment.imports import PEOPLE
from services.enrollment.schemas_imports import PersonLine
from services.enrollment.use_cases import importing_people
from shared.postgres.pool import Connection, Pool, transaction
from tests.support.enrollment_rows import ACTOR, ORGANISATION, enrollment_database, warm_pool

ELSEWHERE = ORGANISATION + 1
THERE = 3_000
READ = "SELECT coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'people'"


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, 1) as pool:
        yield pool


async def many_people(pool: Pool, organisation: int) -> None:
    async with transaction(pool, [organisation]) as connection:
        await connection.execute(
            "INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)"
            f" SELECT $1, n, 'employee', 'E-' || n, 'John Doe', now() FROM generate_series(1, {THERE}) n",
            organisation,
        )


async def rows_read(pool: Pool) -> int:
    """Of `people`, by a batch of a hundred who are new to the organisation."""
    await many_people(pool, ELSEWHERE)
    await pool.execute("ANALYZE people")
    assert await pool.fetchval("SELECT reltuples FROM pg_class WHERE relname = 'people'") == THERE
    await many_people(pool, ORGANISATION)
    lines = [PersonLine(id=10_000 + n, employee_id=f"N-{n}", full_name="Jane Doe") for n in range(100)]
    async with transaction(pool, [ORGANISATION]) as connection:
        applied = await PEOPLE.apply(connection, ORGANISATION, lines, ACTOR)
        assert {each.outcome for each in applied} == {"created"}
        read: int = await connection.fetchval(READ)
    return read


async def test_a_batch_reads_no_rows_but_its_own(pool: Pool) -> None:
    assert await rows_read(pool) < THERE


async def test_control_planned_for_its_arguments_it_reads_all(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def for_its_arguments(connection: Connection) -> Any:
        await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")

    monkeypatch.setattr(importing_people, "plan_anew", for_its_arguments)
    assert await rows_read(pool) >= THERE
