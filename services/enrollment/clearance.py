"""Who meets what an organisation asks of its people, and who lacks it: values in, values out (contract, section 4)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

_INSTANT = timedelta(microseconds=1)
_FOLDS = (0, 1)

PersonType = Literal["employee", "staff"]
State = Literal["met", "grace", "lacking"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """What an organisation asks of people; `None` is whoever, wherever, and for ever.

    `courses` are those of which one meets it: the ones that it names, and those that carry a label it names. The two
    days are inclusive, and days of the organisation's time zone.
    """

    id: int
    version: int
    name: str
    project_ids: frozenset[int] | None
    company_ids: frozenset[int] | None
    person_types: frozenset[str] | None
    employee_ids: frozenset[int] | None
    courses: frozenset[int]
    grace_days: int | None
    valid_from: date | None
    valid_to: date | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """One who belongs to the organisation; `created_at` is when they came."""

    id: int
    type: str
    company_id: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """The completion that counts for a person and a course; `of` is the id of its enrollment, or of its record."""

    course_id: int
    of: int
    is_record: bool
    completed_at: datetime
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a person stands to a requirement that applies to them and is in force.

    `held` meets it; `until` is when that ends, or when the grace does. None is never.
    """

    requirement: Requirement
    state: State
    held: Held | None
    until: datetime | None


def concerns(requirement: Requirement, person: Person) -> bool:
    """Whether it applies to the person anywhere: in a project, or everywhere."""
    return (
        (requirement.company_ids is None or person.company_id in requirement.company_ids)
        and (requirement.person_types is None or person.type in requirement.person_types)
        and (requirement.employee_ids is None or person.id in requirement.employee_ids)
    )


def applies(requirement: Requirement, person: Person, project_id: int | None) -> bool:
    """Whether it applies to the person in the project; without one, whether it applies everywhere."""
    counts_there = requirement.project_ids is None or project_id in requirement.project_ids
    return counts_there and concerns(requirement, person)


def in_force(requirement: Requirement, moment: datetime, zone: tzinfo) -> bool:
    """By the day that a clock of the organisation shows."""
    day = moment.astimezone(zone).date()
    return (requirement.valid_from is None or requirement.valid_from <= day) and (
        requirement.valid_to is None or day <= requirement.valid_to
    )


def standing(
    requirement: Requirement, person: Person, held: Mapping[int, Held], moment: datetime, zone: tzinfo
) -> Standing:
    """At the moment, by what the person holds of each course. Asked only where it applies and is in force."""
    best = _longest(requirement, held, moment)
    if best is not None:
        return Standing(requirement, "met", best, best.valid_until)
    end = end_of_grace(requirement, person, zone)
    if end is not None and moment < end:
        return Standing(requirement, "grace", None, end)
    return Standing(requirement, "lacking", None, None)


def end_of_grace(requirement: Requirement, person: Person, zone: tzinfo) -> datetime | None:
    """So many days of the calendar after the requirement began or the person came, whichever was later."""
    if requirement.grace_days is None:
        return None
    begin = requirement.created_at
    if requirement.valid_from is not None:
        begin = first_moment(requirement.valid_from, zone)
    begin = max(begin, person.created_at)
    return (begin.astimezone(zone) + timedelta(days=requirement.grace_days)).astimezone(UTC)


def next_change(
    requirement: Requirement, person: Person, held: Mapping[int, Held], moment: datetime, zone: tzinfo
) -> datetime | None:
    """When time alone changes next whether it is in force, or how the person stands to it; None is never."""
    now = _situation(requirement, person, held, moment, zone)
    later = sorted({each for each in _turns(requirement, person, held, zone) if each > moment})
    return next((each for each in later if _situation(requirement, person, held, each, zone) != now), None)


def first_moment(day: date, zone: tzinfo) -> datetime:
    """When a day begins; where its midnight comes twice, with the first."""
    return min(each for each in _midnights(day, zone) if each.astimezone(zone).date() >= day)


def last_moment(day: date, zone: tzinfo) -> datetime:
    """The last microsecond of a day; where its end comes twice, of the second."""
    ends = (each - _INSTANT for each in _midnights(day + timedelta(days=1), zone))
    return max(each for each in ends if each.astimezone(zone).date() <= day)


def _midnights(day: date, zone: tzinfo) -> Iterator[datetime]:
    """The moments that a clock can mean by 0:00; one of the two is wrong where it skips that, or shows it twice."""
    return (datetime.combine(day, time(fold=fold), zone).astimezone(UTC) for fold in _FOLDS)


def _longest(requirement: Requirement, held: Mapping[int, Held], moment: datetime) -> Held | None:
    """What is valid longest of that which meets it at the moment; of several the first that was recorded."""
    valid = [
        each
        for each in _needed(requirement, held)
        if each.completed_at <= moment and (each.valid_until is None or each.valid_until > moment)
    ]
    endless = [each for each in valid if each.valid_until is None]
    if endless:
        return min(endless, key=lambda each: each.of)
    return max(valid, key=lambda each: (each.valid_until, -each.of), default=None)


def _needed(requirement: Requirement, held: Mapping[int, Held]) -> list[Held]:
    """Of the few that a person holds and the courses, of which a label may have many, the fewer are gone through."""
    courses = requirement.courses
    if len(courses) < len(held):
        return [held[course] for course in courses if course in held]
    return [each for course, each in held.items() if course in courses]


def _turns(requirement: Requirement, person: Person, held: Mapping[int, Held], zone: tzinfo) -> Iterator[datetime]:
    """The moments at which anything can change by itself."""
    if requirement.valid_from is not None:
        yield first_moment(requirement.valid_from, zone)
    if requirement.valid_to is not None:
        yield last_moment(requirement.valid_to, zone) + _INSTANT
    end = end_of_grace(requirement, person, zone)
    if end is not None:
        yield end
    for each in _needed(requirement, held):
        yield each.completed_at
        if each.valid_until is not None:
            yield each.valid_until


def _situation(
    requirement: Requirement, person: Person, held: Mapping[int, Held], moment: datetime, zone: tzinfo
) -> State | None:
    """None while it is not in force."""
    if not in_force(requirement, moment, zone):
        return None
    return standing(requirement, person, held, moment, zone).state
