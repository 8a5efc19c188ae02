"""SQL of days as the clocks of an organisation show them (contract, section 1).

A statement reads the time zone itself, which costs no round trip. Whether a moment belongs to a day is decided by its
local date alone; the conditions beside it are there for indexes. The functions are made by each service's migrations.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LISTED = ":organisation_id"
"""The organisation in the statement of a list."""


def zone_of(organisation_id: str) -> str:
    """The name of the organisation's time zone: UTC where it has set none, or one that PostgreSQL does not know."""
    return f"""coalesce((
        SELECT known_zone(time_zone) FROM organisation_settings WHERE organisation_id = {organisation_id}), 'UTC')
    """  # noqa: S608 - of constants and parameters


def day_of(moment: str, zone: str) -> str:
    """The date that a clock in the time zone shows at a moment."""
    return f"({moment} AT TIME ZONE {zone})::date"


@dataclass(frozen=True, slots=True)
class Day:
    """SQL of a date and of its starts: a moment that none of the day precedes, the one that PostgreSQL takes for its
    start, which is the later where midnight comes twice, and its start in UTC."""

    date: str
    first: str
    start: str
    utc: str


_STARTS = ("first", "start", "utc")
KEPT_ZONE = "(SELECT zone FROM days)"
"""The name of the time zone in a statement that begins with `keep_days`."""


def day_in(date: str, zone: str) -> Day:
    """A day of which each condition finds the starts for itself."""
    start = f"{date}::timestamp AT TIME ZONE"
    return Day(date, f"first_moment({date}, {zone})", f"({start} {zone})", f"({start} 'UTC')")


def keep_days(dates: Mapping[str, str]) -> str:
    """The WITH clause of a list that finds its time zone and the starts of its days once, for `kept_day`."""
    starts = [
        f"{getattr(day_in(date, 'name'), start)} AS {name}_{start}" for name, date in dates.items() for start in _STARTS
    ]
    zone = f"(SELECT {zone_of(LISTED)} AS name OFFSET 0) AS zone"
    return f"WITH days AS MATERIALIZED (SELECT name AS zone, {', '.join(starts)} FROM {zone})"  # noqa: S608 - of constants


def kept_day(name: str, date: str) -> Day:
    """A day in a statement that begins with `keep_days`."""
    return Day(date, *(f"(SELECT {name}_{start} FROM days)" for start in _STARTS))  # noqa: S608 - of constants


def from_day(moment: str, day: Day, zone: str) -> str:
    """Whether a moment is on the day or later."""
    return f"{moment} >= {day.first} AND {day_of(moment, zone)} >= {day.date}"


def before_day(moment: str, day: Day, zone: str) -> str:
    """Whether a moment is before the day."""
    return f"{moment} < {day.start} AND {day_of(moment, zone)} < {day.date}"


def around_start(moment: str, day: Day) -> str:
    """Whether a moment is between the start of the day in UTC and in the time zone, in either order.

    Nowhere else do the two differ on whether it is before the day.
    """
    return f"({moment} >= least({day.utc}, {day.first}) AND {moment} < greatest({day.utc}, {day.start}))"


def more_than_in_utc(rows: str, moment: str, limits: Mapping[str, Day], zone: str) -> str:
    """A SELECT that corrects a number of rows counted by days of UTC: how many more there are by days of the time zone.

    `rows` is a FROM clause with its WHERE; `limits` are days by the operator that compares a date with them. Only the
    hours between the two starts of each of these days are read, and nothing where the time zone is UTC.
    """
    around = " OR ".join(around_start(moment, day) for day in limits.values())
    here, utc = (
        " AND ".join(f"{day_of(moment, clock)} {operator} {day.date}" for operator, day in limits.items())
        for clock in (zone, "'UTC'")
    )
    differs = f"{zone} <> 'UTC' AND ({around})"
    return f"SELECT coalesce(sum(({here})::integer - ({utc})::integer), 0) {rows} AND {differs}"
