"""Who may be enrolled, and what may become of an enrollment: values in, values out (contract, section 4)."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.enrollment.errors import (
    AlreadyEnrolled,
    EmployeesNotSelectable,
    EnrollmentClosed,
    PrerequisiteMissing,
    SessionClosed,
    SessionFull,
    SessionUnknown,
)
from services.enrollment.schemas import CheckIn, Completion
from shared.errors import ApiError, PermissionDenied
from shared.events import EnrollmentState
from shared.identity import ENROLL, ENROLL_SELF, Caller
from shared.observability import NO_TRACE, Trace

SessionKey = tuple[int, int]
"""Organisation and session."""
CandidateKey = tuple[int, int, int]
"""Organisation, session and person."""


@dataclass(frozen=True, slots=True)
class Seats:
    """A session as a decision sees it, its row locked."""

    session_id: int
    course_id: int
    status: str
    maximum: int
    taken: int

    @property
    def available(self) -> int:
        return max(self.maximum - self.taken, 0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person who is to be enrolled in one session."""

    employee_id: int
    exists: bool
    enrolled_already: bool
    missing_prerequisites: tuple[str, ...]
    """Titles of the courses that the session's course asks for and the person lacks."""


@dataclass(frozen=True, slots=True)
class EnrollCommand:
    """A wish to enroll people in a session, all of them or nobody."""

    organisation_id: int
    session_id: int
    employee_ids: tuple[int, ...]
    trace: Trace = NO_TRACE
    enrolled_at: datetime | None = None
    """The database's now where it is not given."""

    @property
    def session_key(self) -> SessionKey:
        return self.organisation_id, self.session_id


@dataclass(frozen=True, slots=True)
class Granted:
    """Everyone may be enrolled; so many seats are left behind them."""

    available_spots: int


@dataclass(frozen=True, slots=True)
class Grading:
    """What a course says of its results."""

    pass_score: Decimal | None
    validity_months: int | None


def check_may_enroll(caller: Caller, employee_ids: Sequence[int]) -> None:
    """`training.enroll.self` is for the caller's own person alone; raises `PermissionDenied`."""
    if caller.may(ENROLL):
        return
    if not caller.may(ENROLL_SELF) or any(employee_id != caller.employee_id for employee_id in employee_ids):
        raise PermissionDenied(ENROLL)


def check_enrollment(seats: Seats, candidates: Sequence[Candidate]) -> None:
    """All of the candidates or none: raises the first refusal there is, for everyone it concerns."""
    unknown = [position for position, candidate in enumerate(candidates) if not candidate.exists]
    if unknown:
        raise EmployeesNotSelectable(unknown)
    if seats.status in ("completed", "cancelled"):
        raise SessionClosed(seats.status)
    enrolled = [position for position, candidate in enumerate(candidates) if candidate.enrolled_already]
    if enrolled:
        raise AlreadyEnrolled(enrolled)
    missing = {
        position: candidate.missing_prerequisites
        for position, candidate in enumerate(candidates)
        if candidate.missing_prerequisites
    }
    if missing:
        raise PrerequisiteMissing(missing)
    if len(candidates) > seats.available:
        raise SessionFull(seats.available, len(candidates))


def decide_in_order(
    commands: Sequence[EnrollCommand],
    sessions: Mapping[SessionKey, Seats],
    candidates: Mapping[CandidateKey, Candidate],
) -> list[Granted | Exception]:
    """Each command's outcome, those before it taken into account: who came first has the seat."""
    sessions, candidates = dict(sessions), dict(candidates)
    outcomes: list[Granted | Exception] = []
    for command in commands:
        seats = sessions.get(command.session_key)
        if seats is None:
            outcomes.append(SessionUnknown())
            continue
        keys = [(*command.session_key, employee_id) for employee_id in command.employee_ids]
        try:
            check_enrollment(seats, [candidates[key] for key in keys])
        except ApiError as refusal:
            outcomes.append(refusal)
            continue
        sessions[command.session_key] = seats = replace(seats, taken=seats.taken + len(keys))
        candidates.update((key, replace(candidates[key], enrolled_already=True)) for key in keys)
        outcomes.append(Granted(seats.available))
    return outcomes


def completed(enrollment: EnrollmentState, grading: Grading, completion: Completion, now: datetime) -> EnrollmentState:
    """A score below the pass score fails; a later call corrects the record and keeps when it was completed."""
    if enrollment.status in ("absent", "cancelled"):
        raise EnrollmentClosed(enrollment.status, "completed")
    given = {name: getattr(completion, name) for name in completion.model_fields_set}
    score: Decimal | None = given.get("score", enrollment.score)
    graded = score is not None and grading.pass_score is not None
    passed = score >= grading.pass_score if score is not None and grading.pass_score is not None else None
    completed_at = enrollment.completed_at or now
    lasts = passed is not False and grading.validity_months is not None
    return _changed(
        enrollment,
        **given,
        passed=passed if graded else None,
        status="failed" if passed is False else "completed",
        completed_at=completed_at,
        valid_until=add_months(completed_at, grading.validity_months or 0) if lasts else None,
    )


def cancelled(enrollment: EnrollmentState) -> EnrollmentState:
    """Cancelling twice changes nothing."""
    if enrollment.status in ("completed", "failed", "absent"):
        raise EnrollmentClosed(enrollment.status, "cancelled")
    return _changed(enrollment, status="cancelled")


def marked_absent(enrollment: EnrollmentState) -> EnrollmentState:
    if enrollment.status in ("completed", "failed", "cancelled"):
        raise EnrollmentClosed(enrollment.status, "marked absent")
    return _changed(enrollment, status="absent")


def checked_in(enrollment: EnrollmentState, check_in: CheckIn, now: datetime) -> EnrollmentState:
    """A second check-in by the same way, without a time of its own, changes nothing."""
    if enrollment.status in ("absent", "cancelled"):
        raise EnrollmentClosed(enrollment.status, "checked in")
    same_way = enrollment.check_in_method == check_in.method
    kept = enrollment.checked_in_at if same_way else None
    return _changed(enrollment, check_in_method=check_in.method, checked_in_at=check_in.checked_in_at or kept or now)


def _changed(enrollment: EnrollmentState, **values: Any) -> EnrollmentState:
    """The next version, or the same where nothing differs."""
    changed = enrollment.model_copy(update=values)
    if changed == enrollment:
        return enrollment
    return changed.model_copy(update={"version": enrollment.version + 1})


def add_months(moment: datetime, months: int) -> datetime:
    """Calendar months; a day that the month does not have becomes its last (31 January + 1 → 28 February)."""
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    last_day = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))
