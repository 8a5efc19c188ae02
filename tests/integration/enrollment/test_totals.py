"""Totals of enrollments and people are the number of their rows, whatever happens at the same time."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from services.enrollment.schemas import Completion, EnrollmentQuery, PersonQuery
from services.enrollment.store import pages, people_pages
from services.enrollment.store.totals import TOTALS
from services.enrollment.use_cases import lifecycle
from shared.errors import Conflict, NotFound
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.list_totals import correct_totals
from shared.postgres.pool import Pool, connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.enrollment_rows import (
    ACTOR,
    ORGANISATION,
    enroll,
    enrollment_database,
    execute,
    granted,
    new_people,
    new_session,
    warm_pool,
)
from tests.support.totals import fill, trigger_without, under_way, wrong

WRITERS = 8


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, WRITERS + 2) as pool:
        yield pool


STATEMENTS = (
    "UPDATE enrollments SET status = 'absent', enrolled_at = enrolled_at - interval '300 days' WHERE id % 5 = $1 % 5",
    "UPDATE enrollments SET course_id = 1 + $1 % 3, status = 'completed' WHERE id % 7 = $1 % 7",
    "UPDATE enrollments SET notices_sent = notices_sent + 1 WHERE id % 2 = $1 % 2",
    "DELETE FROM enrollments WHERE id % 11 = $1 % 11",
    "UPDATE people SET company_id = nullif($1 % 4, 0), company_name = 'C' || $1 % 3 WHERE id % 3 = $1 % 3",
    "UPDATE people SET type = 'staff', removed = NOT removed WHERE id % 5 = $1 % 5",
)


async def change_at_random(pool: Pool, sessions: Sequence[int], people: Sequence[int], seed: int) -> None:
    """Through the use cases and past them; some of it is rolled back, some is refused."""
    chance = random.Random(seed)
    for _ in range(15):
        statement, number = chance.choice(STATEMENTS), chance.randrange(1000)
        try:
            answer = await enroll(pool, chance.choice(sessions), *chance.sample(people, 3), waitlist=True)
            for data in granted([answer]):
                await lifecycle.complete(pool, ORGANISATION, data["enrollments"][0]["id"], Completion(), ACTOR)
            async with transaction(pool, EVERY_ORGANISATION) as connection:
                await connection.execute(statement, number)
                if number % 4 == 0:
                    raise KeyError("rolled back")
        except (KeyError, Conflict, NotFound, asyncpg.UniqueViolationError):
            continue
        except DatabaseUnavailable:  # rows are locked in no order; who changes totals waits for nobody, see below
            continue


async def rush(pool: Pool) -> None:
    sessions, people = [await new_session(pool, 20) for _ in range(4)], await new_people(pool, 40)
    await asyncio.gather(*(change_at_random(pool, sessions, people, seed) for seed in range(WRITERS)))


async def counted(pool: Pool, sql: str) -> int:
    async with connected(pool) as connection:
        return int(await connection.fetchval(sql))


async def test_after_concurrent_changes_of_every_kind_each_total_is_the_number_of_its_rows(pool: Pool) -> None:
    await rush(pool)
    assert await counted(pool, "SELECT count(*) FROM enrollments")
    assert await counted(pool, "SELECT count(DISTINCT course_id) FROM enrollments_totals") > 3
    assert await counted(pool, "SELECT count(DISTINCT (named_id, name)) FROM companies_totals") > 3
    assert await wrong(pool, TOTALS) == []


async def test_control_without_the_triggers_totals_are_wrong(pool: Pool) -> None:
    for listed in ("enrollments", "people"):
        for event in ("insert", "update", "delete"):
            await execute(pool, f"ALTER TABLE {listed} DISABLE TRIGGER totals_on_{event}")
    await rush(pool)
    found = await wrong(pool, TOTALS)
    assert found
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        assert await correct_totals(connection, TOTALS) == len(found)
    assert await wrong(pool, TOTALS) == []


@pytest.mark.parametrize("event", ["insert", "update", "delete"])
async def test_control_without_one_of_the_triggers_totals_of_companies_are_wrong(pool: Pool, event: str) -> None:
    await execute(pool, f"ALTER TABLE people DISABLE TRIGGER companies_on_{event}")
    for statement in (
        NEW_PEOPLE,
        "UPDATE people SET company_name = 'B' WHERE id < 3",
        "DELETE FROM people WHERE id = 1",
    ):
        await execute(pool, statement)
    assert [each for each in await wrong(pool, TOTALS) if each.startswith("total of companies")]


NEW_PEOPLE = """
INSERT INTO people (organisation_id, id, type, employee_id, full_name, company_id, company_name, created_at)
SELECT 7, id, 'employee', 'E-' || id, 'Name', 5, 'A', now() FROM generate_series(1, 4) id
"""


async def test_who_changes_the_total_of_a_company_waits_for_nobody_who_does(pool: Pool) -> None:
    await execute(pool, NEW_PEOPLE)
    async with under_way(pool, "UPDATE people SET company_name = 'B' WHERE id = 1"):
        await execute(pool, "UPDATE people SET company_name = 'B' WHERE id = 2")
        assert await wrong(pool, TOTALS) == []
    assert await wrong(pool, TOTALS) == []


async def test_control_without_a_row_of_one_s_own_it_waits_for_a_company(pool: Pool) -> None:
    await execute(pool, NEW_PEOPLE)
    async with (
        trigger_without(pool, "companies_totals_on_update", " FOR UPDATE SKIP LOCKED"),
        under_way(pool, "UPDATE people SET company_name = 'B' WHERE id = 1"),
    ):
        with pytest.raises(DatabaseUnavailable, match="LockNotAvailable"):
            await execute(pool, "UPDATE people SET company_name = 'B' WHERE id = 2")


async def test_who_changes_a_total_waits_for_nobody_who_does(pool: Pool) -> None:
    first, second = await two_enrollments(pool)
    async with under_way(pool, COMPLETE, first):
        await execute(pool, COMPLETE, second)
        assert await wrong(pool, TOTALS) == []
    assert await wrong(pool, TOTALS) == []


async def test_control_without_a_row_of_one_s_own_it_waits(pool: Pool) -> None:
    first, second = await two_enrollments(pool)
    async with (
        trigger_without(pool, "enrollments_totals_on_update", " FOR UPDATE SKIP LOCKED"),
        under_way(pool, COMPLETE, first),
    ):
        with pytest.raises(DatabaseUnavailable, match="LockNotAvailable"):
            await execute(pool, COMPLETE, second)


COMPLETE = "UPDATE enrollments SET status = 'completed' WHERE id = $1"


async def two_enrollments(pool: Pool) -> tuple[int, int]:
    [data] = granted([await enroll(pool, await new_session(pool, 20), *await new_people(pool, 2))])
    first, second = (enrollment["id"] for enrollment in data["enrollments"])
    return first, second


async def test_rows_that_come_by_copy_or_are_truncated_count(pool: Pool) -> None:
    rows = [(ORGANISATION, number, "staff" if number % 3 else "employee", "E", "Name", False) for number in range(300)]
    async with connected(pool) as connection:
        columns = ["organisation_id", "id", "type", "employee_id", "full_name", "removed"]
        await connection.execute("ALTER TABLE people ALTER created_at SET DEFAULT now()")
        await connection.copy_records_to_table("people", records=rows, columns=columns)
        read = people_pages.person_page(ORGANISATION, "staff", PersonQuery(), None)
        assert (await read.alone_scoped(connection))[0] == 200
        assert await wrong(pool, TOTALS) == []
        await connection.execute("TRUNCATE people, enrollments, external_records")
        assert (await read.alone_scoped(connection))[0] == 0
    assert await wrong(pool, TOTALS) == []


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"status": "completed"},
        {"year": "2024"},
        {"course_id": "2"},
        {"course_id": "2", "status": "enrolled"},
        {"status": "enrolled", "year": "2025"},
        {"course_id": "2", "year": "2025"},
        {"course_id": "2", "status": "completed", "year": "2024"},
        {"session_id": "5", "status": "enrolled"},
        {"employee_id": "7", "year": "2024"},
    ],
)
async def test_a_list_tells_how_many_rows_match(filled: Pool, asked: dict[str, Any]) -> None:
    conditions = {
        "course_id": "course_id = {}",
        "status": "status = '{}'",
        "year": "extract(year FROM enrolled_at AT TIME ZONE 'UTC') = {}",
        "session_id": "session_id = {}",
        "employee_id": "employee_id = {}",
    }
    where = " AND ".join(["true", *(conditions[name].format(value) for name, value in asked.items())])
    async with connected(filled) as connection:
        ids = await connection.fetch(f"SELECT id FROM enrollments WHERE {where} ORDER BY id DESC LIMIT 3 OFFSET 3")
        read = pages.enrollment_page(
            ORGANISATION, EnrollmentQuery.model_validate({**asked, "per_page": "3", "page": "2"})
        )
        total, items = await read.alone_scoped(connection)
        shown = await connection.fetchval("SELECT array_agg(i ->> 'id') FROM json_array_elements($1::json) i", items)
    assert total == await counted(filled, f"SELECT count(*) FROM enrollments WHERE {where}")
    assert shown == [str(row["id"]) for row in ids]


@pytest.fixture(scope="module")
async def filled() -> AsyncIterator[Pool]:
    """Several thousand enrollments over courses, years and statuses."""
    async with enrollment_database() as url, warm_pool(url, 2) as pool:
        await fill(url, FILL, ORGANISATION)
        yield pool


FILL = (
    """INSERT INTO courses (organisation_id, id, version, title, prerequisites)
    SELECT $1, id, 1, 'Course', '{}' FROM generate_series(1, 3) id""",
    """INSERT INTO sessions (organisation_id, id, version, course_id, start_date, status, seats_max)
    SELECT $1, id, 1, 1 + id % 3, now(), 'scheduled', 5000 FROM generate_series(1, 30) id""",
    """INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
    SELECT $1, id, 'employee', 'E-' || id, 'Name', now() FROM generate_series(1, 300) id""",
    """INSERT INTO enrollments (organisation_id, id, session_id, course_id, employee_id, status, holds_seat,
        enrolled_at)
    SELECT $1, number, 1 + number % 30, 1 + (1 + number % 30) % 3, 1 + number / 30,
        (ARRAY['enrolled', 'completed', 'failed', 'absent'])[1 + number % 4], true,
        timestamptz '2024-07-01 00:00Z' + number * interval '1 hour'
    FROM generate_series(1, 8000) number""",
)
