"""Recording the attendance of many in one session: one transaction, whose statements do not grow with the rows."""

from collections.abc import Sequence
from dataclasses import replace

from services.enrollment import transitions
from services.enrollment.attendance import AttendanceRefused, NotInSession, Result, SameRowBefore, attendance_answer
from services.enrollment.catalog_client import CatalogClient
from services.enrollment.errors import PersonErased, SessionNotFound, SessionNotSelectable, SessionUnknown
from services.enrollment.rules import Seats, SessionKey
from services.enrollment.schemas_attendance import Attendance, AttendanceRow
from services.enrollment.store import attendance as attendance_store
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.store import seats as seat_store
from services.enrollment.store.enrollments import LockedEnrollment
from services.enrollment.use_cases import change_set
from services.enrollment.use_cases import sessions as sessions_use_case
from services.enrollment.use_cases.change_set import Change
from shared.errors import ApiError
from shared.events.states import EnrollmentState
from shared.events.types import (
    EnrollmentCheckedIn,
    EnrollmentCompleted,
    EnrollmentEvent,
    EnrollmentFailed,
    EnrollmentMarkedAbsent,
)
from shared.http.idempotency_key import IdempotencyKey
from shared.http.responses import Answer
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection, Pool
from shared.service.idempotency import run_once


class _NothingRecorded(Exception):
    """Every row was refused: there is no effect, and so no answer to be kept for an `Idempotency-Key`."""

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = results


async def record_attendance(
    pool: Pool,
    catalog: CatalogClient,
    session: SessionKey,
    asked: Attendance,
    actor: Actor,
    idempotency_key: IdempotencyKey | None = None,
) -> Answer:
    """Records the rows in their order; raises `SessionNotFound`, and `AttendanceRefused` for all or none."""

    async def work(connection: Connection) -> Answer:
        return await _record(connection, session, asked, actor)

    try:
        return await sessions_use_case.with_known_session(
            pool, catalog, session, lambda: run_once(pool, session[0], idempotency_key, work)
        )
    except SessionNotSelectable:
        raise SessionNotFound from None
    except _NothingRecorded as nothing:
        return attendance_answer(nothing.results)


async def _record(connection: Connection, session: SessionKey, asked: Attendance, actor: Actor) -> Answer:
    # Whoever moves an enrollment to or from the session locks that first: so what is found here stays.
    sessions = await seat_store.lock_sessions(connection, [session])
    if session not in sessions:
        raise SessionUnknown
    rows = asked.attendance
    found = await attendance_store.find_enrollments(
        connection, session, [(row.enrollment_id, row.employee_id) for row in rows]
    )
    keys = [(session[0], each) for each in sorted({each for each in found if each is not None})]
    recording = _Recording(sessions[session], actor, await enrollment_store.lock(connection, keys))
    results = [recording.result_of(row, place, found[place]) for place, row in enumerate(rows)]
    refused = sum(result.refusal is not None for result in results)
    if refused and asked.atomic:
        raise AttendanceRefused(results)
    if refused == len(results):
        raise _NothingRecorded(results)
    await change_set.save(connection, recording.changes, sessions)
    return attendance_answer(results)


class _Recording:
    """The rows one after the other: each sees what those before it made of its enrollment."""

    def __init__(self, seats: Seats, actor: Actor, locked: Sequence[LockedEnrollment]) -> None:
        self.changes: list[Change] = []
        self._seats = seats
        self._actor = actor
        self._locked = {each.state.id: each for each in locked}
        self._places: dict[tuple[int, str, int | None], int] = {}
        """Of the rows by enrollment, outcome and meeting."""

    def result_of(self, row: AttendanceRow, place: int, enrollment_id: int | None) -> Result:
        locked = None if enrollment_id is None else self._locked.get(enrollment_id)
        if locked is None:
            return Result(row, refusal=NotInSession())
        if locked.of_erased_person:
            return Result(row, locked.state, PersonErased())
        before = self._places.setdefault((locked.state.id, row.outcome, row.meeting_id), place)
        if before != place:
            return Result(row, locked.state, SameRowBefore(before))
        try:
            state, event = _recorded(row, locked, self._seats)
        except ApiError as refusal:
            return Result(row, locked.state, refusal)
        change = Change.of(locked, state, event, self._actor)
        self.changes.append(change)
        self._locked[locked.state.id] = replace(locked, state=change.after)
        return Result(row, change.after)


def _recorded(
    row: AttendanceRow, locked: LockedEnrollment, seats: Seats
) -> tuple[EnrollmentState, type[EnrollmentEvent]]:
    """The enrollment as the row leaves it, and the event of that; raises what the single change raises."""
    match row.outcome:
        case "checked_in":
            state = transitions.checked_in(locked.state, row.check_in, locked.now, locked.meeting_ids)
            return state, EnrollmentCheckedIn
        case "absent":
            return transitions.marked_absent(locked.state, seats), EnrollmentMarkedAbsent
        case "completed":
            completion, judgement = row.completion, locked.judgement
            state = transitions.completed(locked.state, judgement, completion, locked.session_start, locked.now)
            return state, EnrollmentFailed if state.status == "failed" else EnrollmentCompleted
