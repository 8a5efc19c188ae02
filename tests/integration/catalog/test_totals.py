"""Totals of courses and sessions are the number of their rows, whatever happens at the same time."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from services.catalog.schemas import CourseQuery, SessionQuery
from services.catalog.store import pages
from services.catalog.store.count_check import TOTALS
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.list_totals import correct_totals
from shared.postgres.pool import connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.projections import Database, catalog_database, insert_sessions
from tests.support.totals import trigger_without, under_way, wrong

WRITERS = 6
ORGANISATION = 7


@pytest.fixture
async def catalog() -> AsyncIterator[Database]:
    async with catalog_database() as database:
        yield database


NAMED = """jsonb_build_array(jsonb_build_object('id', 1 + $1 % 3, 'name', 'N' || $1 % 2),
    jsonb_build_object('id', 4 + id % 2, 'name', 'N'))"""
STATEMENTS = (
    "UPDATE sessions SET status = 'completed', start_date = start_date - interval '1 day' WHERE id % 7 = $1 % 7",
    "UPDATE sessions SET status = 'cancelled' WHERE id % 5 = $1 % 5",
    "UPDATE sessions SET enrolled_count = enrolled_count + 1 WHERE id % 3 = $1 % 3",
    "DELETE FROM sessions WHERE id % 11 = $1 % 11",
    "UPDATE courses SET category = 'technical' WHERE id % 3 = $1 % 3",
    "UPDATE courses SET delivery_mode = 'hybrid', total_enrollments = 7 WHERE id % 5 = $1 % 5",
    f"UPDATE courses SET labels = {NAMED} WHERE id % 4 = $1 % 4",
    f"UPDATE sessions SET projects = {NAMED} WHERE id % 6 = $1 % 6",
    "DELETE FROM courses c WHERE NOT EXISTS (SELECT FROM sessions s WHERE s.course_id = c.id) AND $1 > 0",
)


async def change_at_random(catalog: Database, seed: int) -> None:
    """Some of it is rolled back, and some ends in a deadlock of the rows, which are locked in no order."""
    chance = random.Random(seed)
    for number in range(20):
        first = 1 + seed * 1000 + number * 5
        try:
            await insert_sessions(catalog, ORGANISATION, {first + n: first + n % 3 for n in range(5)})
            async with transaction(catalog.pool, EVERY_ORGANISATION) as connection:
                await connection.execute(chance.choice(STATEMENTS), chance.randrange(1, 1000))
                if number % 4 == 0:
                    raise KeyError("rolled back")
        except (KeyError, asyncpg.ForeignKeyViolationError, DatabaseUnavailable):
            continue


async def rush(catalog: Database) -> None:
    await asyncio.gather(*(change_at_random(catalog, seed) for seed in range(WRITERS)))


async def test_after_concurrent_changes_of_every_kind_each_total_is_the_number_of_its_rows(catalog: Database) -> None:
    await rush(catalog)
    assert await catalog.value("SELECT count(*) FROM sessions") > 100
    for listed in ("labels", "projects"):
        assert await catalog.value(f"SELECT count(DISTINCT (named_id, name)) FROM {listed}_totals") > 3
    assert await wrong(catalog.pool, TOTALS) == []


@pytest.mark.parametrize("event", ["insert", "update", "delete"])
async def test_control_without_one_of_the_triggers_totals_are_wrong(catalog: Database, event: str) -> None:
    for listed in ("courses", "sessions"):
        await catalog.pool.execute(f"ALTER TABLE {listed} DISABLE TRIGGER totals_on_{event}")
    await rush(catalog)
    found = await wrong(catalog.pool, TOTALS)
    assert found
    async with transaction(catalog.pool, EVERY_ORGANISATION) as connection:
        assert await correct_totals(connection, TOTALS) == len(found)
    assert await wrong(catalog.pool, TOTALS) == []


@pytest.mark.parametrize(("listed", "of_table"), [("labels", "courses"), ("projects", "sessions")])
@pytest.mark.parametrize("event", ["update", "delete"])
async def test_control_without_one_of_the_triggers_totals_of_names_are_wrong(
    catalog: Database, listed: str, of_table: str, event: str
) -> None:
    await catalog.pool.execute(f"ALTER TABLE {of_table} DISABLE TRIGGER {listed}_on_{event}")
    await insert_sessions(catalog, ORGANISATION, {1: 1, 2: 2})
    await catalog.pool.execute(f"UPDATE {of_table} SET {listed} = {NAMED}", 5)
    await catalog.pool.execute("DELETE FROM sessions WHERE id = 1")
    await catalog.pool.execute("DELETE FROM courses WHERE id = 1")
    found = await wrong(catalog.pool, TOTALS)
    assert found
    assert {each.split()[2] for each in found} == {listed}


CANCEL = "UPDATE sessions SET status = 'cancelled' WHERE id = $1"


async def test_who_changes_a_total_waits_for_nobody_who_does(catalog: Database) -> None:
    await insert_sessions(catalog, ORGANISATION, {1: 1, 2: 1})
    async with under_way(catalog.pool, CANCEL, 1):
        await catalog.pool.execute(CANCEL, 2)
        assert await wrong(catalog.pool, TOTALS) == []
    assert await wrong(catalog.pool, TOTALS) == []


async def test_control_without_a_row_of_one_s_own_it_waits(catalog: Database) -> None:
    await insert_sessions(catalog, ORGANISATION, {1: 1, 2: 1})
    async with (
        trigger_without(catalog.pool, "sessions_totals_on_update", " FOR UPDATE SKIP LOCKED"),
        under_way(catalog.pool, CANCEL, 1),
    ):
        with pytest.raises(DatabaseUnavailable, match="LockNotAvailable"):
            await catalog.pool.execute(CANCEL, 2)


SESSIONS = [
    ({}, "true"),
    ({"status": "scheduled"}, "status = 'scheduled'"),
    ({"date_from": "2026-05-01"}, "start_date >= '2026-05-01 00:00Z'"),
    ({"date_to": "2026-05-01"}, "start_date < '2026-05-01 00:00Z'"),
    ({"date_from": "2026-04-01", "date_to": "2026-04-20"}, "start_date BETWEEN '2026-04-01Z' AND '2026-04-19 23:59Z'"),
    ({"status": "completed", "date_from": "2026-04-01"}, "status = 'completed' AND start_date >= '2026-04-01Z'"),
    ({"course_id": "2"}, "course_id = 2"),
    ({"course_id": "2", "date_from": "2026-04-01"}, "course_id = 2 AND start_date >= '2026-04-01Z'"),
]
COURSES = [
    ({}, "true"),
    ({"category": "safety"}, "category = 'safety'"),
    ({"delivery_mode": "online"}, "delivery_mode = 'online'"),
    ({"category": "technical", "delivery_mode": "hybrid"}, "category = 'technical' AND delivery_mode = 'hybrid'"),
    ({"search": "SE 1"}, "title ILIKE '%SE%' AND title ILIKE '%1%'"),
    ({"search": "1", "category": "safety"}, "title ILIKE '%1%' AND category = 'safety'"),
]


@pytest.fixture(scope="module")
async def filled() -> AsyncIterator[Database]:
    async with catalog_database() as catalog:
        await insert_sessions(catalog, ORGANISATION, {number: 1 + number % 60 for number in range(1, 1001)})
        for statement in SPREAD:
            await catalog.pool.execute(statement)
        yield catalog


SPREAD = (
    """UPDATE sessions SET start_date = timestamptz '2026-01-01 00:00Z' + id * interval '5 hours',
        end_date = timestamptz '2027-01-01 00:00Z' + id * interval '5 hours',
        status = (ARRAY['scheduled', 'completed', 'cancelled'])[1 + id % 3]""",
    """UPDATE courses SET title = 'Course ' || id, category = (ARRAY['safety', 'technical', 'onboarding'])[1 + id % 3],
        delivery_mode = (ARRAY['online', 'hybrid'])[1 + id % 2]""",
)


@pytest.mark.parametrize(("asked", "where"), SESSIONS, ids=str)
async def test_the_list_of_sessions_tells_how_many_match(filled: Database, asked: dict[str, Any], where: str) -> None:
    read = pages.session_page(ORGANISATION, SessionQuery.model_validate({**asked, "per_page": "4", "page": "2"}))
    order = "start_date, id"
    await assert_page(filled, read, f"sessions WHERE {where}", order)


@pytest.mark.parametrize(("asked", "where"), COURSES, ids=str)
async def test_the_list_of_courses_tells_how_many_match(filled: Database, asked: dict[str, Any], where: str) -> None:
    read = pages.course_page(ORGANISATION, CourseQuery.model_validate({**asked, "per_page": "4", "page": "2"}))
    await assert_page(filled, read, f"courses WHERE {where}", "id")


async def assert_page(filled: Database, read: Any, matching: str, order: str) -> None:
    async with connected(filled.pool) as connection:
        total, items = await read.alone_scoped(connection)
        shown = await connection.fetch("SELECT (i ->> 'id')::bigint AS id FROM json_array_elements($1::json) i", items)
        ids = await connection.fetch(f"SELECT id FROM {matching} ORDER BY {order} LIMIT 4 OFFSET 4")
    assert total == await filled.value(f"SELECT count(*) FROM {matching}")
    assert [row["id"] for row in shown] == [row["id"] for row in ids]
