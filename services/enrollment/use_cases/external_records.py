"""Training that was done elsewhere: submitted by one, accepted or rejected by another, one transaction each."""

from collections.abc import Callable, Sequence

from services.enrollment import external_records as rules
from services.enrollment.errors import ChangedMeanwhile, CourseNotSelectable, EmployeeNotThere, RecordNotFound
from services.enrollment.external_records import Subject
from services.enrollment.representations_records import record_row
from services.enrollment.schemas_records import RecordFields
from services.enrollment.store import external_records as store
from services.enrollment.store import record_pages
from services.enrollment.use_cases import SOURCE, certifications
from services.enrollment.use_cases.change_set import CHUNK, in_transaction
from shared.auth.internal_token import Caller
from shared.events.states import RecordState
from shared.events.types import RecordAccepted, RecordEvent, RecordReassigned, RecordRejected, RecordSubmitted
from shared.http.conditional import Conditions, Document
from shared.messaging import outbox
from shared.postgres.audit import Actor, AuditEntry, differences
from shared.postgres.pool import Connection, Pool

Change = tuple[RecordState | None, RecordState]
"""A record before and after; before it was submitted there was none."""


async def submit(connection: Connection, caller: Caller, fields: RecordFields, actor: Actor) -> tuple[int, Document]:
    """The id and the representation of a new record, which counts once somebody accepts it.

    Raises `PermissionDenied`, `EmployeeNotThere`, `CourseNotSelectable`, `CompletedAtNotPossible`.
    """
    rules.check_may_submit(caller, fields.employee_id)
    organisation_id = caller.organisation_id
    subject = await store.subject(
        connection, organisation_id, fields.employee_id, fields.course_id, fields.training_name
    )
    reach = rules.submissions_of(caller)
    if subject is None or not subject.is_present or not reach.holds(fields.employee_id, subject.company_id):
        raise EmployeeNotThere
    if fields.course_id is not None and (subject.judgement is None or subject.course_is_removed):
        raise CourseNotSelectable
    rules.check_completed_at(fields.completed_at, subject.now)
    record = await store.insert(connection, organisation_id, fields, actor)
    await announce(connection, organisation_id, [(None, record)], RecordSubmitted, actor)
    return record.id, await _detail(connection, organisation_id, record.id)


async def accept(pool: Pool, caller: Caller, record_id: int, actor: Actor, conditions: Conditions) -> Document:
    """The record's representation; raises what `external_records.accepted` raises, and `RecordNotFound`."""

    def decision(record: RecordState, subject: Subject) -> RecordState:
        return rules.accepted(record, subject, caller)

    return await _decide(pool, caller.organisation_id, record_id, decision, RecordAccepted, actor, conditions)


async def reject(
    pool: Pool, caller: Caller, record_id: int, reason: str, actor: Actor, conditions: Conditions
) -> Document:
    """The record's representation; raises `RecordNotFound`."""

    def decision(record: RecordState, subject: Subject) -> RecordState:
        return rules.rejected(record, reason, subject, caller)

    return await _decide(pool, caller.organisation_id, record_id, decision, RecordRejected, actor, conditions)


async def _decide(
    pool: Pool,
    organisation_id: int,
    record_id: int,
    decision: Callable[[RecordState, Subject], RecordState],
    event: type[RecordEvent],
    actor: Actor,
    conditions: Conditions,
) -> Document:
    async def work(connection: Connection) -> Document:
        before, subject = await _lock(connection, organisation_id, record_id)
        conditions.check(record_row(organisation_id, record_id), before.version)
        after = decision(before, subject)
        if after != before:
            await store.update(connection, organisation_id, [after])
            await announce(connection, organisation_id, [(before, after)], event, actor)
        return await _detail(connection, organisation_id, record_id)

    return await in_transaction(pool, organisation_id, work)


async def _lock(connection: Connection, organisation_id: int, record_id: int) -> tuple[RecordState, Subject]:
    """The record, and its person before it: whoever merges people keeps this order too."""
    about = await store.about(connection, organisation_id, record_id)
    if about is None:
        raise RecordNotFound
    subject = await store.subject(connection, organisation_id, *about)
    record = await store.lock(connection, organisation_id, record_id)
    if subject is None or record.employee_id != about[0]:
        raise ChangedMeanwhile
    return record, subject


async def reassign(connection: Connection, organisation_id: int, person_id: int, into: int, actor: Actor) -> None:
    """All records of a person who turned out to be another; both are locked."""
    after = 0
    while records := await store.lock_of_person(connection, organisation_id, person_id, after, CHUNK):
        changes = [(record, rules.reassigned(record, into)) for record in records]
        await store.update(connection, organisation_id, [changed for _, changed in changes])
        await announce(connection, organisation_id, changes, RecordReassigned, actor)
        after = records[-1].id


async def announce(
    connection: Connection,
    organisation_id: int,
    changes: Sequence[Change],
    event: type[RecordEvent],
    actor: Actor,
) -> None:
    """The events and the audit trail of what was written, and what follows for certifications."""
    keys = {
        (organisation_id, state.course_id, state.employee_id)
        for change in changes
        for state in change
        if state is not None and state.course_id is not None and state.certifies
    }
    if keys:
        await certifications.follow_completions(connection, sorted(keys))
    merged = event is RecordReassigned
    lost = [before for before, after in changes if before is not None and not merged and rules.lost(before, after)]
    revoked = await certifications.revocations_of_records(connection, organisation_id, lost, actor.trace)
    events = [event(organisation_id, after, actor.trace) for _, after in changes]
    entries = [
        AuditEntry(
            record_pages.KIND, organisation_id, after.id, after.version, event.type, actor, differences(before, after)
        )
        for before, after in changes
    ]
    await outbox.add(connection, SOURCE, [*events, *revoked], entries)


async def _detail(connection: Connection, organisation_id: int, record_id: int) -> Document:
    document = await record_pages.record_detail(connection, organisation_id, record_id)
    if document is None:
        raise RecordNotFound
    return document
