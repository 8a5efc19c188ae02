"""Two people who turn out to be one: all that the one has goes to the other, in one transaction."""

from collections.abc import Sequence

from services.enrollment import merging, transitions
from services.enrollment.errors import ChangedMeanwhile, MergedIntoThemselves, PersonNotSelectable
from services.enrollment.representations import person_row
from services.enrollment.store import calendars as calendar_store
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.store import merging as store
from services.enrollment.store import people as people_store
from services.enrollment.store import people_pages
from services.enrollment.store import seats as seat_store
from services.enrollment.store.enrollments import LockedEnrollment
from services.enrollment.store.merging import Concerned
from services.enrollment.use_cases import change_set, external_records, people_changes, requirements
from services.enrollment.use_cases.change_set import CHUNK, Change
from services.enrollment.use_cases.people import present
from shared.errors import PreconditionRequired
from shared.events.states import EmployeeState
from shared.events.types import EmployeeMerged, EnrollmentCancelled, EnrollmentReassigned
from shared.http.conditional import Conditions, Document
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection


async def merge(
    connection: Connection,
    organisation_id: int,
    type_: str,
    person_id: int,
    into: int,
    actor: Actor,
    conditions: Conditions,
) -> Document:
    """The representation of `into`, who has all enrollments and records since; the other person is removed for good.

    Where both are in a session, the enrollment that has come further stays and the other is cancelled. Raises
    `PersonNotFound`, `PreconditionRequired`, `PreconditionFailed`, `PersonNotSelectable`, `MergedIntoThemselves`, and
    `ChangedMeanwhile`: then it is to be tried again.
    """
    planned = await store.enrollments_concerned(connection, organisation_id, person_id, into)
    keys = sorted({(organisation_id, each.session_id) for each in planned})
    sessions = await seat_store.lock_sessions(connection, keys)
    person, other = await _lock_people(connection, organisation_id, type_, person_id, into, conditions)
    if planned != await store.enrollments_concerned(connection, organisation_id, person_id, into):
        raise ChangedMeanwhile
    locked = await enrollment_store.lock(connection, [(organisation_id, each.id) for each in planned])
    cancellations = _cancellations(locked, planned, person_id, into, actor)
    await change_set.save(connection, cancellations, sessions)
    moves = _moves(locked, planned, cancellations, into, actor)
    for start in range(0, len(moves), CHUNK):
        await change_set.record(connection, moves[start : start + CHUNK])
    await external_records.reassign(connection, organisation_id, person_id, into, actor)
    await calendar_store.move(connection, organisation_id, person_id, into)
    await requirements.follow_merging(connection, organisation_id, person_id, into, actor)
    await people_changes.end_links(connection, organisation_id, [person], EmployeeMerged, actor, merged_into=into)
    document = await people_pages.person_detail(connection, organisation_id, other.type, into)
    if document is None:
        raise ChangedMeanwhile
    return document


async def _lock_people(
    connection: Connection, organisation_id: int, type_: str, person_id: int, into: int, conditions: Conditions
) -> tuple[EmployeeState, EmployeeState]:
    """Both, in the order of their ids, which everyone keeps."""
    people = {
        each: await people_store.lock_person(connection, organisation_id, each) for each in sorted({person_id, into})
    }
    person, other = present(people[person_id], type_), people[into]
    if conditions.if_match is None:
        raise PreconditionRequired
    conditions.check(person_row(organisation_id, person_id), person.version)
    if into == person_id:
        raise MergedIntoThemselves
    if other is None or other.removed:
        raise PersonNotSelectable
    return person, other


def _cancellations(
    locked: Sequence[LockedEnrollment], planned: Sequence[Concerned], person_id: int, into: int, actor: Actor
) -> list[Change]:
    standing = {each.session_id for each in planned if each.standing}
    double = {each.id for each in merging.double_bookings([each.state for each in locked], standing)}
    reason = f"Employee {person_id} was merged into {into}, and has another enrollment in this session."
    return [
        Change.of(each, transitions.displaced(each.state), EnrollmentCancelled, actor, reason)
        for each in locked
        if each.state.id in double
    ]


def _moves(
    locked: Sequence[LockedEnrollment],
    planned: Sequence[Concerned],
    cancellations: Sequence[Change],
    into: int,
    actor: Actor,
) -> list[Change]:
    """Of all that the person has, whatever became of it."""
    moving = {each.id for each in planned if each.moves}
    cancelled = {change.after.id: change.after for change in cancellations}
    changes = []
    for each in locked:
        if each.state.id in moving:
            before = cancelled.get(each.state.id, each.state)
            after = transitions.reassigned(before, into, each.current)
            changes.append(Change(each.organisation_id, before, after, EnrollmentReassigned, actor))
    return changes
