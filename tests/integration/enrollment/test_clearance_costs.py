"""What clearance costs the database: a few statements, however many people, and none that reads more than theirs."""

from collections.abc import AsyncIterator

import pytest

from services.enrollment.schemas_clearance import ClearanceQuery, ClearanceQuestion, RosterQuery
from services.enrollment.use_cases.clearance import Who, clearance, clearance_of_many, roster
from shared.auth.sight import EVERYBODY
from shared.postgres.pool import Pool, connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.counted import Counting
from tests.support.enrollment_rows import ORGANISATION, enrollment_database, warm_pool

PEOPLE, COURSES, REQUIREMENTS = 1000, 20, 50
_COURSES = """
INSERT INTO courses (organisation_id, id, version, title, prerequisites, label_ids)
    SELECT $1, n, 1, 'Course ' || n, '{}', ARRAY[n % 3] FROM generate_series(1, $2::integer) n
"""
_PEOPLE = """
INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
    SELECT $1, n, 'employee', 'E-' || n, 'John Doe', now() FROM generate_series(1, $2::integer) n
"""
_HELD = """
INSERT INTO certifications (organisation_id, course_id, employee_id, enrollment_id, completed_at)
    SELECT $1, 1 + (person + course) % 20, person, person, now() - interval '1 day'
    FROM generate_series(1, $2::integer) person, generate_series(1, 10) course
"""
_REQUIREMENTS = """
INSERT INTO requirements (organisation_id, id, name, course_ids, label_ids)
    SELECT $1, n, 'Requirement ' || n, ARRAY[1 + n % 20], CASE WHEN n % 5 = 0 THEN ARRAY[n % 3] ELSE '{}' END
    FROM generate_series(1, $2::integer) n
"""


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, 2) as pool:
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            await connection.execute(_COURSES, ORGANISATION, COURSES)
            await connection.execute(_PEOPLE, ORGANISATION, PEOPLE)
            await connection.execute(_HELD, ORGANISATION, PEOPLE)
            await connection.execute(_REQUIREMENTS, ORGANISATION, REQUIREMENTS)
        yield pool


async def test_people_are_answered_in_a_few_statements(pool: Pool) -> None:
    query, many = ClearanceQuery(), ClearanceQuestion(employee_ids=list(range(1, 501)))
    async with connected(pool) as connection:
        one, several, page = (Counting(connection) for _ in range(3))
        await clearance(one, Who(ORGANISATION, "employee", 7), query, EVERYBODY)  # type: ignore[arg-type]
        await clearance_of_many(several, ORGANISATION, many, EVERYBODY)  # type: ignore[arg-type]
        await roster(page, ORGANISATION, RosterQuery.model_validate({"per_page": "100"}), EVERYBODY)  # type: ignore[arg-type]
    assert [len(each.statements) for each in (one, several, page)] == [3, 3, 4]
    assert one.rows < REQUIREMENTS + COURSES + 3 * REQUIREMENTS
    assert several.rows == REQUIREMENTS + 500 + COURSES
    assert page.rows == REQUIREMENTS + 1 + 100 + COURSES


async def test_what_people_hold_is_read_from_an_index_by_the_person(pool: Pool) -> None:
    query = ClearanceQuestion(employee_ids=list(range(1, 501)))
    async with connected(pool) as connection:
        counted = Counting(connection)
        await clearance_of_many(counted, ORGANISATION, query, EVERYBODY)  # type: ignore[arg-type]
        [statement] = [each for each in counted.statements if "certifications" in each]
        [[moment]] = await connection.fetch("SELECT now()")
        arguments = ORGANISATION, query.employee_ids, moment
        plan = await connection.fetch(f"EXPLAIN {statement}", *arguments)
    text = "\n".join(row[0] for row in plan)
    assert "certifications_of_person" in text
    assert "Seq Scan" not in text
