"""The transitions of an enrollment: one transaction each, with its event and its audit entry."""

from datetime import datetime

from services.enrollment import rules, transitions
from services.enrollment.catalog_client import CatalogClient
from services.enrollment.errors import ChangedMeanwhile, EnrollmentNotFound, PersonErased, SessionUnknown
from services.enrollment.representations import enrollment_row
from services.enrollment.rules import Candidate, Seats, SessionKey
from services.enrollment.schemas import CheckIn, Completion
from services.enrollment.store import candidates as candidate_store
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.store import pages
from services.enrollment.store import seats as seat_store
from services.enrollment.store.enrollments import LockedEnrollment
from services.enrollment.use_cases import change_set
from services.enrollment.use_cases import sessions as sessions_use_case
from services.enrollment.use_cases.change_set import Change, in_transaction
from shared.auth.internal_token import ENROLL, Caller
from shared.events.types import (
    EnrollmentCancelled,
    EnrollmentCheckedIn,
    EnrollmentCheckInRemoved,
    EnrollmentCompleted,
    EnrollmentFailed,
    EnrollmentMarkedAbsent,
    EnrollmentPromoted,
    EnrollmentReopened,
    EnrollmentTransferred,
)
from shared.http.conditional import UNCONDITIONAL, Conditions, Document
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection, Pool, transaction


async def complete(
    pool: Pool,
    organisation_id: int,
    enrollment_id: int,
    completion: Completion,
    actor: Actor,
    *,
    conditions: Conditions = UNCONDITIONAL,
    now: datetime | None = None,
) -> tuple[str, Document]:
    """The enrollment's status, `completed` or `failed`, and the answer's document.

    Raises what `transitions.completed` raises.

    `now` is the database's clock where it is not given.
    """
    async with transaction(pool, [organisation_id]) as connection:
        locked = await _lock(connection, organisation_id, enrollment_id, conditions)
        state = transitions.completed(
            locked.state, locked.judgement, completion, locked.session_start, now or locked.now
        )
        event = EnrollmentFailed if state.status == "failed" else EnrollmentCompleted
        await change_set.save(connection, [Change.of(locked, state, event, actor)], {})
        return state.status, await pages.completion(connection, organisation_id, enrollment_id)


async def check_in(
    pool: Pool,
    organisation_id: int,
    enrollment_id: int,
    check_in: CheckIn,
    actor: Actor,
    *,
    conditions: Conditions = UNCONDITIONAL,
) -> Document:
    """The enrollment's representation; raises what `transitions.checked_in` raises."""
    async with transaction(pool, [organisation_id]) as connection:
        locked = await _lock(connection, organisation_id, enrollment_id, conditions)
        state = transitions.checked_in(locked.state, check_in, locked.now, locked.meeting_ids)
        await change_set.save(connection, [Change.of(locked, state, EnrollmentCheckedIn, actor)], {})
        return await _detail(connection, organisation_id, enrollment_id)


async def remove_check_in(
    pool: Pool,
    organisation_id: int,
    enrollment_id: int,
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
    meeting_id: int | None = None,
) -> Document:
    """The enrollment's representation; raises what `transitions.check_in_removed` raises."""
    async with transaction(pool, [organisation_id]) as connection:
        locked = await _lock(connection, organisation_id, enrollment_id, conditions)
        state = transitions.check_in_removed(locked.state, meeting_id, locked.meeting_ids)
        await change_set.save(connection, [Change.of(locked, state, EnrollmentCheckInRemoved, actor)], {})
        return await _detail(connection, organisation_id, enrollment_id)


async def cancel(
    pool: Pool, caller: Caller, enrollment_id: int, actor: Actor, conditions: Conditions = UNCONDITIONAL
) -> Document:
    """The enrollment's representation, its seat passed on; raises `EnrollmentClosed` or `PermissionDenied`."""
    organisation_id = caller.organisation_id

    async def work(connection: Connection) -> Document:
        locked, sessions = await _lock_with_seats(connection, organisation_id, enrollment_id, conditions, caller=caller)
        change = Change.of(locked, transitions.cancelled(locked.state), EnrollmentCancelled, actor)
        await change_set.save(connection, [change], sessions)
        return await _detail(connection, organisation_id, enrollment_id)

    return await in_transaction(pool, organisation_id, work)


async def mark_absent(
    pool: Pool,
    organisation_id: int,
    enrollment_id: int,
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
) -> Document:
    """The enrollment's representation; an absence known before the start passes the seat on."""

    async def work(connection: Connection) -> Document:
        locked, sessions = await _lock_with_seats(connection, organisation_id, enrollment_id, conditions)
        seats = sessions[organisation_id, locked.state.session_id]
        state = transitions.marked_absent(locked.state, seats)
        change = Change.of(locked, state, EnrollmentMarkedAbsent, actor)
        await change_set.save(connection, [change], sessions)
        return await _detail(connection, organisation_id, enrollment_id)

    return await in_transaction(pool, organisation_id, work)


