"""Who was at which meetings of a session: values in, values out (contract, section 4)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from services.enrollment.errors import MeetingNotSelectable, MeetingRequired
from shared.events.states import Attendance, EnrollmentState

NOT_CHECKED_IN = {"checked_in_at": None, "check_in_method": None, "attendance": ()}


def check_meeting(meeting_id: int | None, meeting_ids: Collection[int]) -> None:
    """A check-in names one of the session's meetings, and none where there are none.

    Raises `MeetingRequired` or `MeetingNotSelectable`.
    """
    if meeting_id is None and meeting_ids:
        raise MeetingRequired
    if meeting_id is not None and meeting_id not in meeting_ids:
        raise MeetingNotSelectable


def attending(enrollment: EnrollmentState, meeting_id: int, at: datetime, method: str) -> dict[str, Any]:
    """What a check-in at the meeting makes of the enrollment; it replaces an earlier one there."""
    new = Attendance(meeting_id=meeting_id, checked_in_at=at, check_in_method=method)
    others = [each for each in enrollment.attendance if each.meeting_id != meeting_id]
    return _with_attendance(enrollment, [*others, new])


def not_attending(enrollment: EnrollmentState, meeting_id: int) -> dict[str, Any]:
    """What taking back the check-in at the meeting makes of the enrollment."""
    return _with_attendance(enrollment, [each for each in enrollment.attendance if each.meeting_id != meeting_id])


def attended(enrollment: EnrollmentState, meeting_id: int) -> bool:
    return any(each.meeting_id == meeting_id for each in enrollment.attendance)


def _with_attendance(enrollment: EnrollmentState, attendance: Sequence[Attendance]) -> dict[str, Any]:
    """The first check-in is the enrollment's own, also one from before the session had meetings."""
    check_ins = [(each.checked_in_at, each.check_in_method) for each in attendance]
    at_meetings = {each.checked_in_at for each in enrollment.attendance}
    if enrollment.checked_in_at is not None and enrollment.checked_in_at not in at_meetings:
        check_ins.append((enrollment.checked_in_at, str(enrollment.check_in_method)))
    first, method = min(check_ins, default=(None, None))
    return {
        "attendance": tuple(sorted(attendance, key=lambda each: each.meeting_id)),
        "checked_in_at": first,
        "check_in_method": method,
    }
