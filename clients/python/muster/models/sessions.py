"""Models of sessions.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from decimal import Decimal
from typing import Literal

from muster.model import Model
from muster.models.shared import IdAndNameItem, IdAndTitleItem


class AttendanceResult(Model):
    """`status` is there where the row was recorded, `code` and `message` where it was refused.

    `not_recorded`: it could have been, but the request was for all rows or none.
    """

    enrollment_id: int | None
    employee_id: int | None
    result: Literal["ok", "refused", "not_recorded"] | str
    status: Literal["enrolled", "waitlisted", "completed", "failed", "absent", "cancelled"] | str | None = None
    code: str | None = None
    message: str | None = None


class AttendanceRow(Model):
    """What became of one enrollment of the session, which is named by its id or by its person's.

    The other members are those of the single change: of a completion, or of a check-in, which is `manual` unless
    the row says otherwise.
    """

    score: Decimal | None = None
    feedback: str | None = None
    certificate_url: str | None = None
    completed_at: dt.datetime | None = None
    enrollment_id: int | None = None
    employee_id: int | None = None
    outcome: Literal["checked_in", "completed", "absent"] | str
    method: Literal["manual", "qr_code", "kiosk"] | str | None = None
    checked_in_at: dt.datetime | None = None
    meeting_id: int | None = None


class FacilitatorItem(Model):
    id: int
    full_name: str


class MeetingItem(Model):
    id: int
    start_date: dt.datetime
    end_date: dt.datetime
    location: str | None


class ChangedSession(Model):
    """`waiting` is present only if places were added after the start and somebody waits for one."""

    id: int
    course: IdAndTitleItem
    session_name: str
    start_date: dt.datetime
    end_date: dt.datetime
    location: str | None
    facilitator: FacilitatorItem | None
    max_participants: int
    enrolled_count: int
    available_spots: int
    status: Literal["scheduled", "in_progress", "completed", "cancelled"] | str
    external_id: str | None
    projects: list[IdAndNameItem]
    enrollment_opens_at: dt.datetime | None
    enrollment_closes_at: dt.datetime | None
    meetings: list[MeetingItem] | None = None
    waiting: int | None = None


class Facilitator(Model):
    id: int
    full_name: str


class FacilitatorPatch(Model):
    """Any members of what it is merged into; `null` removes one. What comes of it has to be valid as a whole."""

    id: int | None = None
    full_name: str | None = None


class LiveSeats(Model):
    """`version` grows with each change of what is shown here."""

    session_id: int
    version: int
    status: str
    max_participants: int
    enrolled_count: int
    available_spots: int
    waiting: int


class MeetingFields(Model):
    """One of the dates of a session. Attendance is that of the meeting with this `id`, whenever and wherever it is."""

    id: int
    start_date: dt.datetime
    end_date: dt.datetime
    location: str | None = None


class RecordedAttendance(Model):
    results: list[AttendanceResult]


class SessionDetail(Model):
    """`meetings` are present only if there are any, in the order of their times."""

    id: int
    course: IdAndTitleItem
    session_name: str
    start_date: dt.datetime
    end_date: dt.datetime
    location: str | None
    facilitator: FacilitatorItem | None
    max_participants: int
    enrolled_count: int
    available_spots: int
    status: Literal["scheduled", "in_progress", "completed", "cancelled"] | str
    external_id: str | None
    projects: list[IdAndNameItem]
    enrollment_opens_at: dt.datetime | None
    enrollment_closes_at: dt.datetime | None
    meetings: list[MeetingItem] | None = None


class SessionItem(Model):
    id: int
    course: IdAndTitleItem
    session_name: str
    start_date: dt.datetime
    end_date: dt.datetime
    location: str | None
    facilitator: FacilitatorItem | None
    max_participants: int
    enrolled_count: int
    available_spots: int
    status: Literal["scheduled", "in_progress", "completed", "cancelled"] | str
    external_id: str | None
