"""How every change of an enrollment is written: row, audit trail and event together, and freed seats passed on."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from services.enrollment import transitions
from services.enrollment.errors import ChangedMeanwhile
from services.enrollment.refusals import PrerequisiteMissing
from services.enrollment.rules import Seats, SessionKey
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.store import seats as seat_store
from services.enrollment.store.enrollments import AuditEntry, LockedEnrollment
from services.enrollment.use_cases import SOURCE, certifications
from shared.events.states import EnrollmentState
from shared.events.types import CertificationRevoked, EnrollmentEvent, EnrollmentPassedOver, EnrollmentPromoted
from shared.messaging import outbox
from shared.postgres.audit import Actor, differences
from shared.postgres.pool import Connection, Pool, transaction

ATTEMPTS = 3
CHUNK = 1000
"""Rows that one statement changes at most, so that none runs into its time limit."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """An enrollment before and after; `before` is `None` for a new one, which has been written already."""

    organisation_id: int
    before: EnrollmentState | None
    after: EnrollmentState
    event: type[EnrollmentEvent]
    actor: Actor
    reason: str | None = None

    @classmethod
    def of(
        cls,
        locked: LockedEnrollment,
        after: EnrollmentState,
        event: type[EnrollmentEvent],
        actor: Actor,
        reason: str | None = None,
    ) -> Self:
        """A change of an enrollment that is there: what it closes remembers what is true now."""
        after = transitions.remembering(locked.state, after, locked.current)
        return cls(locked.organisation_id, locked.state, after, event, actor, reason)

    @property
    def changes_nothing(self) -> bool:
        return self.before == self.after

    def seats(self) -> Iterable[tuple[SessionKey, int]]:
        """Seats taken of a session, or given back where negative."""
        if self.before is not None and self.before.holds_seat:
            yield (self.organisation_id, self.before.session_id), -1
        if self.after.holds_seat:
            yield (self.organisation_id, self.after.session_id), 1


async def save(
    connection: Connection,
    changes: Sequence[Change],
    sessions: Mapping[SessionKey, Seats],
    *,
    over_capacity: bool = False,
) -> None:
    """Writes the changes and moves the seats of their sessions, which the caller has locked.

    A freed seat goes to the first on the waitlist, in this transaction: nobody else can take it. With `over_capacity`
    more seats may be taken than there are.
    """
    changes = [change for change in changes if not change.changes_nothing]
    if not changes:
        return
    await record(connection, changes)
    moved = await _move_seats(connection, changes, over_capacity=over_capacity)
    left = {
        key: replace(sessions[key], taken=sessions[key].taken + count)
        for key, count in moved.items()
        if count < 0 and key in sessions and sessions[key].promotes
    }
    free = {key: seats.available for key, seats in left.items() if seats.available}
    await promote(connection, free, dict.fromkeys(free, changes[0].actor))


async def promote(connection: Connection, free: Mapping[SessionKey, int], actors: Mapping[SessionKey, Actor]) -> None:
    """Gives free seats of locked sessions, which must promote, to those who waited longest.

    Whoever lacks a prerequisite by now is passed over. `actors` are those who freed the seats of each session.
    """
    free = dict(free)
    while free:
        wanted = {key: min(seats, CHUNK) for key, seats in free.items()}
        line = await seat_store.first_in_line(connection, wanted)
        changes = [
            _next_in_line(locked, line[locked.organisation_id, locked.state.id], actors[locked.session_key])
            for locked in await enrollment_store.lock(connection, list(line))
        ]
        if not changes:
            return
        await record(connection, changes)
        given = await _move_seats(connection, changes)
        found = Counter((change.organisation_id, change.after.session_id) for change in changes)
        left = {key: free[key] - given.get(key, 0) for key in free if found[key] == wanted[key]}
        free = {key: seats for key, seats in left.items() if seats}


def _next_in_line(locked: LockedEnrollment, missing: Sequence[str], actor: Actor) -> Change:
    if not missing:
        return Change.of(locked, transitions.promoted(locked.state), EnrollmentPromoted, actor)
    reason = PrerequisiteMissing(missing).text
    return Change.of(locked, transitions.passed_over(locked.state), EnrollmentPassedOver, actor, reason)


async def record(connection: Connection, changes: Sequence[Change]) -> None:
    """Writes the rows that were there before, and for all of them the audit trail and the events.

    An enrollment may change more than once: its row is written as the last change leaves it.
    """
    changed = {
        (change.organisation_id, change.after.id): (change.organisation_id, change.after)
        for change in changes
        if change.before is not None
    }
    if changed:
        await enrollment_store.update(connection, list(changed.values()))
    completions = {
        (change.organisation_id, state.course_id, state.employee_id)
        for change in changes
        for state in (change.before, change.after)
        if state is not None and state.certifies
    }
    if completions:
        await certifications.follow_completions(connection, sorted(completions))
    await enrollment_store.add_audit_entries(connection, [_audit_entry(change) for change in changes])
    events = [change.event(change.organisation_id, change.after, change.actor.trace) for change in changes]
    await outbox.add(connection, SOURCE, [*events, *await _revocations(connection, changes)])


async def _revocations(connection: Connection, changes: Sequence[Change]) -> Sequence[CertificationRevoked]:
    lost = [
        (change.organisation_id, change.before, change.actor.trace)
        for change in changes
        if change.before is not None and change.before.certifies and not change.after.certifies
    ]
    return await certifications.revocations(connection, lost) if lost else ()


def _audit_entry(change: Change) -> AuditEntry:
    return AuditEntry(
        change.organisation_id,
        change.after.id,
        change.after.version,
        change.event.type,
        change.actor,
        differences(change.before, change.after) | _reason(change),
    )


def _reason(change: Change) -> dict[str, Any]:
    return {} if change.reason is None else {"reason": {"from": None, "to": change.reason}}


async def _move_seats(
    connection: Connection, changes: Sequence[Change], *, over_capacity: bool = False
) -> dict[SessionKey, int]:
    moved: Counter[SessionKey] = Counter()
    for change in changes:
        for key, count in change.seats():
            moved[key] += count
    seats = {key: count for key, count in sorted(moved.items()) if count}
    if seats and not await seat_store.take_seats(connection, seats, over_capacity=over_capacity):
        raise RuntimeError("seats were granted that the database does not have: a lock is missing")
    return seats


async def in_transaction(pool: Pool, organisation_id: int, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Runs `work` in a transaction, again if another change came in between; raises `ChangedMeanwhile` at last."""

    async def attempt() -> T:
        async with transaction(pool, [organisation_id]) as connection:
            return await work(connection)

    return await again_if_changed(attempt)


async def again_if_changed(attempt: Callable[[], Awaitable[T]]) -> T:
    """Each attempt is a transaction; raises `ChangedMeanwhile` if another change came in between every time."""
    for _ in range(ATTEMPTS - 1):
        with suppress(ChangedMeanwhile):
            return await attempt()
    return await attempt()
