"""What a change of a requirement would do to people's clearance: values in, values out (contract, section 4)."""

from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from services.enrollment.clearance import Person, Requirement, concerns, end_of_grace, first_moment, in_force

EVERYWHERE: Final = "everywhere"
Places = Collection[int] | str
"""Where somebody lacks something: in these projects, or everywhere."""
NOWHERE: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """A requirement as it is at one moment."""

    requirement: Requirement
    moment: datetime
    zone: tzinfo

    def concerns(self, person: Person) -> bool:
        return concerns(self.requirement, person)

    def is_in_grace(self, person: Person, courses: Set[int]) -> bool:
        """Of one who holds valid completions of these courses."""
        if self.requirement.grace_days is None or not self._is_asked(person, courses):
            return False
        end = end_of_grace(self.requirement, person, self.zone)
        return end is not None and self.moment < end

    def lacked_by(self, person: Person, courses: Set[int]) -> Places:
        """Where the person is not cleared because of it."""
        if not self._is_asked(person, courses) or self.is_in_grace(person, courses):
            return NOWHERE
        return EVERYWHERE if self.requirement.project_ids is None else self.requirement.project_ids

    def _is_asked(self, person: Person, courses: Set[int]) -> bool:
        return self.requirement.courses.isdisjoint(courses) and concerns(self.requirement, person)


@dataclass(frozen=True, slots=True)
class Change:
    """A requirement before and after, where it is in force at the moment that is looked at, and all others then."""

    before: Rule | None
    after: Rule | None
    others: Sequence[Rule]

    def touches(self, person: Person) -> bool:
        return any(each.concerns(person) for each in (self.before, self.after) if each is not None)

    def is_in_grace(self, person: Person, courses: Set[int]) -> bool:
        return self.after is not None and self.after.is_in_grace(person, courses)

    def turns(self, person: Person, courses: Set[int]) -> tuple[Places, Places]:
        """Where the person lacks it before, and after."""
        before, after = (NOWHERE if each is None else each.lacked_by(person, courses) for each in self._both)
        return before, after

    def lacked_beside(self, person: Person, courses: Set[int]) -> Places:
        """Where the person lacks any of the others."""
        projects: set[int] = set()
        for each in self.others:
            places = each.lacked_by(person, courses)
            if isinstance(places, str):
                return EVERYWHERE
            projects.update(places)
        return projects

    @property
    def _both(self) -> tuple[Rule | None, Rule | None]:
        return self.before, self.after

    def courses(self) -> set[int]:
        """Those that the requirement needs, before or after."""
        return _needed(each for each in self._both if each is not None)

    def other_courses(self) -> set[int]:
        return _needed(self.others)


def _needed(rules: Iterable[Rule]) -> set[int]:
    return {course for each in rules for course in each.requirement.courses}


def change_at(
    before: Requirement | None, after: Requirement | None, others: Iterable[Requirement], moment: datetime, zone: tzinfo
) -> Change:
    """What is not in force at the moment is asked of nobody."""

    def rule(requirement: Requirement | None) -> Rule | None:
        if requirement is None or not in_force(requirement, moment, zone):
            return None
        return Rule(requirement, moment, zone)

    return Change(rule(before), rule(after), [each for each in map(rule, others) if each is not None])


def moment_of(requirement: Requirement, now: datetime, zone: tzinfo) -> datetime:
    """Now, or when it comes into force."""
    if requirement.valid_from is None:
        return now
    return max(now, first_moment(requirement.valid_from, zone))


def opens(closed: Places, opened: Places, beside: Places) -> bool:
    """Whether somebody who lacks something in the one places, and later in the others, is cleared anywhere then who was
    not: in a project, or where none is named. `beside`: where they lack other things."""
    if isinstance(beside, str) or isinstance(opened, str):
        return False
    if isinstance(closed, str):
        return True
    return not set(closed) <= set(opened) | set(beside)


@dataclass(slots=True)
class Preview:
    """How many people would lose or gain clearance, counted one after the other."""

    at: datetime
    would_lose: int = 0
    would_gain: int = 0
    in_grace: int = 0
    of: int = 0
    complete: bool = True

    def count(self, turn: tuple[Places, Places], beside: Places) -> None:
        before, after = turn
        self.would_gain += opens(before, after, beside)
        self.would_lose += opens(after, before, beside)

    def shown(self) -> dict[str, Any]:
        """As clients read it."""
        return {
            "would_lose": self.would_lose,
            "would_gain": self.would_gain,
            "in_grace": self.in_grace,
            "of": self.of,
            "at": self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "complete": self.complete,
        }
