"""What becomes of an enrollment: one transaction each, with the event that tells of it."""

from collections.abc import Callable
from datetime import datetime

from services.enrollment import rules, store
from services.enrollment.errors import EnrollmentNotFound
from services.enrollment.schemas import CheckIn, Completion
from services.enrollment.store import LockedEnrollment
from services.enrollment.use_cases import SOURCE
from shared import outbox
from shared.database import Connection, Pool, transaction
from shared.events import (
    EnrollmentCancelled,
    EnrollmentCheckedIn,
    EnrollmentCompleted,
    EnrollmentEvent,
    EnrollmentFailed,
    EnrollmentMarkedAbsent,
    EnrollmentState,
)
from shared.identity import Caller
from shared.observability import current_trace


async def complete(
    pool: Pool, organisation_id: int, enrollment_id: int, completion: Completion, *, now: datetime | None = None
) -> tuple[str, str]:
    """The enrollment's status, `completed` or `failed`, and the answer; raises `EnrollmentClosed`.

    `now` is the database's clock where it is not given.
    """
    async with transaction(pool) as connection:
        locked = await _lock(connection, organisation_id, enrollment_id)
        state = rules.completed(locked.state, locked.grading, completion, now or locked.now)
        told = EnrollmentFailed if state.status == "failed" else EnrollmentCompleted
        await _save(connection, organisation_id, locked, state, told)
        return state.status, await store.completion(connection, organisation_id, enrollment_id)


async def cancel(pool: Pool, caller: Caller, enrollment_id: int) -> str:
    """The enrollment's representation, its seat free again; raises `EnrollmentClosed` or `PermissionDenied`."""
    async with transaction(pool) as connection:
        locked = await _lock(connection, caller.organisation_id, enrollment_id)
        rules.check_may_enroll(caller, [locked.state.employee_id])
        state = rules.cancelled(locked.state)
        if await _save(connection, caller.organisation_id, locked, state, EnrollmentCancelled):
            await store.release_seat(connection, caller.organisation_id, state.session_id)
        return await _detail(connection, caller.organisation_id, enrollment_id)


async def mark_absent(pool: Pool, organisation_id: int, enrollment_id: int) -> str:
    """The enrollment's representation; raises `EnrollmentClosed`."""
    return await _change(
        pool, organisation_id, enrollment_id, lambda locked: rules.marked_absent(locked.state), EnrollmentMarkedAbsent
    )


async def check_in(
    pool: Pool, organisation_id: int, enrollment_id: int, check_in: CheckIn, *, now: datetime | None = None
) -> str:
    """The enrollment's representation; raises `EnrollmentClosed`."""
    return await _change(
        pool,
        organisation_id,
        enrollment_id,
        lambda locked: rules.checked_in(locked.state, check_in, now or locked.now),
        EnrollmentCheckedIn,
    )


async def _change(
    pool: Pool,
    organisation_id: int,
    enrollment_id: int,
    decide: Callable[[LockedEnrollment], EnrollmentState],
    told: type[EnrollmentEvent],
) -> str:
    async with transaction(pool) as connection:
        locked = await _lock(connection, organisation_id, enrollment_id)
        await _save(connection, organisation_id, locked, decide(locked), told)
        return await _detail(connection, organisation_id, enrollment_id)


async def _lock(connection: Connection, organisation_id: int, enrollment_id: int) -> LockedEnrollment:
    locked = await store.lock_enrollment(connection, organisation_id, enrollment_id)
    if locked is None:
        raise EnrollmentNotFound
    return locked


async def _save(
    connection: Connection,
    organisation_id: int,
    locked: LockedEnrollment,
    state: EnrollmentState,
    told: type[EnrollmentEvent],
) -> bool:
    """Whether anything changed; a change that changes nothing is not told."""
    if state == locked.state:
        return False
    await store.update_enrollment(connection, organisation_id, state)
    await outbox.add(connection, SOURCE, [told(organisation_id, state, current_trace.get())])
    return True


async def _detail(connection: Connection, organisation_id: int, enrollment_id: int) -> str:
    text = await store.enrollment_detail(connection, organisation_id, enrollment_id)
    if text is None:
        raise EnrollmentNotFound
    return text
