"""What may become of people: values in, values out (contract, section 4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.enrollment.errors import EmployeeIdTaken, PersonErased, PersonNotFound
from services.enrollment.schemas import EmployeeFields
from shared.events.states import EmployeeState


@dataclass(frozen=True, slots=True)
class Wanted:
    """A person as the organisation's own system knows them; `created_at` of a new one is now where it is not given."""

    id: int
    type: str
    fields: EmployeeFields
    created_at: datetime | None = None


def is_new(person: EmployeeState | None) -> bool:
    """Nobody, or somebody who was removed: who comes back is new."""
    return person is None or person.removed


def check_may_come(person: EmployeeState | None) -> None:
    """Raises `PersonNotFound` for one who was merged into somebody else, and `PersonErased`: neither comes back."""
    if person is not None and person.removed and person.merged_into is not None:
        raise PersonNotFound(person.merged_into)
    if person is not None and person.erased_at is not None:
        raise PersonErased


def says(person: EmployeeState | None, wanted: Wanted) -> bool:
    """Whether the person is there, of the type, and what the fields say."""
    return (
        person is not None
        and not person.removed
        and person.type == wanted.type
        and person.model_dump(include=_FIELDS) == wanted.fields.model_dump()
    )


_FIELDS = set(EmployeeFields.model_fields)


def takes_employee_id(person: EmployeeState | None, wanted: Wanted) -> bool:
    """Only when it changes: two people who shared one before that was refused can be changed in all else."""
    return person is None or person.removed or person.employee_id != wanted.fields.employee_id


@dataclass(frozen=True, slots=True)
class Holding:
    """An `employee_id` as it was written, in the form in which all that people take for the same are the same, and
    somebody who has it; None where nobody does."""

    employee_id: str
    key: str
    person_id: int | None


def taken_ids(
    wanted: Sequence[Wanted], current: Mapping[int, EmployeeState], holdings: Iterable[Holding]
) -> dict[int, EmployeeIdTaken]:
    """By person whose `employee_id` is another person's, if they are changed one after another.

    `holdings` are of every `employee_id` that somebody takes.
    """
    held = _Held(holdings)
    refused: dict[int, EmployeeIdTaken] = {}
    for each in wanted:
        if not takes_employee_id(current.get(each.id), each):
            continue
        holder = held.by_another(each.fields.employee_id, each.id)
        if holder is None:
            held.give(each.fields.employee_id, each.id)
        else:
            refused[each.id] = EmployeeIdTaken(holder)
    return refused


class _Held:
    """Who has which `employee_id` while people are given others."""

    def __init__(self, holdings: Iterable[Holding]) -> None:
        self._keys: dict[str, str] = {}
        self._holders: dict[str, set[int]] = {}
        self._key_of: dict[int, str] = {}
        for each in holdings:
            self._keys[each.employee_id] = each.key
            holders = self._holders.setdefault(each.key, set())
            if each.person_id is not None:
                holders.add(each.person_id)
                self._key_of[each.person_id] = each.key

    def by_another(self, employee_id: str, person_id: int) -> int | None:
        return min(self._holders[self._keys[employee_id]] - {person_id}, default=None)

    def give(self, employee_id: str, person_id: int) -> None:
        before = self._key_of.get(person_id)
        if before is not None:
            self._holders[before].discard(person_id)
        key = self._keys[employee_id]
        self._holders[key].add(person_id)
        self._key_of[person_id] = key
