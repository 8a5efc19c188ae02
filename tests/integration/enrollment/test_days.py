"""Enrollments are found by the years of their organisation, and as many are found as are said."""

import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, get_args

import pytest

from services.enrollment.schemas import EnrollmentQuery, Status
from services.enrollment.store import pages
from shared.postgres.batched_reads import BatchedReader, PageRead, batched_reader
from tests.support.client import new_organisation
from tests.support.days import ZONES, local_day, moments
from tests.support.projections import Database, enrollment_database
from tests.support.steps import ids_of_steps

COUNT = 400
PEOPLE = 8

_ROWS = (
    """INSERT INTO courses (organisation_id, id, version, title, prerequisites)
    SELECT $1, id, 1, 'Course', '{}' FROM generate_series(1, 3) id""",
    """INSERT INTO sessions (organisation_id, id, version, course_id, start_date, status, seats_max)
    SELECT $1, id, 1, 1 + id % 3, now(), 'scheduled', 5000 FROM generate_series(1, 60) id""",
    f"""INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
    SELECT $1, id, 'employee', 'E-' || id, 'Name', now() FROM generate_series(1, {PEOPLE}) id""",
)
_ENROLLMENTS = """
INSERT INTO enrollments (organisation_id, id, session_id, course_id, employee_id, status, holds_seat, enrolled_at)
SELECT $1, id, 1 + id % 60, 1 + (1 + id % 60) % 3, 1 + id / 60, status, false, enrolled_at
FROM unnest($2::bigint[], $3::text[], $4::timestamptz[]) AS new (id, status, enrolled_at)
"""


@dataclass(frozen=True)
class Enrollment:
    id: int
    status: str
    at: datetime

    @property
    def course_id(self) -> int:
        return 1 + (1 + self.id % 60) % 3

    @property
    def employee_id(self) -> int:
        return 1 + self.id // 60


@pytest.fixture(scope="module")
async def database() -> AsyncIterator[Database]:
    async with enrollment_database() as database:
        yield database


@pytest.fixture(scope="module")
async def reader(database: Database) -> AsyncIterator[BatchedReader]:
    async with batched_reader(database.url, database.pool, name="test") as reader:
        yield reader


async def enrollments_in(database: Database, organisation: int, zone: str, chance: random.Random) -> list[Enrollment]:
    """Many of them near the turn of a year, in no order of time; the newest ids first."""
    made = [
        Enrollment(number, chance.choice(get_args(Status)), moment)
        for number, moment in enumerate(moments(chance, zone, COUNT))
        if number
    ]
    for statement in _ROWS:
        await database.pool.execute(statement, organisation)
    columns = [each.id for each in made], [each.status for each in made], [each.at for each in made]
    await database.pool.execute(_ENROLLMENTS, organisation, *columns)
    return made[::-1]


async def set_zone(database: Database, organisation: int, zone: str) -> None:
    await database.pool.execute(
        """INSERT INTO organisation_settings (organisation_id, time_zone) VALUES ($1, $2)
        ON CONFLICT (organisation_id) DO UPDATE SET time_zone = excluded.time_zone""",
        organisation,
        zone,
    )


def question(chance: random.Random) -> dict[str, str]:
    asked = {"status": chance.choice(get_args(Status)), "course_id": str(chance.randrange(1, 4))}
    asked["employee_id"] = str(chance.randrange(1, PEOPLE))
    shares = {"status": 0.5, "course_id": 0.5, "employee_id": 0.2}
    given = {name: value for name, value in asked.items() if chance.random() < shares[name]}
    return given | {"year": str(chance.randrange(2004, 2026))}


def matching(enrollments: list[Enrollment], zone: str, asked: dict[str, str]) -> list[int]:
    """The model."""
    return [
        each.id
        for each in enrollments
        if str(local_day(each.at, zone).year) == asked["year"]
        and each.status == asked.get("status", each.status)
        and str(each.course_id) == asked.get("course_id", str(each.course_id))
        and str(each.employee_id) == asked.get("employee_id", str(each.employee_id))
    ]


def read_of(organisation: int, **asked: Any) -> PageRead:
    query = EnrollmentQuery.model_validate({name: str(value) for name, value in asked.items()})
    return pages.enrollment_page(organisation, query)


def read_of_step(organisation: int, asked: dict[str, str], cursor: str) -> PageRead:
    return read_of(organisation, **asked, cursor=cursor, per_page=10)


async def listed(reader: BatchedReader, organisation: int, asked: dict[str, str]) -> tuple[set[int], list[int]]:
    """The totals that pages say, and the ids on all of them together."""
    totals, ids = set(), []
    for page in range(1, 50):
        total, items = await reader.read(read_of(organisation, **asked, page=page, per_page=10))
        totals.add(total)
        shown = [item["id"] for item in json.loads(items)]
        ids += shown
        if len(shown) < 10:
            return totals, ids
    raise AssertionError("there are no more enrollments")


@pytest.mark.parametrize("zone", ZONES)
async def test_pages_list_what_was_enrolled_in_that_year_and_say_how_many(
    database: Database, reader: BatchedReader, zone: str
) -> None:
    chance, organisation = random.Random(zone), new_organisation()
    enrollments = await enrollments_in(database, organisation, zone, chance)
    if zone != "UTC":
        await set_zone(database, organisation, zone)
    for _ in range(30):
        asked = question(chance)
        expected = matching(enrollments, zone, asked)
        assert await listed(reader, organisation, asked) == ({len(expected)}, expected), asked
        steps = partial(read_of_step, organisation, asked)
        assert await ids_of_steps(reader, steps) == expected, asked


async def test_another_zone_moves_the_years_at_once(database: Database, reader: BatchedReader) -> None:
    chance, organisation = random.Random(7), new_organisation()
    enrollments = await enrollments_in(database, organisation, "Australia/Sydney", chance)
    for zone in ("Australia/Sydney", "America/Los_Angeles", "UTC"):
        await set_zone(database, organisation, zone)
        for year in range(2005, 2010):
            expected = matching(enrollments, zone, {"year": str(year)})
            assert await listed(reader, organisation, {"year": str(year)}) == ({len(expected)}, expected)


@pytest.mark.parametrize(
    ("name", "instead"),
    [("more_than_in_utc", lambda *_: "SELECT 0"), ("_NEAR_ITS_LIMITS", "false")],
    ids=["total", "page"],
)
async def test_control_the_year_of_utc_alone_is_wrong(
    database: Database, reader: BatchedReader, monkeypatch: pytest.MonkeyPatch, name: str, instead: Any
) -> None:
    monkeypatch.setattr(pages, name, instead)
    monkeypatch.setattr(pages, "_enrollment_statement", pages._enrollment_statement.__wrapped__)
    chance, organisation, zone = random.Random(7), new_organisation(), "Australia/Sydney"
    enrollments = await enrollments_in(database, organisation, zone, chance)
    await set_zone(database, organisation, zone)
    wrong = 0
    for year in range(2005, 2015):
        expected = matching(enrollments, zone, {"year": str(year)})
        wrong += await listed(reader, organisation, {"year": str(year)}) != ({len(expected)}, expected)
    assert wrong
