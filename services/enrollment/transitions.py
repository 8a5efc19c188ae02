"""What may become of an enrollment: values in, values out (contract, section 4)."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.enrollment.errors import (
    CheckedIn,
    CheckInKept,
    EmployeeLeft,
    EnrollmentClosed,
    SessionOfOtherCourse,
)
from services.enrollment.meetings import NOT_CHECKED_IN, attended, attending, check_meeting, not_attending
from services.enrollment.refusals import (
    AlreadyEnrolled,
    Clash,
    EnrollmentNotOpen,
    PrerequisiteMissing,
    SessionClosed,
    SessionFull,
)
from services.enrollment.rules import Candidate, Seats, no_seat
from services.enrollment.schemas import CheckIn, Completion
from services.enrollment.validity import check_completed_at, judged
from shared.events.states import EnrollmentState, Judgement, Remembered

OPEN = ("enrolled", "waitlisted")
"""The statuses of an enrollment whose record still follows its course, session and person."""

_RESULT = ("score", "passed", "feedback", "certificate_url", "completed_at", "valid_until", "judged_by")


def completed(
    enrollment: EnrollmentState, course: Judgement, completion: Completion, session_start: datetime, now: datetime
) -> EnrollmentState:
    """A score below the pass score fails. A later call corrects the record, judged by what it was judged by first.

    `course` is how its course and organisation judge now. Raises `EnrollmentClosed`, `CompletedAtNotPossible`.
    """
    if enrollment.status in ("absent", "cancelled", "waitlisted"):
        raise EnrollmentClosed(enrollment.status, "completed")
    given = {name: getattr(completion, name) for name in completion.model_fields_set}
    score, completed_at = given.get("score", enrollment.score), completion.completed_at or enrollment.completed_at
    if enrollment.status != "enrolled" and (score, completed_at) == (enrollment.score, enrollment.completed_at):
        return _changed(enrollment, **given)
    judge = enrollment.judged_by or course
    if completed_at is not None and completed_at != enrollment.completed_at:
        check_completed_at(completed_at, session_start, now, ZoneInfo(judge.time_zone))
    return _changed(enrollment, **given | judged(judge, score, completed_at or now))


def reopened(enrollment: EnrollmentState, seats: Seats, candidate: Candidate) -> EnrollmentState:
    """Enrolled again, as if it had never ended; reopening what is enrolled changes nothing.

    `candidate` is the person as the session sees them, who may have been enrolled again since. A seat that was given
    back has to be free again. Raises `EnrollmentClosed`, `EmployeeLeft`, `SessionClosed`, `AlreadyEnrolled`,
    `WaitlistAhead`, `SessionFull`.
    """
    if enrollment.status in ("cancelled", "waitlisted"):
        raise EnrollmentClosed(enrollment.status, "reopened")
    if enrollment.status == "enrolled":
        return enrollment
    if not candidate.exists:
        raise EmployeeLeft
    if seats.status == "cancelled":
        raise SessionClosed(seats.status)
    if candidate.has_open_record:
        raise AlreadyEnrolled
    if not enrollment.holds_seat:
        _check_seat_for_newcomer(seats, candidate)
    return _changed(enrollment, status="enrolled", holds_seat=True, certifies=False, **dict.fromkeys(_RESULT))


def cancelled(enrollment: EnrollmentState) -> EnrollmentState:
    """Cancelling twice changes nothing. Whoever waits leaves the list by cancelling."""
    if enrollment.status in ("completed", "failed", "absent"):
        raise EnrollmentClosed(enrollment.status, "cancelled")
    return _changed(enrollment, status="cancelled", holds_seat=False)


def marked_absent(enrollment: EnrollmentState, seats: Seats) -> EnrollmentState:
    """An absence known before the session begins gives the seat back; nobody is absent who is checked in.

    Marking it again changes nothing.
    """
    if enrollment.status in ("completed", "failed", "cancelled", "waitlisted"):
        raise EnrollmentClosed(enrollment.status, "marked absent")
    if enrollment.status == "absent":
        return enrollment
    if enrollment.checked_in_at is not None:
        raise CheckedIn
    return _changed(enrollment, status="absent", holds_seat=enrollment.holds_seat and seats.started)


def checked_in(
    enrollment: EnrollmentState, check_in: CheckIn, now: datetime, meeting_ids: Collection[int] = ()
) -> EnrollmentState:
    """Another check-in corrects the first one if it has a time of its own, and otherwise changes nothing.

    `meeting_ids` are those of the session's meetings, each with a check-in of its own. Raises `EnrollmentClosed`,
    `MeetingRequired`, `MeetingNotSelectable`.
    """
    if enrollment.status in ("absent", "cancelled", "waitlisted"):
        raise EnrollmentClosed(enrollment.status, "checked in")
    check_meeting(check_in.meeting_id, meeting_ids)
    meeting_id, at = check_in.meeting_id, check_in.checked_in_at
    before = enrollment.checked_in_at is not None if meeting_id is None else attended(enrollment, meeting_id)
    if before and at is None:
        return enrollment
    if meeting_id is not None:
        return _changed(enrollment, **attending(enrollment, meeting_id, at or now, check_in.method))
    return _changed(enrollment, check_in_method=check_in.method, checked_in_at=at or now)


def check_in_removed(
    enrollment: EnrollmentState, meeting_id: int | None = None, meeting_ids: Collection[int] = ()
) -> EnrollmentState:
    """That of one meeting, or all of them; without a check-in nothing changes.

    Raises `CheckInKept` or `MeetingNotSelectable`.
    """
    if enrollment.status in ("absent", "cancelled"):
        raise CheckInKept(enrollment.status)
    if meeting_id is None:
        return _changed(enrollment, **NOT_CHECKED_IN)
    if not attended(enrollment, meeting_id):  # a meeting that is no more may have had a check-in
        check_meeting(meeting_id, meeting_ids)
    return _changed(enrollment, **not_attending(enrollment, meeting_id))


def transferred(
    enrollment: EnrollmentState, target: Seats, candidate: Candidate, *, by_themselves: bool = False
) -> EnrollmentState:
    """To a seat in another session of the same course; `candidate` is the person as that session sees them.

    A check-in belongs to its session, and stays behind. Raises `EnrollmentClosed`, `EmployeeLeft`,
    `SessionOfOtherCourse`, `SessionClosed`, `EnrollmentNotOpen` to people who do it `by_themselves`, `AlreadyEnrolled`,
    `Clash`, `WaitlistAhead`, `SessionFull`.
    """
    if enrollment.status not in ("enrolled", "waitlisted"):
        raise EnrollmentClosed(enrollment.status, "transferred")
    if target.session_id == enrollment.session_id:
        raise AlreadyEnrolled
    if not candidate.exists:
        raise EmployeeLeft
    if target.course_id != enrollment.course_id:
        raise SessionOfOtherCourse
    if target.is_closed:
        raise SessionClosed(target.status)
    if by_themselves and target.enrollment != "open":
        raise EnrollmentNotOpen(target.enrollment)
    if candidate.enrolled_already:
        raise AlreadyEnrolled
    clashes = [session_id for session_id in candidate.clashes if session_id != enrollment.session_id]
    if clashes and target.refuses_clashes:
        raise Clash(clashes)
    _check_seat_for_newcomer(target, candidate)
    return _changed(enrollment, session_id=target.session_id, status="enrolled", holds_seat=True, **NOT_CHECKED_IN)


def _check_seat_for_newcomer(seats: Seats, candidate: Candidate) -> None:
    """Raises `WaitlistAhead` or `SessionFull`."""
    seats = replace(seats, waiting=candidate.waiting)
    if not seats.for_newcomers:
        raise no_seat(seats)


def chosen(
    enrollment: EnrollmentState, seats: Seats, candidate: Candidate, *, over_capacity: bool = False
) -> EnrollmentState:
    """From the waitlist to a seat, whoever else waits; choosing who is enrolled changes nothing.

    `over_capacity`: even if no seat is free. Raises `EnrollmentClosed`, `EmployeeLeft`, `SessionClosed`,
    `PrerequisiteMissing`, `Clash`, `SessionFull`.
    """
    if enrollment.status == "enrolled":
        return enrollment
    if enrollment.status != "waitlisted":
        raise EnrollmentClosed(enrollment.status, "promoted")
    if not candidate.exists:
        raise EmployeeLeft
    if seats.is_closed:
        raise SessionClosed(seats.status)
    if candidate.missing_prerequisites:
        raise PrerequisiteMissing(candidate.missing_prerequisites)
    if candidate.clashes and seats.refuses_clashes:
        raise Clash(candidate.clashes)
    if not seats.available and not over_capacity:
        raise SessionFull(0, 1)
    return promoted(enrollment)


def promoted(enrollment: EnrollmentState) -> EnrollmentState:
    """From the waitlist to a seat."""
    return _changed(enrollment, status="enrolled", holds_seat=True)


def displaced(enrollment: EnrollmentState) -> EnrollmentState:
    """Cancelled whatever its status: its person has another record in the session. The audit trail has the result."""
    return _changed(enrollment, status="cancelled", holds_seat=False, certifies=False, **dict.fromkeys(_RESULT))


def reassigned(enrollment: EnrollmentState, employee_id: int, current: Remembered | None) -> EnrollmentState:
    """To another person. A closed record keeps the company that it was closed with: `current`, if it has none."""
    kept = preserved(enrollment, current)
    return kept.model_copy(update={"employee_id": employee_id, "version": enrollment.version + 1})


def passed_over(enrollment: EnrollmentState) -> EnrollmentState:
    """It waits on; the version is that of the audit entry which says why."""
    return enrollment.model_copy(update={"version": enrollment.version + 1})


def remembering(before: EnrollmentState, after: EnrollmentState, current: Remembered | None) -> EnrollmentState:
    """A record that closes remembers what is `current`; a correction keeps that, and reopening forgets it."""
    if after.status in OPEN:
        return after.model_copy(update={"remembered": None})
    return after.model_copy(update={"remembered": current}) if before.status in OPEN else after


def preserved(enrollment: EnrollmentState, current: Remembered | None) -> EnrollmentState:
    """A record that closed without remembering anything remembers what is `current`."""
    forgetful = enrollment.status not in OPEN and enrollment.remembered is None
    return _changed(enrollment, remembered=current) if forgetful else enrollment


def _changed(enrollment: EnrollmentState, **values: Any) -> EnrollmentState:
    """The next version, or the same where nothing differs."""
    changed = enrollment.model_copy(update=values)
    if changed == enrollment:
        return enrollment
    return changed.model_copy(update={"version": enrollment.version + 1})
