"""Sessions are found by the days of their organisation, and as many are found as are said."""

import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, get_args

import pytest

from services.catalog.schemas import SessionQuery, SessionStatus
from services.catalog.store import pages
from shared.events.states import SettingsState
from shared.events.types import SettingsSaved
from shared.postgres.batched_reads import BatchedReader, PageRead, batched_reader
from shared.postgres.pool import connected, transaction
from shared.projections.settings_copy import save_settings
from tests.support.client import new_organisation
from tests.support.days import ZONES, local_day, moments
from tests.support.plans import touched
from tests.support.projections import Database, catalog_database, insert_sessions
from tests.support.steps import ids_of_steps

COUNT = 150


@dataclass(frozen=True)
class Session:
    id: int
    start: datetime
    status: str


@pytest.fixture(scope="module")
async def catalog() -> AsyncIterator[Database]:
    async with catalog_database() as database:
        yield database


@pytest.fixture(scope="module")
async def reader(catalog: Database) -> AsyncIterator[BatchedReader]:
    async with batched_reader(catalog.url, catalog.pool, name="test") as reader:
        yield reader


async def set_zone(catalog: Database, organisation: int, zone: str, version: int = 2) -> None:
    event = SettingsSaved(organisation, SettingsState(id=organisation, version=version, time_zone=zone))
    async with transaction(catalog.pool, [organisation]) as connection:
        await save_settings(connection, [event])


async def sessions_in(catalog: Database, organisation: int, zone: str, chance: random.Random) -> list[Session]:
    """At moments where the days of the zone and of UTC are easily mixed up."""
    await insert_sessions(catalog, organisation, {number: 1 + number % 3 for number in range(1, COUNT + 1)})
    made = [
        Session(number, moment, chance.choice(get_args(SessionStatus)))
        for number, moment in enumerate(moments(chance, zone, COUNT), start=1)
    ]
    await catalog.pool.execute(
        """UPDATE sessions s SET start_date = new.start, end_date = new.start + interval '1 hour', status = new.status
        FROM unnest($2::bigint[], $3::timestamptz[], $4::text[]) AS new (id, start, status)
        WHERE s.organisation_id = $1 AND s.id = new.id""",
        organisation,
        [session.id for session in made],
        [session.start for session in made],
        [session.status for session in made],
    )
    return sorted(made, key=lambda session: (session.start, session.id))


def question(chance: random.Random, days: list[date]) -> dict[str, str]:
    first, last = sorted(chance.choice(days) + timedelta(days=chance.randrange(-2, 3)) for _ in range(2))
    if chance.random() < 0.2:  # within a week of each other, or the wrong way round
        last = first + timedelta(days=chance.randrange(-2, 7))
    asked = {"date_from": str(first), "date_to": str(last), "status": chance.choice(get_args(SessionStatus))}
    asked["course_id"] = str(chance.randrange(1, 4))
    left_out = {name for name in asked if chance.random() < (0.8 if name == "course_id" else 0.3)}
    return {name: value for name, value in asked.items() if name not in left_out}


def matching(sessions: list[Session], zone: str, asked: dict[str, str]) -> list[int]:
    """The model."""
    return [
        session.id
        for session in sessions
        if str(local_day(session.start, zone)) >= asked.get("date_from", "")
        and str(local_day(session.start, zone)) < asked.get("date_to", "9")
        and session.status == asked.get("status", session.status)
        and str(1 + session.id % 3) == asked.get("course_id", str(1 + session.id % 3))
    ]


def read_of(organisation: int, **asked: Any) -> PageRead:
    query = SessionQuery.model_validate({name: str(value) for name, value in asked.items()})
    return pages.session_page(organisation, query)


def read_of_step(organisation: int, asked: dict[str, str], cursor: str) -> PageRead:
    return read_of(organisation, **asked, cursor=cursor, per_page=7)


async def listed(reader: BatchedReader, organisation: int, asked: dict[str, str]) -> tuple[set[int], list[int]]:
    """The totals that pages say, and the ids on all of them together."""
    totals, ids = set(), []
    for page in range(1, 10):
        total, items = await reader.read(read_of(organisation, **asked, page=page, per_page=40))
        totals.add(total)
        shown = [item["id"] for item in json.loads(items)]
        ids += shown
        if len(shown) < 40:
            return totals, ids
    raise AssertionError("there are no more sessions")


