"""Completions that expire: which one counts, and the notices that it will expire or has expired."""

import asyncio
from collections.abc import Sequence
from functools import partial

from services.enrollment import validity
from services.enrollment.store import certifications as store
from services.enrollment.store.certifications import CertificationKey, Ending
from services.enrollment.use_cases import SOURCE
from shared.concurrency.backoff import Backoff
from shared.events.states import CertificationState, EnrollmentState, RecordState
from shared.events.types import CertificationExpired, CertificationExpiring, CertificationRevoked
from shared.messaging import outbox
from shared.messaging.retrying import retry_forever
from shared.observability import Trace, own_trace
from shared.postgres.pool import Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION

BATCH = 500
LOOK_INTERVAL = 30.0
"""Seconds between two searches for notices that are due."""


async def follow_completions(connection: Connection, keys: Sequence[CertificationKey]) -> None:
    """Keeps for each person and course the completion that counts, in the transaction that changed one.

    Only people who belong to the organisation hold any.
    """
    await store.lock(connection, keys)
    counting = await store.counting(connection, keys)
    lost = sorted(set(keys) - {row.key for row in counting})
    if lost:
        await store.delete(connection, lost)
    if counting:
        await store.save(connection, counting)


async def follow_people(connection: Connection, organisation_id: int, person_ids: Sequence[int]) -> None:
    """People who left hold nothing that counts, and those who came back hold it again."""
    held = await store.certifying_courses(connection, organisation_id, person_ids)
    keys = sorted((organisation_id, course_id, person_id) for course_id, person_id in held)
    for start in range(0, len(keys), BATCH):
        await follow_completions(connection, keys[start : start + BATCH])


async def revocations(
    connection: Connection, lost: Sequence[tuple[int, EnrollmentState, Trace]]
) -> list[CertificationRevoked]:
    """The events of completions that certify no more; each is its organisation, how it was, and the request's trace."""
    counts = await store.count_notices(
        connection, [(organisation_id, before.id) for organisation_id, before, _ in lost]
    )
    return [
        CertificationRevoked(organisation_id, _revoked(before, counts[organisation_id, before.id]), trace)
        for organisation_id, before, trace in lost
    ]


async def revocations_of_records(
    connection: Connection, organisation_id: int, lost: Sequence[RecordState], trace: Trace
) -> list[CertificationRevoked]:
    """As `revocations`, of records of training done elsewhere as they were."""
    if not lost:
        return []
    keys = [(organisation_id, before.id) for before in lost]
    counts = await store.count_notices(connection, keys, "external_records")
    return [
        CertificationRevoked(organisation_id, _revoked(before, counts[organisation_id, before.id]), trace)
        for before in lost
    ]


def _revoked(before: EnrollmentState | RecordState, version: int) -> CertificationState:
    return CertificationState.model_validate(before.model_dump() | {"version": version, "days_left": 0})


async def send_expiry_notices(pool: Pool, notice_days: Sequence[int]) -> None:
    """Sends a notice so many days before a completion expires, and one when it has; runs until cancelled.

    Each notice is sent once, however many workers run this: they lock the rows that they read.
    """
    await retry_forever(
        partial(_send_notices, pool, notice_days), "sending notices of expiry", longest_pause=LOOK_INTERVAL
    )


async def _send_notices(pool: Pool, notice_days: Sequence[int], backoff: Backoff) -> None:
    while True:
        while await send_batch(pool, notice_days):
            pass
        backoff.reset()
        await asyncio.sleep(LOOK_INTERVAL)


async def send_batch(pool: Pool, notice_days: Sequence[int]) -> bool:
    """Whether there was anything to check."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        endings = await store.lock_endings(connection, BATCH)
        if not endings:
            return False
        plans = [validity.plan_notice(each.valid_until, notice_days, each.told_at, each.now) for each in endings]
        seen = [(each.key, is_due, look_at) for each, (is_due, look_at) in zip(endings, plans, strict=True)]
        await store.mark_checked(connection, seen)
        due = [each for each, (is_due, _) in zip(endings, plans, strict=True) if is_due]
        trace = own_trace()
        await outbox.add(connection, SOURCE, [_event(each, trace) for each in due])
        return True


def _event(ending: Ending, trace: Trace) -> CertificationExpiring | CertificationExpired:
    organisation_id, course_id, employee_id = ending.key
    state = CertificationState(
        id=ending.enrollment_id,
        version=ending.notices_sent + 1,
        course_id=course_id,
        employee_id=employee_id,
        completed_at=ending.completed_at,
        valid_until=ending.valid_until,
        days_left=validity.days_left(ending.valid_until, ending.now),
        source=ending.source,
    )
    event = CertificationExpired if ending.valid_until <= ending.now else CertificationExpiring
    return event(organisation_id, state, trace)
