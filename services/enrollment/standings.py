"""What is kept of how a person stands to all that is asked of them, and what has changed: values in, values out.

`clearance` says how somebody stands to one requirement at one moment; here is when time alone may change that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final, Literal

from services.enrollment.clearance import (
    Held,
    Person,
    Requirement,
    concerns,
    first_moment,
    in_force,
    last_moment,
    standing,
)

SOON: Final = timedelta(days=90)
"""What ends within that time is kept with its moment, so that it is counted without looking at what everybody holds."""
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A requirement at a moment: whether it is in force, and when that changes next; None is never."""

    requirement: Requirement
    in_force: bool
    turns_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standings:
    """Ids of the requirements that a person lacks, and of those for which they are in grace; of what meets a
    requirement, what ends within 90 days. All by id. `look_at`: when time alone may change any of it."""

    lacking: tuple[int, ...] = ()
    in_grace: tuple[int, ...] = ()
    ending: tuple[tuple[int, datetime], ...] = ()
    look_at: datetime | None = None


NOTHING: Final = Standings()
"""Of somebody who is asked nothing, or belongs to the organisation no more."""


@dataclass(frozen=True, slots=True)
class Change:
    """A requirement that a person begins to lack, or lacks no more; `lacking` is all that they lack then."""

    kind: Literal["lost", "gained"]
    requirement_id: int
    lacking: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What the row of a person says."""

    version: int
    lacking: tuple[int, ...]
    in_grace: tuple[int, ...]
    ending: tuple[int, ...]
    look_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of some people at a moment: what is asked in their organisation, who of them belongs to it, what
    each holds of each course, and what is kept of them. `removed` are requirements that are asked no more."""

    requirements: Mapping[int, Requirement]
    removed: Mapping[int, Requirement]
    people: Mapping[int, Person]
    held: Mapping[int, Mapping[int, Held]]
    kept: Mapping[int, Kept]
    moment: datetime
    zone: tzinfo


def asked_at(requirements: Sequence[Requirement], moment: datetime, zone: tzinfo) -> list[Asked]:
    """The requirements of an organisation at the moment, by id."""
    ordered = sorted(requirements, key=lambda each: each.id)
    return [Asked(each, in_force(each, moment, zone), _turn(each, moment, zone)) for each in ordered]


def _turn(requirement: Requirement, moment: datetime, zone: tzinfo) -> datetime | None:
    turns = []
    if requirement.valid_from is not None:
        turns.append(first_moment(requirement.valid_from, zone))
    if requirement.valid_to is not None:
        turns.append(last_moment(requirement.valid_to, zone) + _INSTANT)
    return min((turn for turn in turns if turn > moment), default=None)


def standings(
    asked: Sequence[Asked], person: Person, held: Mapping[int, Held], moment: datetime, zone: tzinfo
) -> Standings:
    """How the person stands at the moment, by what they hold of each course."""
    lacking: list[int] = []
    in_grace: list[int] = []
    ending: list[tuple[int, datetime]] = []
    looks = [each.completed_at for each in held.values() if each.completed_at > moment]
    for each in asked:
        if not concerns(each.requirement, person):
            continue
        looks += [] if each.turns_at is None else [each.turns_at]
        if not each.in_force:
            continue
        found = standing(each.requirement, person, held, moment, zone)
        if found.state == "lacking":
            lacking.append(each.requirement.id)
        elif found.state == "grace":
            in_grace.append(each.requirement.id)
        elif found.until is not None and found.until <= moment + SOON:
            ending.append((each.requirement.id, found.until))
        looks += _looks(found.until, moment)
    return Standings(tuple(lacking), tuple(in_grace), tuple(ending), min(looks, default=None))


def _looks(until: datetime | None, moment: datetime) -> Iterator[datetime]:
    """When a standing that ends has to be looked at: as its end comes near, and then at the end."""
    if until is not None:
        yield until - SOON if until - SOON > moment else until


def standings_of(facts: Facts, people: Sequence[int]) -> dict[int, Standings]:
    """How each of the people stands at the moment of the facts; nothing is asked of those who are not there."""
    asked = asked_at(list(facts.requirements.values()), facts.moment, facts.zone)
    return {
        person_id: standings(asked, facts.people[person_id], facts.held.get(person_id, {}), facts.moment, facts.zone)
        if person_id in facts.people
        else NOTHING
        for person_id in people
    }


def changes(before: Sequence[int], after: Sequence[int]) -> list[Change]:
    """What has to happen to the requirements that somebody lacked, one by one.

    Those that they lack now come first: whoever opens a gate for the one must not do so until they know of the other.
    """
    lacking = set(before)
    found: list[Change] = []
    for requirement_id in sorted(set(after) - set(before)):
        lacking.add(requirement_id)
        found.append(Change("lost", requirement_id, tuple(sorted(lacking))))
    for requirement_id in sorted(set(before) - set(after)):
        lacking.remove(requirement_id)
        found.append(Change("gained", requirement_id, tuple(sorted(lacking))))
    return found
