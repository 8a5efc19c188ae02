"""SQL of days as the clocks of an organisation show them (contract, section 1).

A statement reads the time zone itself, which costs no round trip. Whether a moment belongs to a day is decided by its
local date alone; the conditions beside it are there for indexes. The functions are made by each service's migrations.
"""

from collections.abc import Mapping

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


def from_day(moment: str, day: str, zone: str) -> str:
    """Whether a moment is on the day or later."""
    return f"{moment} >= first_moment({day}, {zone}) AND {day_of(moment, zone)} >= {day}"


def before_day(moment: str, day: str, zone: str) -> str:
    """Whether a moment is before the day."""
    return f"{moment} < {day}::timestamp AT TIME ZONE {zone} AND {day_of(moment, zone)} < {day}"


def around_start(moment: str, day: str, zone: str) -> str:
    """Whether a moment is between the start of the day in UTC and in the time zone, in either order.

    Nowhere else do the two differ on whether it is before the day.
    """
    utc = f"{day}::timestamp AT TIME ZONE 'UTC'"
    return (
        f"({moment} >= least({utc}, first_moment({day}, {zone}))"
        f" AND {moment} < greatest({utc}, {day}::timestamp AT TIME ZONE {zone}))"
    )


def more_than_in_utc(rows: str, moment: str, limits: Mapping[str, str], zone: str) -> str:
    """A SELECT that corrects a number of rows counted by days of UTC: how many more there are by days of the time zone.

    `rows` is a FROM clause with its WHERE; `limits` are days by the operator that compares a date with them. Only the
    hours between the two starts of each of these days are read.
    """
    around = " OR ".join(around_start(moment, day, zone) for day in limits.values())
    here, utc = (
        " AND ".join(f"{day_of(moment, clock)} {operator} {day}" for operator, day in limits.items())
        for clock in (zone, "'UTC'")
    )
    return f"SELECT coalesce(sum(({here})::integer - ({utc})::integer), 0) {rows} AND ({around})"
