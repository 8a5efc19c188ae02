"""Days are those that clocks in the time zone show, whatever happens to the clocks there."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.postgres.local_days import around_start, before_day, day_in, day_of, from_day
from tests.support.days import ZONES, local_day, moments
from tests.support.projections import Database

Pair = tuple[datetime, date]

DAY = day_in("day", "zone.name")
_EACH = "FROM unnest($1::timestamptz[], $2::date[]) WITH ORDINALITY AS pair (moment, day, n)"


def pairs(zone: str, count: int = 3000) -> list[Pair]:
    """Moments with days near them: their own, and some before and after."""
    chance = random.Random(zone)
    return [
        (moment, local_day(moment, zone) + timedelta(days=chance.choice([-2, -1, 0, 0, 0, 1, 2])))
        for moment in moments(chance, zone, count)
    ]


async def asked(database: Database, condition: str, zone: str, of: list[Pair]) -> list[bool]:
    sql = f"SELECT {condition} AS holds {_EACH}, (SELECT $3::text AS name) zone ORDER BY n"
    columns = [moment for moment, _ in of], [day for _, day in of]
    return [row["holds"] for row in await database.pool.fetch(sql, *columns, zone)]


@pytest.mark.parametrize("zone", ZONES)
async def test_the_conditions_say_what_the_clocks_show(catalog: Database, zone: str) -> None:
    of = pairs(zone)
    assert await asked(catalog, from_day("moment", DAY, "zone.name"), zone, of) == [
        local_day(moment, zone) >= day for moment, day in of
    ]
    assert await asked(catalog, before_day("moment", DAY, "zone.name"), zone, of) == [
        local_day(moment, zone) < day for moment, day in of
    ]
    assert await asked(catalog, f"{day_of('moment', 'zone.name')} = day", zone, of) == [
        local_day(moment, zone) == day for moment, day in of
    ]


@pytest.mark.parametrize("zone", ZONES)
async def test_only_around_the_start_of_a_day_do_the_zone_and_utc_differ(catalog: Database, zone: str) -> None:
    of = pairs(zone)
    around = await asked(catalog, around_start("moment", DAY), zone, of)
    differ = [(local_day(moment, zone) < day) != (moment.astimezone(UTC).date() < day) for moment, day in of]
    outside = [pair for pair, near, other in zip(of, around, differ, strict=True) if other and not near]
    assert outside == []
    assert any(around) == (zone != "UTC")


async def test_control_midnight_that_comes_twice_is_noticed(catalog: Database) -> None:
    """With PostgreSQL's own start of the day alone an hour of it belongs to the day before."""
    zone = "America/Havana"
    of = pairs(zone)
    condition = from_day("moment", DAY, "zone.name")
    simple = condition.replace("first_moment(day, zone.name)", "(day::timestamp AT TIME ZONE zone.name)")
    assert simple != condition
    assert await asked(catalog, simple, zone, of) != [local_day(moment, zone) >= day for moment, day in of]


@pytest.mark.parametrize("name", ["Mars/Olympus", "localtime", "", "Asia/Kolkata"])
async def test_a_zone_that_postgresql_does_not_know_counts_as_utc(catalog: Database, name: str) -> None:
    known = await catalog.value("SELECT known_zone($1)", name)
    assert known in ({"Asia/Kolkata"} if name == "Asia/Kolkata" else {name, "UTC"})
    assert await catalog.value("SELECT now() AT TIME ZONE $1 IS NOT NULL", known)


async def test_the_ends_of_the_calendar_have_a_first_moment(catalog: Database) -> None:
    for day in (date.min, date.max):
        assert await catalog.value("SELECT first_moment($1, 'Pacific/Kiritimati') IS NOT NULL", day)
