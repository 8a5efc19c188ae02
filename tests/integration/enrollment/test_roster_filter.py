"""The roster of those who are cleared, or are not: right at once, and found without looking at everybody."""

import json
import random
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.enrollment.schemas_clearance import RosterQuery
from services.enrollment.store import roster_filter
from services.enrollment.use_cases import clearance as use_case
from services.enrollment.use_cases.standings import look_around, look_at_next
from shared.auth.sight import EVERYBODY
from shared.postgres.pool import Pool, slow_transaction, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.counted import Counting
from tests.support.enrollment_rows import ORGANISATION, enrollment_database, warm_pool
from tests.support.eventually import eventually

PEOPLE = 80
CARD, INDUCTION = 1, 2
SITE = "31"
_PEOPLE = """
INSERT INTO people (organisation_id, id, type, employee_id, full_name, company_id, company_name, created_at)
    SELECT $1, n, 'employee', 'E-' || n, 'John Doe', 7 + n % 2, 'C', now() FROM generate_series(1, $2::integer) n
"""
_REQUIREMENTS = """
INSERT INTO requirements (organisation_id, name, course_ids, label_ids, project_ids) VALUES
    ($1, 'White card', ARRAY[1], '{}', NULL), ($1, 'Induction', ARRAY[2], '{}', ARRAY[31])
"""
_HOLD = """
INSERT INTO certifications (organisation_id, course_id, employee_id, enrollment_id, completed_at, valid_until)
    SELECT $1, $2, person, person, now() - interval '1 day', $4::timestamptz FROM unnest($3::bigint[]) person
ON CONFLICT (organisation_id, course_id, employee_id) DO UPDATE SET valid_until = excluded.valid_until
"""
_LOSE = "DELETE FROM certifications WHERE organisation_id = $1 AND course_id = $2 AND employee_id = ANY ($3::bigint[])"
WITHOUT_CARD = [50, 51, 79]
EVERYBODY_ELSE = sorted(set(range(1, PEOPLE + 1)) - set(WITHOUT_CARD))


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    """Everybody has been looked at, and nobody looks any more by themselves."""
    async with enrollment_database() as url, warm_pool(url, 2) as pool:
        await execute(pool, _PEOPLE, ORGANISATION, PEOPLE)
        await execute(pool, _REQUIREMENTS, ORGANISATION)
        await hold(pool, CARD, EVERYBODY_ELSE)
        await look(pool)
        yield pool


async def execute(pool: Pool, statement: str, *arguments: Any) -> None:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await connection.execute(statement, *arguments)


async def look(pool: Pool) -> None:
    while await look_around(pool):
        pass


async def hold(pool: Pool, course: int, people: Iterable[int], until: datetime | None = None) -> None:
    await execute(pool, _HOLD, ORGANISATION, course, list(people), until)


async def lose(pool: Pool, course: int, *people: int) -> None:
    await execute(pool, _LOSE, ORGANISATION, course, people)


async def step(pool: Pool, per_page: int, after: int = 0, **asked: str) -> tuple[list[int], int | None, Counting]:
    """The ids of one step, the key after which the next begins, and what it cost."""
    query = RosterQuery.model_validate(asked).step_of_export(after, per_page)
    async with slow_transaction(pool, [ORGANISATION]) as connection:
        counting = Counting(connection)
        _, lines, last = await use_case.roster(counting, ORGANISATION, query, EVERYBODY)  # type: ignore[arg-type]
    return [json.loads(line)["employee"]["id"] for line in lines.splitlines()], last, counting


async def walked(pool: Pool, per_page: int = 100, **asked: str) -> list[int]:
    found, after = list[int](), 0
    while True:
        ids, last, _ = await step(pool, per_page, after, **asked)
        found += ids
        if last is None:
            return found
        assert last > after
        after = last


async def test_those_who_are_not_cleared_are_found_among_those_who_lack_something(pool: Pool) -> None:
    found, last, cost = await step(pool, 100, cleared="false")
    assert (found, last) == (WITHOUT_CARD, None)
    assert cost.rows < 10
    found, last, _ = await step(pool, 2, cleared="false")
    assert (found, last) == (WITHOUT_CARD[:2], 51)


async def test_of_those_who_are_cleared_no_more_are_looked_at_than_are_shown(pool: Pool) -> None:
    found, last, cost = await step(pool, 20, 40, cleared="true")
    assert (found, last) == ([each for each in EVERYBODY_ELSE if each > 40][:20], 62)
    assert cost.rows < 50
    assert await walked(pool, cleared="true") == EVERYBODY_ELSE


async def test_control_where_everybody_is_looked_at_it_costs_more(pool: Pool) -> None:
    await execute(pool, "INSERT INTO clearance_marks (organisation_id) VALUES ($1)", ORGANISATION)
    found, last, cost = await step(pool, 100, cleared="false")
    assert (found, last) == (WITHOUT_CARD, None)
    assert cost.rows >= PEOPLE


