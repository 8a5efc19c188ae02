"""Erasing a person: what says who they are becomes blank, what happened stays; one transaction (decision 30)."""

from collections.abc import Sequence

from services.enrollment import erasing as rules
from services.enrollment.errors import ChangedMeanwhile
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.store import erasing as store
from services.enrollment.store import external_records as record_store
from services.enrollment.store.one_person import same_people
from services.enrollment.use_cases import SOURCE, change_set, external_records, people_changes
from services.enrollment.use_cases.change_set import CHUNK, Change
from shared.events.personal import blanked
from shared.events.states import EmployeeState, EnrollmentState, RecordState
from shared.events.types import EmployeeErased, EnrollmentErased, RecordErased
from shared.http.conditional import Document
from shared.messaging import outbox
from shared.postgres import erased_people
from shared.postgres.audit import Actor, AuditEntry
from shared.postgres.erased_people import Erased, hash_of
from shared.postgres.pool import Connection


async def erase(
    connection: Connection,
    organisation_id: int,
    type_: str,
    person_id: int,
    reason: str,
    actor: Actor,
    *,
    keep_years: int = 0,
) -> Document:
    """What is left of the person, who belonged to the organisation or had been removed. Again it changes nothing.

    Whoever was merged into them is the same person, and erased with them. Raises `PersonNotFound`, `TrainingUnderWay`,
    `RecordsMustBeKept`, and `ChangedMeanwhile`: then it is to be tried again.
    """
    ids = await same_people(connection, organisation_id, person_id)
    leaving = await people_changes.lock_leaving(connection, organisation_id, ids)
    person = rules.check_there(leaving.people.get(person_id), type_)
    if ids != await same_people(connection, organisation_id, person_id):
        raise ChangedMeanwhile
    if person.erased_at is None:
        if keep_years:
            rules.check_kept_long_enough(*await store.kept_until(connection, organisation_id, person_id, keep_years))
        await people_changes.end(connection, organisation_id, leaving, actor)
        rules.check_nothing_open(await store.count_open(connection, organisation_id, person_id))
    await blank(connection, organisation_id, ids, reason, actor)
    return await store.detail(connection, organisation_id, person_id)


async def erase_again(
    connection: Connection, organisation_id: int, person_ids: Sequence[int], reason: str, actor: Actor
) -> None:
    """People whom a restored backup has back: that they may be erased was decided before. Raises `ChangedMeanwhile`."""
    leaving = await people_changes.lock_leaving(connection, organisation_id, person_ids)
    await people_changes.end(connection, organisation_id, leaving, actor)
    await blank(connection, organisation_id, person_ids, reason, actor)


async def blank(connection: Connection, organisation_id: int, ids: Sequence[int], reason: str, actor: Actor) -> None:
    """People who are locked and removed. The audit trail is last: entries of the very changes are in it by then.

    Of people who were erased before, what a change has written that was under way at the time.
    """
    names, called = await store.names(connection, organisation_id, ids)
    changed = 0
    for person_id in ids:
        changed += await _blank_enrollments(connection, organisation_id, person_id, actor)
        changed += await _blank_records(connection, organisation_id, person_id, actor)
    erased = await store.erase_people(connection, organisation_id, ids)
    if not (erased or changed):
        return
    await _announce(connection, organisation_id, erased, rules.without_names(reason, names), actor)
    await store.blank_trails(connection, organisation_id, ids, called, CHUNK)
    await store.end_calendars(connection, organisation_id, ids, called, actor)


async def _blank_enrollments(connection: Connection, organisation_id: int, person_id: int, actor: Actor) -> int:
    """How many had texts."""
    after, count = 0, 0
    while found := await store.enrollments_with_texts(connection, organisation_id, person_id, after, CHUNK):
        locked = await enrollment_store.lock(connection, [(organisation_id, each) for each in found])
        changes = [
            Change(organisation_id, each.state, _blank_enrollment(each.state), EnrollmentErased, actor)
            for each in locked
        ]
        await change_set.record(connection, changes)
        after, count = found[-1], count + len(changes)
    return count


def _blank_enrollment(state: EnrollmentState) -> EnrollmentState:
    return EnrollmentState.model_validate(blanked("enrollment", state.model_dump()) | {"version": state.version + 1})


async def _blank_records(connection: Connection, organisation_id: int, person_id: int, actor: Actor) -> int:
    """How many had texts."""
    after, count = 0, 0
    while records := await record_store.lock_of_person(connection, organisation_id, person_id, after, CHUNK):
        changes = [(record, _blank_record(record)) for record in records if _blank_record(record) != record]
        if changes:
            await store.blank_records(connection, organisation_id, [changed for _, changed in changes])
            await external_records.announce(connection, organisation_id, changes, RecordErased, actor)
        after, count = records[-1].id, count + len(changes)
    return count


def _blank_record(record: RecordState) -> RecordState:
    """In its next version, or as it is where it has nothing to blank."""
    state = record.model_dump()
    blank = blanked("record", state)
    return record if blank == state else RecordState.model_validate(blank | {"version": record.version + 1})


async def _announce(
    connection: Connection, organisation_id: int, erased: Sequence[EmployeeState], reason: str, actor: Actor
) -> None:
    """The events, the entries that keep the reason, and the list of who was erased."""
    entries = [
        AuditEntry(
            "person",
            organisation_id,
            state.id,
            state.version,
            EmployeeErased.type,
            actor,
            {"reason": {"from": None, "to": reason}},
        )
        for state in erased
    ]
    events = [EmployeeErased(organisation_id, state, actor.trace) for state in erased]
    await outbox.add(connection, SOURCE, events, entries)
    listed = [
        Erased(organisation_id, hash_of(organisation_id, state.id), state.erased_at)
        for state in erased
        if state.erased_at is not None
    ]
    await erased_people.add(connection, listed)
