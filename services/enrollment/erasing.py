"""When a person may be erased, and what is kept of the reason: values in, values out (contract, section 4)."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from services.enrollment.errors import PersonNotFound, RecordsMustBeKept, TrainingUnderWay
from shared.auth.sight import Sight
from shared.events.states import EmployeeState

NAME_LEFT_OUT = "…"


HELD_ELSEWHERE: Final[Sequence[Mapping[str, str]]] = [
    {
        "where": "history",
        "what": "The name, the type and the company, and what is shown of enrollments and records: names of trainings,"
        " dates and results.",
    },
    {"where": "catalog", "what": "Ids, states, dates and scores of enrollments, which it counts. No names."},
    {
        "where": "delivery",
        "what": "The events of the last 30 days about the person, enrollments, records, clearance and credentials, as"
        " they are here.",
    },
    {
        "where": "accounts",
        "what": "The user who signs in as this person, if there is one: name, e-mail address, role and sign-ins.",
    },
    {"where": "other systems", "what": "What subscribers and webhooks of the organisation have received and kept."},
    {"where": "backups", "what": "All of this, as of their day."},
]
"""What other services, and others, have of a person."""


def check_in_sight(sight: Sight, person_id: int) -> None:
    """Raises `PersonNotFound` to those who may have their own data alone, for that of others."""
    if not sight.holds(person_id, None):
        raise PersonNotFound


def check_there(person: EmployeeState | None, type_: str, *, say_whom: bool = True) -> EmployeeState:
    """The person, removed or not; raises `PersonNotFound` for nobody, and for one who turned out to be another, whom it
    names unless that is not to be said."""
    if person is None or person.type != type_:
        raise PersonNotFound
    if person.merged_into is not None:
        raise PersonNotFound(person.merged_into if say_whom else None)
    return person


def check_nothing_open(enrollments: int) -> None:
    """`enrollments`: how many are still open once what had not begun is cancelled. Raises `TrainingUnderWay`."""
    if enrollments:
        raise TrainingUnderWay(enrollments)


def check_kept_long_enough(possible_from: datetime | None, now: datetime) -> None:
    """`possible_from`: when the last record need not be kept any longer; None without records. Raises
    `RecordsMustBeKept`."""
    if possible_from is not None and possible_from > now:
        raise RecordsMustBeKept(possible_from)


def without_names(reason: str, names: Collection[str]) -> str:
    """The reason as the audit trail keeps it: without the names and numbers of the person, whole or in parts."""
    parts = {part for name in names for part in (name.strip(), *name.split()) if len(part) > 1}
    for part in sorted(parts, key=len, reverse=True):
        reason = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", NAME_LEFT_OUT, reason, flags=re.IGNORECASE)
    return reason
