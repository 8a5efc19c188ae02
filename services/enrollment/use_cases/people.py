"""The people who can be enrolled, mastered in the organisation's own systems: one transaction each."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.enrollment import transitions
from services.enrollment.errors import ChangedMeanwhile, EmployeeIdTaken, PersonNotFound
from services.enrollment.representations import person_row
from services.enrollment.rules import Seats, SessionKey
from services.enrollment.schemas import EmployeeFields
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.store import people as store
from services.enrollment.store import people_pages
from services.enrollment.store import seats as seat_store
from services.enrollment.use_cases import SOURCE, certifications, change_set
from services.enrollment.use_cases.change_set import Change, in_transaction
from shared.events.states import EmployeeState
from shared.events.types import EmployeeMerged, EmployeeRemoved, EmployeeSaved, EnrollmentCancelled
from shared.http.conditional import UNCONDITIONAL, Conditions, Document
from shared.messaging import outbox
from shared.postgres.audit import Actor, AuditEntry, differences
from shared.postgres.pool import Connection, Pool
from shared.validation.fields import STORED


async def save_person(
    pool: Pool,
    organisation_id: int,
    type_: str,
    person_id: int,
    fields: EmployeeFields,
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
    *,
    created_at: datetime | None = None,
) -> tuple[bool, Document]:
    """Whether the person is new, and their representation.

    Somebody of the other type changes it, and keeps bookings and records: a contractor's worker who is hired is the
    same person. Somebody who was removed and comes back is new, and keeps their earlier records; who was merged into
    somebody else does not come back. Raises `EmployeeIdTaken`, `PersonNotFound`.
    """

    async def work(connection: Connection) -> tuple[bool, Document]:
        current = await store.lock_person(connection, organisation_id, person_id)
        if current is not None and current.removed and current.merged_into is not None:
            raise PersonNotFound(current.merged_into)
        new = current is None or current.removed
        conditions.check(person_row(organisation_id, person_id), 0 if current is None or new else current.version)
        if current is None or new or not _says(current, type_, fields):
            await _check_employee_id(connection, organisation_id, person_id, None if new else current, fields)
            saved = await store.save_person(
                connection,
                organisation_id,
                current,
                person_id=person_id,
                type_=type_,
                fields=fields,
                created_at=created_at,
            )
            await _publish_person(connection, organisation_id, current, saved, EmployeeSaved, actor)
        if current is not None and current.removed:
            await certifications.follow_person(connection, organisation_id, person_id)
        return new, await _detail(connection, organisation_id, type_, person_id)

    return await in_transaction(pool, organisation_id, work)


async def _check_employee_id(
    connection: Connection, organisation_id: int, person_id: int, current: EmployeeState | None, fields: EmployeeFields
) -> None:
    """Only when it changes: two people who shared one before that was refused can be changed in all else."""
    if current is not None and current.employee_id == fields.employee_id:
        return
    holder = await store.other_holder(connection, organisation_id, fields.employee_id, person_id)
    if holder is not None:
        raise EmployeeIdTaken(holder)


def _says(person: EmployeeState, type_: str, fields: EmployeeFields) -> bool:
    """Whether the person is already of the type, and what the fields say."""
    return person.type == type_ and person.model_dump(include=set(EmployeeFields.model_fields)) == fields.model_dump()


async def _detail(connection: Connection, organisation_id: int, type_: str, person_id: int) -> Document:
    document = await people_pages.person_detail(connection, organisation_id, type_, person_id)
    if document is None:
        raise PersonNotFound
    return document


async def remove_person(
    pool: Pool,
    organisation_id: int,
    type_: str,
    person_id: int,
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
) -> None:
    """Ends the link: the records stay, nothing new can be enrolled, and what has not begun is cancelled.

    Raises `PersonNotFound`.
    """

    async def work(connection: Connection) -> None:
        planned = await seat_store.open_enrollments_of_person(connection, organisation_id, person_id)
        keys = sorted({(organisation_id, session_id) for _, session_id in planned})
        sessions = await seat_store.lock_sessions(connection, keys)
        current = present(await store.lock_person(connection, organisation_id, person_id), type_)
        conditions.check(person_row(organisation_id, person_id), current.version)
        if planned != await seat_store.open_enrollments_of_person(connection, organisation_id, person_id):
            raise ChangedMeanwhile
        await _cancel(connection, organisation_id, [enrollment_id for enrollment_id, _ in planned], sessions, actor)
        await end_link(connection, organisation_id, current, EmployeeRemoved, actor)
        await certifications.follow_person(connection, organisation_id, person_id)

    await in_transaction(pool, organisation_id, work)


def present(person: EmployeeState | None, type_: str) -> EmployeeState:
    """The person; raises `PersonNotFound` for one who is not there or of the other type."""
    if person is None:
        raise PersonNotFound
    if person.removed or person.type != type_:
        raise PersonNotFound(person.merged_into)
    return person


async def end_link(
    connection: Connection,
    organisation_id: int,
    person: EmployeeState,
    event: type[EmployeeRemoved] | type[EmployeeMerged],
    actor: Actor,
    merged_into: int | None = None,
) -> None:
    """Removes a person whose row is locked; their enrollments are the caller's."""
    stored = person.model_dump(include=set(EmployeeFields.model_fields))
    fields = EmployeeFields.model_validate(stored, context=STORED)
    removed = await store.save_person(
        connection,
        organisation_id,
        person,
        person_id=person.id,
        type_=person.type,
        fields=fields,
        removed=True,
        merged_into=merged_into,
    )
    await _publish_person(connection, organisation_id, person, removed, event, actor)


async def _cancel(
    connection: Connection,
    organisation_id: int,
    enrollment_ids: Sequence[int],
    sessions: Mapping[SessionKey, Seats],
    actor: Actor,
) -> None:
    locked = await enrollment_store.lock(connection, [(organisation_id, each) for each in enrollment_ids])
    cancellations = [Change.of(each, transitions.cancelled(each.state), EnrollmentCancelled, actor) for each in locked]
    await change_set.save(connection, cancellations, sessions)


async def _publish_person(
    connection: Connection,
    organisation_id: int,
    before: EmployeeState | None,
    person: EmployeeState | None,
    event: type[EmployeeSaved] | type[EmployeeRemoved] | type[EmployeeMerged],
    actor: Actor,
) -> None:
    """The event and the audit entry of a change; raises `ChangedMeanwhile` if there is no `person`."""
    if person is None:
        raise ChangedMeanwhile
    changes = differences(before, person)
    entry = AuditEntry("person", organisation_id, person.id, person.version, event.type, actor, changes)
    await outbox.add(connection, SOURCE, [event(organisation_id, person, actor.trace)], [entry])
