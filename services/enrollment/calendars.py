"""Whose calendars somebody may give an address, and how many (contract, section 12): values in, values out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.enrollment.errors import CalendarOfNobody, TooManyCalendars
from services.enrollment.schemas_calendars import CalendarFields, CalendarKind
from shared.auth.internal_token import MANAGE, VIEW_SELF, Caller
from shared.auth.sight import EVERYBODY, Sight

MOST_ADDRESSES: Final = 20
"""Of one person, facilitator or location, that are active."""
MOST_EVENTS: Final = 2000
"""In one calendar: the first ones."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """An address that is active. `installation` is the name of where it is."""

    organisation_id: int
    kind: CalendarKind
    of_id: int | None
    of_name: str | None
    installation: str


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A meeting of a session, or a session that meets once: its `meeting_id` is None. `saved_at` is when this version
    of the session came."""

    organisation_id: int
    session_id: int
    meeting_id: int | None
    version: int
    saved_at: datetime
    title: str | None
    session_name: str | None
    start_date: datetime
    end_date: datetime
    location: str | None
    cancelled: bool
    tentative: bool
    """Whether the person waits for a seat."""
    standing: bool
    """Whether it takes nobody's time: a session of a self-paced course."""


def sight_of_calendars(caller: Caller) -> Sight:
    """Those of everybody and of every location with `training.manage`; otherwise those of the caller's own person."""
    if caller.may(MANAGE):
        return EVERYBODY
    return Sight(person=caller.employee_id if caller.may(VIEW_SELF) else None)


def check_in_sight(sight: Sight, fields: CalendarFields) -> None:
    """Raises `CalendarOfNobody`."""
    if not sight.everybody and (fields.kind != "person" or fields.id != sight.person):
        raise CalendarOfNobody(fields.kind)


def check_room(active: int) -> None:
    """Whether there may be another address beside those of the same; raises `TooManyCalendars`."""
    if active >= MOST_ADDRESSES:
        raise TooManyCalendars(MOST_ADDRESSES)
