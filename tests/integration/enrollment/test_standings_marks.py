"""Whatever changes how people stand marks them, whoever writes it, and each of the triggers is needed for that."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from shared.postgres.pool import Pool
from tests.support.client import new_organisation
from tests.support.enrollment_rows import enrollment_database, execute, in_scope, warm_pool
from tests.support.standings import differences, look, scoped

PERSON = """
    INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
    VALUES ($1, 1, 'employee', 'E-1', 'John Doe', now())
"""
COURSE = """
    INSERT INTO courses (organisation_id, id, version, title, prerequisites, label_ids)
    VALUES ($1, 9, 1, 'Heights', '{}', '{77}')
"""
HELD = """
    INSERT INTO certifications (organisation_id, course_id, employee_id, enrollment_id, completed_at)
    VALUES ($1, 9, 1, 1, now())
"""
ASKED_OF_THE_COURSE = """
    INSERT INTO requirements (organisation_id, name, course_ids, label_ids) VALUES ($1, 'Heights', '{9}', '{}')
"""
ASKED_OF_THE_LABEL = """
    INSERT INTO requirements (organisation_id, name, course_ids, label_ids) VALUES ($1, 'Heights', '{}', '{77}')
"""
ASKED_OF_A_COMPANY = """
    INSERT INTO requirements (organisation_id, name, course_ids, label_ids, company_ids)
    VALUES ($1, 'Heights', '{9}', '{}', '{5}')
"""
# Of days that do not have today in UTC, and have it somewhere else: there it is asked now.
IS_LATE = "extract(hour FROM now() AT TIME ZONE 'UTC') >= 10"
ELSEWHERE = f"CASE WHEN {IS_LATE} THEN 'Pacific/Kiritimati' ELSE 'Pacific/Pago_Pago' END"
ASKED_ELSEWHERE = f"""
    INSERT INTO requirements (organisation_id, name, course_ids, label_ids, valid_from, valid_to)
    SELECT $1, 'Heights', '{{9}}', '{{}}', CASE WHEN {IS_LATE} THEN day END, CASE WHEN NOT {IS_LATE} THEN day END
    FROM (SELECT (now() AT TIME ZONE {ELSEWHERE})::date AS day) AS there
"""
IN_UTC = "INSERT INTO organisation_settings (organisation_id, time_zone) VALUES ($1, 'UTC')"


@dataclass(frozen=True)
class Case:
    """What an organisation has, and a change of the table after which its person stands otherwise."""

    table: str
    trigger: str
    before: Sequence[str]
    change: str

    def __str__(self) -> str:
        return f"{self.table}, {self.trigger}"


CASES = [
    Case("certifications", "mark_on_insert", (PERSON, ASKED_OF_THE_COURSE), HELD),
    Case(
        "certifications",
        "mark_on_update",
        (PERSON, ASKED_OF_THE_COURSE, HELD),
        "UPDATE certifications SET valid_until = now() - interval '1 day' WHERE organisation_id = $1",
    ),
    Case(
        "certifications",
        "mark_on_delete",
        (PERSON, ASKED_OF_THE_COURSE, HELD),
        "DELETE FROM certifications WHERE organisation_id = $1",
    ),
    Case("people", "mark_on_insert", (ASKED_OF_THE_COURSE,), PERSON),
    Case(
        "people",
        "mark_on_update",
        (PERSON, ASKED_OF_A_COMPANY),
        "UPDATE people SET company_id = 5, company_name = 'Northwind' WHERE organisation_id = $1",
    ),
    Case("requirements", "mark_on_insert", (PERSON,), ASKED_OF_THE_COURSE),
    Case(
        "requirements",
        "mark_on_update",
        (PERSON, ASKED_OF_A_COMPANY),
        "UPDATE requirements SET company_ids = NULL WHERE organisation_id = $1",
    ),
    Case("courses", "mark_on_insert", (PERSON, ASKED_OF_THE_LABEL, HELD), COURSE),
    Case(
        "courses",
        "mark_on_update",
        (PERSON, ASKED_OF_THE_LABEL, HELD, COURSE),
        "UPDATE courses SET label_ids = '{78}' WHERE organisation_id = $1",
    ),
    Case(
        "courses",
        "mark_on_update",
        (PERSON, ASKED_OF_THE_LABEL, HELD, COURSE),
        "UPDATE courses SET removed = true WHERE organisation_id = $1",
    ),
    Case(
        "courses",
        "mark_on_delete",
        (PERSON, ASKED_OF_THE_LABEL, HELD, COURSE),
        "DELETE FROM courses WHERE organisation_id = $1",
    ),
    Case(
        "organisation_settings",
        "mark_on_insert",
        (PERSON, ASKED_ELSEWHERE),
        f"INSERT INTO organisation_settings (organisation_id, time_zone) SELECT $1, {ELSEWHERE}",
    ),
    Case(
        "organisation_settings",
        "mark_on_update",
        (PERSON, ASKED_ELSEWHERE, IN_UTC),
        f"UPDATE organisation_settings SET time_zone = {ELSEWHERE} WHERE organisation_id = $1",
    ),
]


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[Pool]:
    """Of one database, in which each case has an organisation of its own."""
    async with enrollment_database() as url, warm_pool(url, 4) as pool:
        yield pool


async def stood(pool: Pool, case: Case) -> int:
    """An organisation that has what was there before, and of whose person that is kept."""
    organisation = new_organisation()
    for statement in case.before:
        await scoped(pool, statement, organisation)
    await look(pool)
    assert await differences(pool) == []
    return organisation


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_who_stands_otherwise_is_looked_at(pool: Pool, case: Case) -> None:
    await scoped(pool, case.change, await stood(pool, case))
    await look(pool)
    assert await differences(pool) == []


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_control_without_the_trigger_nobody_looks(pool: Pool, case: Case) -> None:
    organisation = await stood(pool, case)
    await execute(pool, f"ALTER TABLE {case.table} DISABLE TRIGGER {case.trigger}")
    try:
        await scoped(pool, case.change, organisation)
    finally:
        await execute(pool, f"ALTER TABLE {case.table} ENABLE TRIGGER {case.trigger}")
    await look(pool)
    [sentence] = await differences(pool)
    assert f"organisation {organisation}, person 1:" in sentence
    await scoped(pool, "INSERT INTO clearance_marks (organisation_id) VALUES ($1)", organisation)
    await look(pool)
    assert await differences(pool) == []


async def test_each_trigger_that_marks_has_its_control(pool: Pool) -> None:
    rows = await in_scope(
        pool, "SELECT tgrelid::regclass::text AS of, tgname FROM pg_trigger WHERE tgname LIKE 'mark_on%'"
    )
    assert {(row["of"], row["tgname"]) for row in rows} == {(case.table, case.trigger) for case in CASES}
