"""What enrollment answers (contract, section 4)."""

from typing import Annotated, Literal, Self

from pydantic import Field

from services.enrollment.schemas import CheckInMethod, Status
from shared.events.states import BookingClash, Language
from shared.http.conditional import RowKey
from shared.http.representation import Day, Named, Number, Representation, Titled, TrainingTimestamp, may_be_missing

Place = Annotated[int, Field(ge=1)]


class EmployeeOfEnrollment(Representation):
    id: int
    employee_id: str
    full_name: str


class SessionOfEnrollment(Representation):
    id: int
    course: Titled
    start_date: Day
    location: str | None


class EnrollmentItem(Representation):
    """`waitlist_position` is present only while waitlisted."""

    id: int
    employee: EmployeeOfEnrollment
    session: SessionOfEnrollment
    status: Status
    score: Number | None
    passed: bool | None
    feedback: str | None
    enrolled_at: TrainingTimestamp
    completed_at: TrainingTimestamp | None
    waitlist_position: Place = may_be_missing()


class AttendanceItem(Representation):
    """A meeting of the session, and the check-in there."""

    meeting_id: int
    start_date: TrainingTimestamp
    end_date: TrainingTimestamp
    location: str | None
    checked_in_at: TrainingTimestamp | None
    check_in_method: CheckInMethod | None


class EnrollmentDetail(EnrollmentItem):
    """`attendance` is present only if the session has meetings, one entry for each in the order of their times."""

    certificate_url: str | None
    checked_in_at: TrainingTimestamp | None
    check_in_method: CheckInMethod | None
    attendance: Annotated[list[AttendanceItem], Field(min_length=1)] = may_be_missing()


class NewEnrollmentItem(Representation):
    id: int
    employee_id: int
    status: Literal["enrolled", "waitlisted"]
    waitlist_position: Place = may_be_missing()


class RefusedItem(Representation):
    employee_id: int
    code: str
    message: str


class BookingClashWarning(Representation):
    """`session_id`: the other session, in which the person is enrolled at the same time."""

    code: Literal["booking_clash"]
    employee_id: int
    session_id: int
    message: str


class EnrolledPeople(Representation):
    """`waitlisted_count` is present only if somebody was put on the waitlist, `refused` only if that was asked for, and
    `warnings` only if there are any.
    """

    enrolled_count: int
    enrollments: list[NewEnrollmentItem]
    session_available_spots: int
    waitlisted_count: Place = may_be_missing()
    refused: list[RefusedItem] = may_be_missing()
    warnings: Annotated[list[BookingClashWarning], Field(min_length=1)] = may_be_missing()


class EmployeeOfCompletion(Representation):
    id: int
    full_name: str


class CompletionAnswer(Representation):
    id: int
    employee: EmployeeOfCompletion
    status: Literal["completed", "failed"]
    score: Number | None
    passed: bool | None
    feedback: str | None
    completed_at: TrainingTimestamp


class AttendanceResult(Representation):
    """`status` is there where the row was recorded, `code` and `message` where it was refused.

    `not_recorded`: it could have been, but the request was for all rows or none.
    """

    enrollment_id: int | None
    employee_id: int | None
    result: Literal["ok", "refused", "not_recorded"]
    status: Status = may_be_missing()
    code: str = may_be_missing()
    message: str = may_be_missing()


class RecordedAttendance(Representation):
    results: list[AttendanceResult]


class PersonItem(Representation):
    id: int
    type: Literal["employee", "staff"]
    employee_id: str
    full_name: str
    company: Named | None
    created_at: TrainingTimestamp


class PersonOfCompliance(Representation):
    id: int
    type: Literal["employee", "staff"]
    employee_id: str
    full_name: str
    company: Named | None


class ComplianceItem(Representation):
    """The completion that counts is that of `enrollment_id`, or the training done elsewhere of `record_id`; `null`s
    where there never was one."""

    employee: PersonOfCompliance
    status: Literal["valid", "expiring", "missing"]
    course_id: int | None
    enrollment_id: int | None
    record_id: int | None
    completed_at: TrainingTimestamp | None
    valid_until: TrainingTimestamp | None


class SettingsAnswer(Representation):
    time_zone: str
    booking_clash: BookingClash
    issuer_name: str | None
    language: Language


def enrollment_row(organisation_id: int, enrollment_id: int) -> RowKey:
    return RowKey("enrollment", organisation_id, enrollment_id)


def person_row(organisation_id: int, person_id: int) -> RowKey:
    """Employees and staff share their ids."""
    return RowKey("person", organisation_id, person_id)


def settings_row(organisation_id: int) -> RowKey:
    return RowKey("settings", organisation_id)


class WaitingHere(Representation):
    session_id: int
    waiting: int


class FollowedChanges(Representation):
    """`waiting`: sessions that have begun and have a free seat, and how many wait for it."""

    waiting: list[WaitingHere]


class LiveSeats(Representation):
    """`version` grows with each change of what is shown here."""

    session_id: int
    version: int
    status: str
    max_participants: int
    enrolled_count: int
    available_spots: int
    waiting: int


class WatchedSeats(Representation):
    """A session's seats as the gateway shows them to those who watch; one that is `removed` is shown no more."""

    organisation_id: int
    id: int
    version: int
    removed: bool
    seats: LiveSeats | None

    @classmethod
    def read(cls, state: str) -> Self:
        """As the database says it, where a later release may say more; raises `ValueError`."""
        return cls.model_validate_json(state, extra="ignore")

    @classmethod
    def of_none(cls, organisation_id: int, session_id: int) -> Self:
        """Of a session that does not exist."""
        return cls(organisation_id=organisation_id, id=session_id, version=0, removed=True, seats=None)


class Watched(Representation):
    """Sessions as they are when a client begins to watch; `alone`: the one of the path."""

    alone: bool
    sessions: Annotated[list[WatchedSeats], Field(min_length=1)]
