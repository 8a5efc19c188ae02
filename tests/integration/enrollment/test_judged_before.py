"""Results that the release before recorded keep what they say, and are judged by what they imply (migration 0010)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.enrollment import validity
from services.enrollment.app import MIGRATIONS
from services.enrollment.schemas import Completion
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.use_cases import lifecycle
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.earlier_schema import database_before
from tests.support.enrollment_rows import ACTOR

SYDNEY, ELSEWHERE = 1, 2
"""Organisations; PostgreSQL does not know the time zone of the second."""
ZONE = "Australia/Sydney"
COMPLETED_AT = datetime(2026, 1, 30, 14, tzinfo=UTC)
"""The 31st in Sydney."""
AFTER_1_MONTH = datetime(2026, 2, 27, 14, tzinfo=UTC)
AFTER_12_MONTHS = datetime(2027, 1, 30, 14, tzinfo=UTC)
AFTER_24_MONTHS = datetime(2028, 1, 30, 14, tzinfo=UTC)

_WORLD = """
INSERT INTO organisation_settings (organisation_id, time_zone) VALUES (1, 'Australia/Sydney'), (2, 'No/Such_Zone');
INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
SELECT organisation, 42, 'employee', 'E-42', 'John Doe', now() FROM unnest(ARRAY[1, 2]) organisation;
INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
VALUES (1, 43, 'employee', 'E-43', 'Jane Doe', now());
"""
_COURSE = """
INSERT INTO courses (organisation_id, id, version, title, pass_score, validity_months, prerequisites)
VALUES ($1, $2, 1, 'Course', $3, $4, '{}')
"""
_SESSION = """
INSERT INTO sessions (organisation_id, id, version, course_id, start_date, status, seats_max, seats_taken)
VALUES ($1, $2, 1, $2, '2026-01-30T00:00:00Z', 'completed', 1, 1)
"""
_ENROLLMENT = """
INSERT INTO enrollments (organisation_id, id, session_id, course_id, employee_id, status, holds_seat, score, passed,
    enrolled_at, completed_at, valid_until)