@pytest.mark.parametrize("zone", ZONES)
async def test_pages_list_what_is_on_those_days_and_say_how_many(
    catalog: Database, reader: BatchedReader, zone: str
) -> None:
    chance, organisation = random.Random(zone), new_organisation()
    sessions = await sessions_in(catalog, organisation, zone, chance)
    if zone != "UTC":
        await set_zone(catalog, organisation, zone)
    days = [local_day(session.start, zone) for session in sessions]
    for _ in range(60):
        asked = question(chance, days)
        expected = matching(sessions, zone, asked)
        assert await listed(reader, organisation, asked) == ({len(expected)}, expected), asked


@pytest.mark.parametrize("zone", ZONES[:4])
async def test_a_walk_goes_through_what_is_on_those_days(
    catalog: Database, reader: BatchedReader, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where those of the days are far between."""
    chance, organisation = random.Random(zone), new_organisation()
    sessions = await sessions_in(catalog, organisation, zone, chance)
    await set_zone(catalog, organisation, zone)
    days = [local_day(session.start, zone) for session in sessions]
    for near in (1, 20, 1000):
        monkeypatch.setattr(pages, "_NEAR", near)
        pages._session_statement.cache_clear()
        for _ in range(10):
            asked = question(chance, days)
            found = await ids_of_steps(reader, partial(read_of_step, organisation, asked))
            assert found == sorted(matching(sessions, zone, asked)), asked
    pages._session_statement.cache_clear()


async def test_organisations_that_are_read_together_have_each_their_days(
    catalog: Database, reader: BatchedReader
) -> None:
    organisations = {new_organisation(): zone for zone in ("UTC", "Australia/Sydney", "America/Los_Angeles")}
    reads, expected = [], []
    for organisation, zone in organisations.items():
        sessions = await sessions_in(catalog, organisation, zone, random.Random(1))
        await set_zone(catalog, organisation, zone)
        asked = {"date_from": "2010-01-01", "date_to": "2015-07-01"}
        reads.append(read_of(organisation, **asked, per_page=100))
        expected.append(len(matching(sessions, zone, asked)))
    async with connected(reader._pool) as connection:
        rows = await connection.fetch(
            reads[0].statement.together, *map(list, zip(*(read.arguments for read in reads), strict=True))
        )
    assert [row["total"] for row in sorted(rows, key=lambda row: row["n"])] == expected


async def test_another_zone_moves_the_days_at_once(catalog: Database, reader: BatchedReader) -> None:
    organisation, chance = new_organisation(), random.Random(7)
    sessions = await sessions_in(catalog, organisation, "Pacific/Kiritimati", chance)
    days = [local_day(session.start, "Pacific/Kiritimati") for session in sessions]
    for version, zone in enumerate(("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"), start=2):
        await set_zone(catalog, organisation, zone, version)
        for _ in range(10):
            asked = question(chance, days)
            expected = matching(sessions, zone, asked)
            assert await listed(reader, organisation, asked) == ({len(expected)}, expected)


async def test_control_totals_of_days_of_utc_alone_are_wrong(
    catalog: Database, reader: BatchedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "more_than_in_utc", lambda *_: "SELECT 0")
    monkeypatch.setattr(pages, "_session_statement", pages._session_statement.__wrapped__)
    organisation, chance, zone = new_organisation(), random.Random(7), "Pacific/Kiritimati"
    sessions = await sessions_in(catalog, organisation, zone, chance)
    await set_zone(catalog, organisation, zone)
    days = [local_day(session.start, zone) for session in sessions]
    questions = [question(chance, days) for _ in range(20)]
    said = [(await listed(reader, organisation, asked))[0] for asked in questions]
    assert said != [{len(matching(sessions, zone, asked))} for asked in questions]


MANY = 20_000
FEW = 600
"""Rows that a page of 15 may touch, all tables together: with the sessions of some hours at both ends, 6 an hour."""


@pytest.mark.parametrize("zone", ["UTC", "Australia/Sydney"])
async def test_a_page_of_some_days_touches_few_rows(catalog: Database, reader: BatchedReader, zone: str) -> None:
    organisation = new_organisation()
    await insert_sessions(catalog, organisation, dict.fromkeys(range(1, MANY + 1), 1))
    await catalog.pool.execute(
        """UPDATE sessions SET start_date = timestamptz '2026-01-01 00:00Z' + id * interval '10 minutes',
            end_date = timestamptz '2027-01-01 00:00Z' WHERE organisation_id = $1""",
        organisation,
    )
    await set_zone(catalog, organisation, zone)
    await catalog.pool.execute("ANALYZE sessions")
    read = read_of(organisation, date_from="2026-03-01", date_to="2026-03-08")
    async with connected(reader._pool) as connection:
        assert await touched(connection, read) < FEW
