"""The clearance of many people at once: values in, values out (contract, section 4)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo

from services.enrollment.clearance import (
    Held,
    Person,
    Requirement,
    Standing,
    applies,
    end_of_grace,
    first_moment,
    in_force,
    last_moment,
    standing,
)

_LONGER = 2
"""Days by which a grace may end later than as many of 24 hours: a calendar can skip one, and clocks are changed."""
_ANY = datetime.max.replace(tzinfo=UTC)
_OF_OLD = Person(0, "employee", None, datetime(1900, 1, 1, tzinfo=UTC))
"""Somebody who was there before anything was asked."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What an organisation asks of its people, its courses as they were named: any of them, or of a label."""

    requirement: Requirement
    label_ids: frozenset[int]

    def with_courses_of(self, labels: Mapping[int, Iterable[int]]) -> Requirement:
        """With those of the courses, each with its labels, that carry one of these."""
        if not self.label_ids:
            return self.requirement
        carriers = {course for course, carried in labels.items() if not self.label_ids.isdisjoint(carried)}
        return replace(self.requirement, courses=self.requirement.courses | carriers)


@dataclass(frozen=True, slots=True)
class Day:
    """A day that was asked about: the moment of it that counts, and whether it is past."""

    date: date
    moment: datetime
    is_past: bool


def day_asked(on: date | None, now: datetime, zone: tzinfo) -> Day:
    """Today counts as it is now, and any other day at its end: who is cleared on it, is to the last."""
    today = now.astimezone(zone).date()
    if on is None or on == today:
        return Day(today, now, is_past=False)
    return Day(on, last_moment(on, zone), is_past=on < today)


class Asked:
    """What is asked of people in a project, or everywhere, at a moment."""

    def __init__(
        self, requirements: Iterable[Requirement], project_id: int | None, moment: datetime, zone: tzinfo
    ) -> None:
        self._project_id, self._moment, self._zone = project_id, moment, zone
        current = [each for each in requirements if in_force(each, moment, zone)]
        self._of_kinds = [each for each in current if each.employee_ids is None]
        self._of_some = [each for each in current if each.employee_ids is not None]
        self._by_kind: dict[tuple[str, int | None], list[Requirement]] = {}
        self._lacking = {each.id: (Standing(each, "lacking", None, None), self._last_arrival(each)) for each in current}

    def of(self, person: Person) -> list[Requirement]:
        """Those that apply to the person, in the order of their ids.

        Most are asked of all people of a type and a company, so that few have to be looked at for each.
        """
        kind = (person.type, person.company_id)
        of_kind = self._by_kind.get(kind)
        if of_kind is None:
            of_kind = self._by_kind[kind] = self._applying(self._of_kinds, person)
        named = self._applying(self._of_some, person)
        return sorted([*of_kind, *named], key=lambda each: each.id) if named else of_kind

    def missing(self, person: Person, held: Iterable[int]) -> Sequence[Standing]:
        """What the person lacks, or is in grace for, who holds a valid completion of these courses."""
        courses = set(held)
        return [self._without(each, person) for each in self.of(person) if each.courses.isdisjoint(courses)]

    def _applying(self, requirements: Iterable[Requirement], person: Person) -> list[Requirement]:
        return [each for each in requirements if applies(each, person, self._project_id)]

    def _without(self, requirement: Requirement, person: Person) -> Standing:
        """All stand alike who have been there since before any grace of theirs can last."""
        alike, latest = self._lacking[requirement.id]
        if person.created_at <= latest:
            return alike
        return standing(requirement, person, {}, self._moment, self._zone)

    def _last_arrival(self, requirement: Requirement) -> datetime:
        """Until when somebody came who is not in grace any more, roughly: a day of grace may be longer than others."""
        end = end_of_grace(requirement, _OF_OLD, self._zone)
        if end is None or requirement.grace_days is None:
            return _ANY
        days = timedelta(days=requirement.grace_days + _LONGER)
        return self._moment - days if end <= self._moment else _OF_OLD.created_at


def is_cleared(standings: Iterable[Standing]) -> bool:
    """Who is in grace, is."""
    return all(each.state != "lacking" for each in standings)


def longest(held: Iterable[Held]) -> dict[int, Held]:
    """Of each course what is valid longest; of several the first that was recorded."""
    best: dict[int, Held] = {}
    for each in sorted(held, key=lambda each: each.of):
        known = best.get(each.course_id)
        if known is None or _ends(each) > _ends(known):
            best[each.course_id] = each
    return best


def _ends(held: Held) -> tuple[bool, datetime]:
    """Greater for what is valid longer."""
    return (True, _ANY) if held.valid_until is None else (False, held.valid_until)


def has_turned(requirements: Iterable[Requirement], since: datetime, now: datetime, zone: tzinfo) -> bool:
    """Whether time alone has changed since then what is asked of people, or ended the grace that all have."""
    return any(since < turn <= now for each in requirements for turn in _turns(each, zone))


def _turns(requirement: Requirement, zone: tzinfo) -> Iterator[datetime]:
    if requirement.valid_from is not None:
        yield first_moment(requirement.valid_from, zone)
    if requirement.valid_to is not None:
        yield first_moment(requirement.valid_to + timedelta(days=1), zone)
    end = end_of_grace(requirement, _OF_OLD, zone)
    if end is not None:
        yield end
