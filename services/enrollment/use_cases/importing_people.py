"""People of an imported file, many in one transaction, by the rules that hold for each of them alone."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final

from services.enrollment import person_rules
from services.enrollment.errors import ChangedMeanwhile, PersonErased, PersonNotFound
from services.enrollment.person_rules import Wanted
from services.enrollment.schemas_imports import PersonLine
from services.enrollment.store import people as store
from services.enrollment.use_cases import people_changes
from shared.events.states import EmployeeState
from shared.imports.kind import Applied, Outcome
from shared.imports.lines import LineError
from shared.postgres.audit import Actor
from shared.postgres.errors import TransactionConflict
from shared.postgres.pool import Connection, plan_anew

_TWICE: Final = LineError("id", "An earlier line is about the same person.")


async def apply(
    connection: Connection, organisation_id: int, lines: Sequence[PersonLine], actor: Actor
) -> list[Applied]:
    """Creates or replaces the people, as `PUT` does one by one.

    People who are already what the lines say are not even locked, nor is who is not there yet. Raises
    `TransactionConflict` if another change came first.
    """
    wanted: dict[int, Wanted] = {}
    for line in lines:
        wanted.setdefault(line.id, Wanted(line.id, line.type, line.person()))
    await plan_anew(connection)
    known = await store.people(connection, organisation_id, list(wanted))
    changing = [each for each in wanted.values() if not person_rules.says(known.get(each.id), each)]
    outcomes = {each: Applied(Outcome.UNCHANGED, each) for each in wanted}
    if changing:
        there = [each.id for each in changing if each.id in known]
        try:
            outcomes |= await _save(connection, organisation_id, changing, there, actor)
        except ChangedMeanwhile as error:
            raise TransactionConflict(error.message) from error
    return [outcomes.pop(line.id, Applied(Outcome.REFUSED, line.id, (_TWICE,))) for line in lines]


def keys(line: PersonLine) -> Iterable[Hashable]:
    """The person, and the `employee_id` that nobody else may have."""
    return (line.id, line.employee_id.strip().lower())


async def _save(
    connection: Connection, organisation_id: int, wanted: Sequence[Wanted], there: Sequence[int], actor: Actor
) -> dict[int, Applied]:
    current = await store.lock_people(connection, organisation_id, there) if there else {}
    gone = _gone(current)
    coming = [each for each in wanted if each.id not in gone]
    taken = await people_changes.save(connection, organisation_id, coming, current, actor)
    refused = gone | {
        each: LineError("employee_id", f"Person {error.details['person']} of your organisation has this employee_id.")
        for each, error in taken.items()
    }
    return {each.id: _applied(each, current.get(each.id), refused.get(each.id)) for each in wanted}


def _gone(current: Mapping[int, EmployeeState]) -> dict[int, LineError]:
    """Those who do not come back: they were merged into somebody else, or erased."""
    gone: dict[int, LineError] = {}
    for person in current.values():
        try:
            person_rules.check_may_come(person)
        except PersonNotFound:
            gone[person.id] = LineError("id", f"This person was merged into person {person.merged_into}.")
        except PersonErased:
            gone[person.id] = LineError("id", "This person was erased. Whoever comes back has a new id.")
    return gone


def _applied(wanted: Wanted, before: EmployeeState | None, error: LineError | None) -> Applied:
    if error is not None:
        return Applied(Outcome.REFUSED, wanted.id, (error,))
    if person_rules.is_new(before):
        return Applied(Outcome.CREATED, wanted.id)
    return Applied(Outcome.UNCHANGED if person_rules.says(before, wanted) else Outcome.CHANGED, wanted.id)


async def end(connection: Connection, organisation_id: int, person_ids: Sequence[int], actor: Actor) -> int:
    """Removes the people from the organisation, as `DELETE` does one by one; how many of them belonged to it.

    Raises `TransactionConflict` if another change came first.
    """
    await plan_anew(connection)
    try:
        leaving = await people_changes.lock_leaving(connection, organisation_id, person_ids)
    except ChangedMeanwhile as error:
        raise TransactionConflict(error.message) from error
    return await people_changes.end(connection, organisation_id, leaving, actor)