VALUES ($1, $2, $2, $2, 42, $3, true, $4, $5, '2026-01-01', $6, $7)
"""

_WORK = """
SELECT count(*) FROM enrollments WHERE organisation_id = 1 AND status = 'completed';
INSERT INTO enrollments (organisation_id, id, session_id, course_id, employee_id, status, holds_seat, enrolled_at)
VALUES (1, 99, 2, 2, 43, 'waitlisted', false, now());
UPDATE enrollments SET status = 'completed', completed_at = now(), version = version + 1
WHERE organisation_id = 1 AND id = 2;
"""

Course = tuple[int | None, int | None]
"""Pass score and months, as they are now."""
Result = tuple[str, float | None, bool | None, datetime | None]
"""Status, score, passed and valid_until, as they were recorded."""
Judged = tuple[str | None, int | None, str | None, bool]
"""Pass score, months and time zone that it was judged by, and whether it certifies."""

CASES: Sequence[tuple[Course, Result, Judged]] = [
    ((70, 24), ("completed", 75, True, AFTER_24_MONTHS), ("70", 24, ZONE, True)),
    ((80, 12), ("completed", 75, True, AFTER_24_MONTHS), ("75", 24, ZONE, True)),
    ((None, None), ("completed", 75, True, AFTER_1_MONTH), ("75", 1, ZONE, True)),
    ((70, 12), ("completed", 75, True, None), ("70", None, ZONE, True)),
    ((70, 12), ("failed", 40, False, None), ("70", 12, ZONE, False)),
    ((30, 12), ("failed", 40, False, None), ("40.01", 12, ZONE, False)),
    ((None, None), ("failed", 99.99, False, None), ("100", None, ZONE, False)),
    ((70, 12), ("completed", 5, None, AFTER_12_MONTHS), (None, 12, ZONE, True)),
    ((None, 1), ("completed", None, None, AFTER_1_MONTH), (None, 1, ZONE, True)),
    ((None, 1), ("completed", None, None, None), (None, None, ZONE, True)),
    ((70, 12), ("completed", None, None, AFTER_12_MONTHS), (None, None, None, True)),
    ((70, 12), ("enrolled", None, None, None), (None, None, None, False)),
    ((70, 12), ("absent", None, None, None), (None, None, None, False)),
    ((70, 12), ("cancelled", None, None, None), (None, None, None, False)),
]
IDS = [f"{course}: {result[:3]}" for course, result, _ in CASES]


@dataclass
class Installation:
    """A database of the release before, with an enrollment for each case that is added."""

    url: str
    pool: Pool

    async def add(self, number: int, course: Course, result: Result, organisation: int = SYDNEY) -> None:
        status, score, passed, valid_until = result
        await self.pool.execute(_COURSE, organisation, number, *course)
        await self.pool.execute(_SESSION, organisation, number)
        completed_at = COMPLETED_AT if status in ("completed", "failed") else None
        points = None if score is None else Decimal(str(score))
        values = (status, points, passed, completed_at, valid_until)
        await self.pool.execute(_ENROLLMENT, organisation, number, *values)

    async def upgrade(self) -> None:
        await migrate(self.url, MIGRATIONS)

    async def row(self, number: int, organisation: int = SYDNEY) -> Any:
        return await self.pool.fetchrow(
            "SELECT * FROM enrollments WHERE organisation_id = $1 AND id = $2", organisation, number
        )


@pytest.fixture
async def installation() -> AsyncIterator[Installation]:
    async with (
        database_before("0010_judged_once.sql", MIGRATIONS) as url,
        connection_pool(url, name="test", size=2) as pool,
    ):
        await pool.execute(_WORLD)
        yield Installation(url, pool)


async def test_each_result_is_judged_by_what_it_implies(installation: Installation) -> None:
    for number, (course, result, _) in enumerate(CASES, 1):
        await installation.add(number, course, result)
    before = await installation.pool.fetch("SELECT * FROM enrollments ORDER BY id")
    await installation.upgrade()
    found = {}
    for number, row in enumerate(before, 1):
        after = await installation.row(number)
        assert {name: after[name] for name in dict(row)} == dict(row), "what is recorded stays"
        mark = after["judged_pass_score"]
        found[IDS[number - 1]] = (
            None if mark is None else str(mark.normalize()),
            after["judged_validity_months"],
            after["judged_time_zone"],
            after["certifies"],
        )
    expected = {name: judged for name, (_, _, judged) in zip(IDS, CASES, strict=True)}
    assert found == {name: (_plain(mark), *rest) for name, (mark, *rest) in expected.items()}


def _plain(mark: str | None) -> str | None:
    return None if mark is None else str(Decimal(mark).normalize())


@pytest.mark.parametrize(("course", "result", "judged"), CASES[:10], ids=IDS[:10])
async def test_what_it_implies_gives_the_same_result_again(
    installation: Installation, course: Course, result: Result, judged: Judged
) -> None:
    await installation.add(1, course, result)
    await installation.upgrade()
    async with transaction(installation.pool, EVERY_ORGANISATION) as connection:
        [locked] = await enrollment_store.lock(connection, [(SYDNEY, 1)])
    state = locked.state
    assert state.judged_by is not None
    assert state.completed_at is not None
    again = validity.judged(state.judged_by, state.score, state.completed_at)
    assert state.model_copy(update=again) == state


@pytest.mark.parametrize("number", range(len(CASES[:11])), ids=IDS[:11])
async def test_a_correction_of_the_feedback_leaves_the_result(installation: Installation, number: int) -> None:
    course, result, _ = CASES[number]
    await installation.add(1, course, result)
    await installation.upgrade()
    before = dict(await installation.row(1))
    await lifecycle.complete(installation.pool, SYDNEY, 1, Completion(feedback="Well done"), ACTOR)
    after = dict(await installation.row(1))
    assert (after.pop("feedback"), after.pop("updated_at") > before["updated_at"]) == ("Well done", True)
    assert {name: before[name] for name in after} | {"version": 2} == after


async def test_an_unknown_time_zone_stops_no_migration(installation: Installation) -> None:
    await installation.add(1, (70, 12), ("completed", 75, True, AFTER_12_MONTHS), ELSEWHERE)
    await installation.upgrade()
    row = await installation.row(1, ELSEWHERE)
    assert (row["judged_validity_months"], row["certifies"]) == (12, True)


async def test_what_the_release_before_writes_beside_this_one_certifies_as_it_means_it(
    installation: Installation,
) -> None:
    await installation.add(1, (70, 12), ("enrolled", None, None, None))
    await installation.upgrade()
    seen = []
    for status, passed in (("completed", True), ("failed", False), ("completed", None), ("completed", True)):
        await installation.pool.execute("UPDATE enrollments SET status = $1, passed = $2", status, passed)
        seen.append((await installation.row(1))["certifies"])
    assert seen == [True, False, True, True]


async def worked_during(installation: Installation, *migrations: str) -> bool:
    """Whether people could be read, enrolled and completed while the last of the migrations had not committed yet."""
    *before, last = [(MIGRATIONS / name).read_text() for name in migrations]
    for sql in before:
        await installation.pool.execute(sql)
    async with installation.pool.acquire() as migrating, installation.pool.acquire() as working:
        begun = migrating.transaction()
        await begun.start()
        await migrating.execute(last)
        try:
            await working.execute(f"SET lock_timeout = '500ms'; {_WORK}")
        except DatabaseUnavailable:
            return False
        finally:
            await begun.rollback()
    return True


async def test_everybody_works_on_while_old_results_are_judged(installation: Installation) -> None:
    await installation.add(1, (70, 12), ("completed", 75, True, AFTER_12_MONTHS))
    await installation.add(2, (70, 12), ("enrolled", None, None, None))
    assert await worked_during(installation, "0010_judged_once.sql", "0010_judged_results.sql")


async def test_control_columns_that_are_added_at_the_same_time_stop_everybody(installation: Installation) -> None:
    await installation.add(2, (70, 12), ("enrolled", None, None, None))
    assert not await worked_during(installation, "0010_judged_once.sql")