async def reopen(
    pool: Pool,
    organisation_id: int,
    enrollment_id: int,
    reason: str,
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
) -> Document:
    """The enrollment's representation, enrolled again; raises what `transitions.reopened` raises."""

    async def work(connection: Connection) -> Document:
        locked, sessions = await _lock_with_seats(connection, organisation_id, enrollment_id, conditions)
        key = (organisation_id, locked.state.session_id)
        candidate = await _candidate(connection, key, sessions[key], locked)
        state = transitions.reopened(locked.state, sessions[key], candidate)
        change = Change.of(locked, state, EnrollmentReopened, actor, reason)
        await change_set.save(connection, [change], sessions)
        return await _detail(connection, organisation_id, enrollment_id)

    return await in_transaction(pool, organisation_id, work)


async def promote(
    pool: Pool,
    organisation_id: int,
    enrollment_id: int,
    actor: Actor,
    *,
    over_capacity: bool = False,
    conditions: Conditions = UNCONDITIONAL,
) -> Document:
    """The enrollment's representation, on a seat now; raises what `transitions.chosen` raises."""

    async def work(connection: Connection) -> Document:
        locked, sessions = await _lock_with_seats(connection, organisation_id, enrollment_id, conditions)
        key = locked.session_key
        candidate = await _candidate(connection, key, sessions[key], locked)
        state = transitions.chosen(locked.state, sessions[key], candidate, over_capacity=over_capacity)
        change = Change.of(locked, state, EnrollmentPromoted, actor)
        await change_set.save(connection, [change], sessions, over_capacity=over_capacity)
        return await _detail(connection, organisation_id, enrollment_id)

    return await in_transaction(pool, organisation_id, work)


async def transfer(
    pool: Pool,
    catalog: CatalogClient,
    caller: Caller,
    enrollment_id: int,
    session_id: int,
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
) -> Document:
    """The enrollment's representation, now in the other session and its old seat passed on.

    Raises `PermissionDenied`, `SessionNotSelectable` and what `transitions.transferred` raises.
    """
    organisation_id = caller.organisation_id

    async def work(connection: Connection) -> Document:
        locked, sessions = await _lock_with_seats(
            connection, organisation_id, enrollment_id, conditions, session_id, caller=caller
        )
        target = sessions.get((organisation_id, session_id))
        if target is None or target.in_doubt:
            raise SessionUnknown
        candidate = await _candidate(connection, (organisation_id, session_id), target, locked)
        state = transitions.transferred(locked.state, target, candidate, by_themselves=not caller.may(ENROLL))
        change = Change.of(locked, state, EnrollmentTransferred, actor)
        await change_set.save(connection, [change], sessions)
        return await _detail(connection, organisation_id, enrollment_id)

    key = (organisation_id, session_id)
    return await sessions_use_case.with_known_session(
        pool, catalog, key, lambda: in_transaction(pool, organisation_id, work)
    )


async def _candidate(connection: Connection, session: SessionKey, seats: Seats, locked: LockedEnrollment) -> Candidate:
    """The enrollment's person as the session sees them."""
    key = (*session, locked.state.employee_id)
    found = await candidate_store.candidates(
        connection, [key], {session: seats.course_id}, reserve=seats.refuses_clashes
    )
    return found[key]


async def _lock(
    connection: Connection,
    organisation_id: int,
    enrollment_id: int,
    conditions: Conditions,
    caller: Caller | None = None,
) -> LockedEnrollment:
    """With `caller`, one that they may cancel and transfer. Raises `PersonErased`."""
    found = await enrollment_store.lock(connection, [(organisation_id, enrollment_id)])
    if not found:
        raise EnrollmentNotFound
    [locked] = found
    if caller is not None:
        rules.check_may_change(caller, locked.state.employee_id, locked.company_id)
    if locked.of_erased_person:
        raise PersonErased
    conditions.check(enrollment_row(organisation_id, enrollment_id), locked.state.version)
    return locked


async def _lock_with_seats(
    connection: Connection,
    organisation_id: int,
    enrollment_id: int,
    conditions: Conditions,
    *other_sessions: int,
    caller: Caller | None = None,
) -> tuple[LockedEnrollment, dict[SessionKey, Seats]]:
    """The enrollment, its session and the others, locked in the order that everyone keeps: sessions first."""
    session_id = await seat_store.session_of(connection, organisation_id, enrollment_id)
    if session_id is None:
        raise EnrollmentNotFound
    keys = sorted({(organisation_id, each) for each in (session_id, *other_sessions)})
    sessions = await seat_store.lock_sessions(connection, keys)
    locked = await _lock(connection, organisation_id, enrollment_id, conditions, caller)
    if locked.state.session_id != session_id:
        raise ChangedMeanwhile
    return locked, sessions


async def _detail(connection: Connection, organisation_id: int, enrollment_id: int) -> Document:
    document = await pages.enrollment_detail(connection, organisation_id, enrollment_id)
    if document is None:
        raise EnrollmentNotFound
    return document
