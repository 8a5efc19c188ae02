"""Time zones whose days are unlike those of UTC, and moments near which a mistake about days shows."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

ZONES = (
    "UTC",
    "Australia/Sydney",
    "America/Los_Angeles",
    "Asia/Kathmandu",  # +05:45
    "Pacific/Kiritimati",  # +14
    "Pacific/Pago_Pago",  # -11
    "Pacific/Chatham",  # +12:45, in summer +13:45
    "Europe/Berlin",  # days of 23 and of 25 hours
    "Atlantic/Azores",  # midnight comes twice in autumn
    "America/Havana",  # midnight comes twice in autumn, and not at all in spring
    "America/St_Johns",  # until 2011 set back a minute after midnight
    "Antarctica/Casey",  # set back by three hours from 02:00
    "Pacific/Apia",  # had no 30 December 2011
)
YEARS = range(2005, 2025)


def local_day(moment: datetime, zone: str) -> date:
    """The model: what a clock there shows."""
    return moment.astimezone(ZoneInfo(zone)).date()


def moments(chance: random.Random, zone: str, count: int) -> Iterator[datetime]:
    """Half of them near a start of a day, a start of a year or a change of the clock, the others anywhere."""
    near = [datetime(2011, 12, 30, 10, tzinfo=UTC), *_changes(zone), *_new_years(zone)]
    for _ in range(count):
        if chance.random() < 0.5:
            moment = chance.choice(near) + chance.choice([-1, 1]) * timedelta(minutes=chance.randrange(0, 30 * 60))
        else:
            moment = datetime(2005, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(0, 20 * 365 * 1440))
        yield moment + chance.choice([timedelta(0), timedelta(microseconds=-1)])


def _new_years(zone: str) -> list[datetime]:
    return [datetime(year, 1, 1, tzinfo=clock).astimezone(UTC) for year in YEARS for clock in (UTC, ZoneInfo(zone))]


def _changes(zone: str) -> list[datetime]:
    hours = [datetime(2005, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(20 * 365 * 24)]
    offsets = [hour.astimezone(ZoneInfo(zone)).utcoffset() for hour in hours]
    return [hours[at] for at in range(1, len(hours)) if offsets[at] != offsets[at - 1]]