async def test_what_counts_in_a_project_alone_keeps_nobody_from_being_cleared_elsewhere(pool: Pool) -> None:
    await hold(pool, INDUCTION, range(1, 10))
    await look(pool)
    assert await walked(pool, cleared="true", project_id=SITE) == list(range(1, 10))
    assert await walked(pool, cleared="false", project_id=SITE) == list(range(10, PEOPLE + 1))
    assert await walked(pool, cleared="false") == await walked(pool, cleared="false", project_id="32") == WITHOUT_CARD


async def test_a_change_counts_before_anybody_has_looked_at_it(pool: Pool) -> None:
    await lose(pool, CARD, 7, 60)
    await hold(pool, CARD, [50])
    assert await walked(pool, cleared="false") == [7, 51, 60, 79]
    assert await walked(pool, cleared="true") == sorted({*EVERYBODY_ELSE, 50} - {7, 60})
    assert await walked(pool, cleared="false", company_id="7") == [60]


async def test_control_without_marks_a_change_is_not_noticed(pool: Pool) -> None:
    await lose(pool, CARD, 7)
    await execute(pool, "DELETE FROM clearance_marks")
    assert await walked(pool, cleared="false") == WITHOUT_CARD


async def test_what_has_ended_counts_before_anybody_has_looked_at_it(pool: Pool) -> None:
    await hold(pool, CARD, [7], datetime.now(UTC) + timedelta(seconds=1))
    await look(pool)

    async def is_noticed() -> bool:
        return await walked(pool, cleared="false") == [7, *WITHOUT_CARD]

    await eventually(is_noticed)
    await execute(pool, "UPDATE clearances SET look_at = NULL WHERE employee_id = 7")
    assert await walked(pool, cleared="false") == WITHOUT_CARD, "the test would not notice that time is not looked at"


async def test_what_is_asked_of_everybody_counts_before_everybody_has_been_looked_at(pool: Pool) -> None:
    await execute(pool, "UPDATE requirements SET course_ids = ARRAY[2] WHERE name = 'White card'")
    assert await walked(pool, cleared="true") == []
    assert await look_at_next(pool, ORGANISATION)  # a part of them
    assert await walked(pool, cleared="true") == []
    await look(pool)
    assert await walked(pool, cleared="true") == []


async def test_a_later_day_is_not_told_by_what_is_kept(pool: Pool) -> None:
    await hold(pool, CARD, [7], datetime.now(UTC) + timedelta(days=3))
    await look(pool)
    later = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    assert await walked(pool, cleared="false", on=later) == [7, *WITHOUT_CARD]
    assert await walked(pool, cleared="false") == WITHOUT_CARD


@pytest.mark.parametrize("seed", range(3))
async def test_it_is_the_roster_without_all_others(pool: Pool, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Whatever has been looked at, and however far a statement goes."""
    chance = random.Random(seed)
    for _ in range(3):
        monkeypatch.setattr(roster_filter, "PASSED_OVER", chance.choice([3, 30, 10_000]))
        monkeypatch.setattr(roster_filter, "MOST_UNSURE", chance.choice([5, 500]))
        monkeypatch.setattr(use_case, "_AT_ONCE", chance.choice([4, 500]))
        for course in (CARD, INDUCTION):
            await hold(pool, course, chance.sample(range(1, PEOPLE + 1), chance.choice([3, 30])))
            await lose(pool, course, *chance.sample(range(1, PEOPLE + 1), chance.choice([3, 30])))
        await execute(pool, "UPDATE people SET company_id = 7, removed = $1 WHERE id = $2", *chance.choice(_MOVES))
        for _ in range(chance.choice([0, 1, 3])):
            await look_at_next(pool, ORGANISATION)
        for query in _QUERIES:
            await _require_as_filtered(pool, chance.choice([2, 7, 100]), query)


_QUERIES: list[dict[str, Any]] = [
    {},
    {"project_id": SITE},
    {"company_id": "7"},
    {"company_id": "8", "project_id": SITE},
]
_MOVES = [(False, 50), (True, 51), (False, 51), (True, 8), (False, 9)]


async def _require_as_filtered(pool: Pool, per_page: int, query: dict[str, Any]) -> None:
    everybody = set(await walked(pool, **query))
    cleared = await _cleared(pool, query)
    assert await walked(pool, per_page, cleared="true", **query) == sorted(cleared)
    assert await walked(pool, per_page, cleared="false", **query) == sorted(everybody - cleared)


async def _cleared(pool: Pool, query: dict[str, Any]) -> set[int]:
    """By the rows of the roster themselves."""
    asked = RosterQuery.model_validate(query).step_of_export(0, PEOPLE)
    async with slow_transaction(pool, [ORGANISATION]) as connection:
        _, lines, _ = await use_case.roster(connection, ORGANISATION, asked, EVERYBODY)
    rows = [json.loads(line) for line in lines.splitlines()]
    return {row["employee"]["id"] for row in rows if row["cleared"]}
