"""A page of a list touches about as many rows as it shows, however many there are beside them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import product

import pytest

from services.enrollment.app import MIGRATIONS
from services.enrollment.schemas import EmployeeQuery, EnrollmentQuery, PersonQuery
from services.enrollment.store import pages, people_pages
from shared.auth.sight import EVERYBODY, Sight
from shared.postgres.batched_reads import PageRead, Statement, batched_reader
from shared.postgres.migrations import migrate
from shared.postgres.pool import Connection, Pool, slow_transaction
from tests.support.databases import ServiceDatabase, service_database
from tests.support.enrollment_rows import ORGANISATION, warm_pool
from tests.support.plans import touched, touched_alone
from tests.support.steps import cursor_after
from tests.support.totals import fill

MANY = 20_000

FEW = 600
"""Rows that a page of 15 may touch, all tables together; the totals of its list are some of them."""

_FILL = (
    """INSERT INTO courses (organisation_id, id, version, title, prerequisites)
    SELECT $1, id, 1, 'Course', '{}' FROM generate_series(1, 200) id WHERE $2 > 0""",
    """INSERT INTO sessions (organisation_id, id, version, course_id, start_date, status, seats_max)
    SELECT $1, id, 1, 1 + id % 200, now(), 'scheduled', 5000 FROM generate_series(1, 1000) id WHERE $2 > 0""",
    """INSERT INTO people (organisation_id, id, type, employee_id, full_name, company_id, created_at)
    SELECT $1, id, CASE id % 2 WHEN 0 THEN 'staff' ELSE 'employee' END, 'E-' || id, md5(id::text),
        CASE WHEN id % 400 = 3 THEN 2 WHEN id % 4 = 1 THEN 1 END, now() FROM generate_series(1, $2) id""",
    """INSERT INTO enrollments (organisation_id, id, session_id, course_id, employee_id, status, holds_seat,
        enrolled_at, updated_at, updated_day)
    SELECT $1, number, 1 + number % 1000, 1 + (number % 1000) / 5 % 2, number,
        (ARRAY['enrolled', 'completed', 'failed', 'absent'])[1 + number % 4], true,
        timestamptz '2024-01-01 00:00Z' + number * interval '1 hour', changed, (changed AT TIME ZONE 'UTC')::date
    FROM generate_series(1, $2) number,
        LATERAL (SELECT CASE WHEN number % 1000 = 7 THEN now() ELSE '2026-01-01 00:00Z' END AS changed) AS of_row""",
)
_ZONE = "INSERT INTO organisation_settings (organisation_id, time_zone) SELECT $1, 'Australia/Sydney' WHERE $2 > 0"
OF_UTC, OF_SYDNEY = ORGANISATION, ORGANISATION + 1


@pytest.fixture(scope="module")
async def database() -> AsyncIterator[ServiceDatabase]:
    async with service_database("enrollment") as database:
        await migrate(database.owner_url, MIGRATIONS)
        await fill(database.superuser_url, _FILL, OF_UTC, MANY)
        await fill(database.superuser_url, (*_FILL, _ZONE), OF_SYDNEY, MANY)
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
        reads._pool.acquire() as connection,
    ):
        yield connection


ENROLLMENTS = [
    {},
    {"status": "failed"},
    {"status": "waitlisted"},
    {"year": "2024"},
    {"year": "2024", "status": "completed"},
    {"year": "2024", "status": "waitlisted"},
    {"course_id": "1"},
    {"course_id": "1", "status": "completed"},
    {"course_id": "1", "status": "waitlisted"},
    {"session_id": "7"},
    {"session_id": "7", "status": "completed"},
    {"employee_id": "7"},
    {"page": "10"},
]


@pytest.mark.parametrize("organisation", [OF_UTC, OF_SYDNEY], ids=["UTC", "Sydney"])
@pytest.mark.parametrize("asked", ENROLLMENTS, ids=str)
async def test_a_page_of_enrollments_touches_few_rows(
    connection: Connection, asked: dict[str, str], organisation: int
) -> None:
    assert await touched(connection, pages.enrollment_page(organisation, EnrollmentQuery.model_validate(asked))) < FEW


@pytest.mark.parametrize("organisation", [OF_UTC, OF_SYDNEY], ids=["UTC", "Sydney"])
@pytest.mark.parametrize("asked", ENROLLMENTS[:-1], ids=str)
async def test_a_step_touches_few_rows_however_deep_it_is(
    connection: Connection, asked: dict[str, str], organisation: int
) -> None:
    for cursor in ("", cursor_after(MANY // 2), cursor_after(100)):
        query = EnrollmentQuery.model_validate({**asked, "cursor": cursor})
        assert await touched(connection, pages.enrollment_page(organisation, query)) < FEW


@pytest.mark.parametrize("organisation", [OF_UTC, OF_SYDNEY], ids=["UTC", "Sydney"])
@pytest.mark.parametrize("asked", [*ENROLLMENTS[:-1], {"cursor": ""}, {"cursor": "", "total": "true"}], ids=str)
async def test_what_has_changed_is_found_among_what_has_not(
    pool: Pool, asked: dict[str, str], organisation: int
) -> None:
    query = EnrollmentQuery.model_validate({**asked, "updated_since": "2026-02-01T00:00:00Z"})
    async with slow_transaction(pool, [organisation]) as patient:
        assert await touched_alone(patient, pages.enrollment_page(organisation, query)) < FEW


async def test_control_where_all_have_changed_all_are_touched(pool: Pool) -> None:
    query = EnrollmentQuery.model_validate({"updated_since": "2025-02-01T00:00:00Z"})
    async with slow_transaction(pool, [OF_UTC]) as patient:
        assert await touched_alone(patient, pages.enrollment_page(OF_UTC, query)) >= MANY


async def test_control_a_deep_page_touches_what_is_before_it(connection: Connection) -> None:
    query = EnrollmentQuery.model_validate({"page": "1000"})
    assert await touched(connection, pages.enrollment_page(ORGANISATION, query)) > MANY / 2


# Somebody of no company, and a company of fifty people.
SIGHTS = [Sight(person=7), Sight(companies=(2,)), Sight(person=7, companies=(2, 3))]


@pytest.mark.parametrize("sight", SIGHTS, ids=["own", "company", "both"])
@pytest.mark.parametrize("organisation", [OF_UTC, OF_SYDNEY], ids=["UTC", "Sydney"])
@pytest.mark.parametrize("asked", ENROLLMENTS, ids=str)
async def test_a_page_of_what_is_in_sight_touches_few_rows(
    connection: Connection, pool: Pool, asked: dict[str, str], organisation: int, sight: Sight
) -> None:
    page = pages.enrollment_page(organisation, EnrollmentQuery.model_validate(asked), sight)
    if page.slow:
        async with slow_transaction(pool, [organisation]) as patient:
            assert await touched_alone(patient, page) < FEW
    else:
        assert await touched(connection, page) < FEW


async def test_control_a_large_company_touches_all_that_it_has(pool: Pool) -> None:
    large = pages.enrollment_page(OF_UTC, EnrollmentQuery(), Sight(companies=(1,)))
    async with slow_transaction(pool, [OF_UTC]) as patient:
        assert await touched_alone(patient, large) > MANY / 5


@pytest.mark.parametrize("sight", [*SIGHTS, Sight(companies=(1, 2))], ids=["own", "company", "both", "large"])
@pytest.mark.parametrize("search", [None, "c4ca4238a0b92382"])
async def test_a_page_of_people_in_sight_touches_few_rows(
    connection: Connection, sight: Sight, search: str | None
) -> None:
    query = EmployeeQuery(search=search)
    for company_id in (None, 2):
        page = people_pages.person_page(ORGANISATION, "employee", query, company_id, sight)
        assert await touched(connection, page) < FEW


@pytest.mark.parametrize("sight", [EVERYBODY, *SIGHTS, Sight(companies=(1, 2))])
@pytest.mark.parametrize("search", [None, "c4ca4238a0b92382"])
async def test_a_step_through_people_touches_few_rows(connection: Connection, sight: Sight, search: str | None) -> None:
    for cursor, company_id in product(("", cursor_after(MANY // 2), cursor_after(MANY - 100)), (None, 1, 2)):
        query = EmployeeQuery(search=search, cursor=cursor)
        read = people_pages.person_page(ORGANISATION, "employee", query, company_id, sight)
        assert await touched(connection, read) < FEW


@pytest.mark.parametrize("type_", ["staff", "employee"])
async def test_a_page_of_people_touches_few_rows(connection: Connection, type_: str) -> None:
    assert await touched(connection, people_pages.person_page(ORGANISATION, type_, PersonQuery(), None)) < FEW
    assert await touched(connection, people_pages.person_page(ORGANISATION, type_, EmployeeQuery(), 1)) < FEW


async def test_a_search_for_what_few_have_touches_few_rows(connection: Connection) -> None:
    query = PersonQuery(search="c4ca4238a0b92382")  # the first person's name
    read = people_pages.person_page(ORGANISATION, "employee", query, None)
    assert await touched(connection, read) < FEW


async def test_control_the_policy_of_a_table_keeps_a_search_and_a_year_from_their_indexes(
    connection: Connection,
) -> None:
    search = people_pages.person_page(ORGANISATION, "employee", PersonQuery(search="c4ca4238a0b92382"), None)
    assert await touched(connection, of_the_table(search, "people")) > FEW
    year = pages.enrollment_page(ORGANISATION, EnrollmentQuery.model_validate({"year": "2024"}))
    assert await touched(connection, of_the_table(year, "enrollments")) > FEW


def of_the_table(read: PageRead, table: str) -> PageRead:
    """The same question, in the place of the view asked of the table that it shows."""
    statement = replace(read.statement, text=read.statement.text.replace(f"{table}_in_scope", table))
    assert statement.text != read.statement.text
    return replace(read, statement=statement)


async def test_control_counting_touches_all(connection: Connection) -> None:
    counting = Statement(
        "SELECT count(*) AS rows FROM enrollments WHERE organisation_id = :organisation_id",
        {"organisation_id": "bigint"},
    )
    assert await touched(connection, PageRead(counting, (ORGANISATION,))) >= MANY
