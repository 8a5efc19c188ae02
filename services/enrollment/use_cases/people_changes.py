"""How every change of people is written: rows, audit trail and events together, for one person or for many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.enrollment import person_rules, transitions
from services.enrollment.errors import ChangedMeanwhile, EmployeeIdTaken
from services.enrollment.person_rules import Wanted
from services.enrollment.rules import Seats, SessionKey
from services.enrollment.schemas import EmployeeFields
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.store import people as store
from services.enrollment.store import seats as seat_store
from services.enrollment.store.people import NextVersion
from services.enrollment.use_cases import SOURCE, certifications, change_set
from services.enrollment.use_cases.change_set import CHUNK, Change
from shared.concurrency.turns import in_turns
from shared.events.states import EmployeeState
from shared.events.types import EmployeeMerged, EmployeeRemoved, EmployeeSaved, EnrollmentCancelled
from shared.messaging import outbox
from shared.postgres.audit import Actor, AuditEntry, differences
from shared.postgres.pool import Connection
from shared.validation.fields import STORED


async def save(
    connection: Connection,
    organisation_id: int,
    wanted: Sequence[Wanted],
    current: Mapping[int, EmployeeState],
    actor: Actor,
) -> dict[int, EmployeeIdTaken]:
    """Makes of the people what is wanted, each person once; `current` are those who are there, and locked.

    Whoever takes another person's `employee_id` stays as they are: the refusals, by person. What somebody is already
    is no change. Raises `ChangedMeanwhile`.
    """
    changing = [each for each in wanted if not person_rules.says(current.get(each.id), each)]
    refused = await _refused(connection, organisation_id, changing, current)
    saved = [NextVersion(current.get(each.id), each) for each in changing if each.id not in refused]
    if saved:
        await write(connection, organisation_id, saved, EmployeeSaved, actor)
    returned = [each.before.id for each in saved if each.before is not None and each.before.removed]
    if returned:
        await certifications.follow_people(connection, organisation_id, returned)
    return refused


async def _refused(
    connection: Connection, organisation_id: int, changing: Sequence[Wanted], current: Mapping[int, EmployeeState]
) -> dict[int, EmployeeIdTaken]:
    taken = [each.fields.employee_id for each in changing if person_rules.takes_employee_id(current.get(each.id), each)]
    if not taken:
        return {}
    holdings = await store.lock_employee_ids(connection, organisation_id, taken)
    return person_rules.taken_ids(changing, current, holdings)


async def write(
    connection: Connection,
    organisation_id: int,
    saved: Sequence[NextVersion],
    event: type[EmployeeSaved] | type[EmployeeRemoved] | type[EmployeeMerged],
    actor: Actor,
) -> None:
    """The rows with their events and audit entries; raises `ChangedMeanwhile` if another change came first."""
    after = await store.save_people(connection, organisation_id, saved)
    if len(after) < len(saved):
        raise ChangedMeanwhile

    def entry(each: NextVersion) -> AuditEntry:
        person = after[each.wanted.id]
        changes = differences(each.before, person)
        return AuditEntry("person", organisation_id, person.id, person.version, event.type, actor, changes)

    entries = await in_turns(entry, saved)
    events = [event(organisation_id, after[each.wanted.id], actor.trace) for each in saved]
    await outbox.add(connection, SOURCE, events, entries)


@dataclass(frozen=True, slots=True)
class Leaving:
    """People whose link is to end, locked together with what they are enrolled in and has not begun."""

    people: Mapping[int, EmployeeState]
    enrollment_ids: Sequence[int]
    sessions: Mapping[SessionKey, Seats]


async def lock_leaving(connection: Connection, organisation_id: int, person_ids: Sequence[int]) -> Leaving:
    """Sessions, then people (store/seats.py says why); raises `ChangedMeanwhile`."""
    planned = await seat_store.open_enrollments_of_people(connection, organisation_id, person_ids)
    keys = sorted({(organisation_id, session_id) for _, session_id in planned})
    sessions = await seat_store.lock_sessions(connection, keys)
    people = await store.lock_people(connection, organisation_id, person_ids)
    if planned != await seat_store.open_enrollments_of_people(connection, organisation_id, person_ids):
        raise ChangedMeanwhile
    return Leaving(people, [enrollment_id for enrollment_id, _ in planned], sessions)


async def end(connection: Connection, organisation_id: int, leaving: Leaving, actor: Actor) -> int:
    """Ends the link of those who are there, and returns how many they were: the records stay, nothing new can be
    enrolled, and what has not begun is cancelled."""
    present = [person for person in leaving.people.values() if not person.removed]
    await _cancel(connection, organisation_id, leaving, actor)
    if present:
        await end_links(connection, organisation_id, present, EmployeeRemoved, actor)
        await certifications.follow_people(connection, organisation_id, [person.id for person in present])
    return len(present)


async def end_links(
    connection: Connection,
    organisation_id: int,
    people: Sequence[EmployeeState],
    event: type[EmployeeRemoved] | type[EmployeeMerged],
    actor: Actor,
    merged_into: int | None = None,
) -> None:
    """Removes people whose rows are locked; their enrollments are the caller's."""
    removed = [
        NextVersion(person, Wanted(person.id, person.type, _fields(person)), removed=True, merged_into=merged_into)
        for person in people
    ]
    await write(connection, organisation_id, removed, event, actor)


def _fields(person: EmployeeState) -> EmployeeFields:
    stored = person.model_dump(include=set(EmployeeFields.model_fields))
    return EmployeeFields.model_validate(stored, context=STORED)


async def _cancel(connection: Connection, organisation_id: int, leaving: Leaving, actor: Actor) -> None:
    """So many at a time as one statement changes; seats that were passed on meanwhile are counted anew."""
    sessions = leaving.sessions
    for start in range(0, len(leaving.enrollment_ids), CHUNK):
        if start:
            sessions = await seat_store.lock_sessions(connection, sorted(sessions))
        ids = leaving.enrollment_ids[start : start + CHUNK]
        locked = await enrollment_store.lock(connection, [(organisation_id, each) for each in ids])
        cancellations = [
            Change.of(each, transitions.cancelled(each.state), EnrollmentCancelled, actor) for each in locked
        ]
        await change_set.save(connection, cancellations, sessions)
