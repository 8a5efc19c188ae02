"""Models of enrollments.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from decimal import Decimal
from typing import Literal

from pydantic import Field

from muster.model import Model
from muster.models.shared import EmployeeOfEnrollment, IdAndTitleItem


class AttendanceItem(Model):
    """A meeting of the session, and the check-in there."""

    meeting_id: int
    start_date: dt.datetime
    end_date: dt.datetime
    location: str | None
    checked_in_at: dt.datetime | None
    check_in_method: Literal["manual", "qr_code", "kiosk"] | str | None


class BookingClashWarning(Model):
    """`session_id`: the other session, in which the person is enrolled at the same time."""

    code: Literal["booking_clash"] | str
    employee_id: int
    session_id: int
    message: str


class EmployeeOfCompletion(Model):
    id: int
    full_name: str


class CompletedEnrollment(Model):
    id: int
    employee: EmployeeOfCompletion
    status: Literal["completed", "failed"] | str
    score: Decimal | None
    passed: bool | None
    feedback: str | None
    completed_at: dt.datetime


class VerificationMethod(Model):
    """A public key, as a JSON Web Key."""

    id: str
    type: Literal["JsonWebKey"] | str
    controller: str
    public_key_jwk: dict[str, str] = Field(alias="publicKeyJwk")


class DidDocument(Model):
    """Of an organisation that issues credentials: the first key signs."""

    context: list[str] = Field(alias="@context")
    id: str
    verification_method: list[VerificationMethod] = Field(alias="verificationMethod")
    assertion_method: list[str] = Field(alias="assertionMethod")


class NewEnrollmentItem(Model):
    id: int
    employee_id: int
    status: Literal["enrolled", "waitlisted"] | str
    waitlist_position: int | None = None


class RefusedItem(Model):
    employee_id: int
    code: str
    message: str


class EnrolledPeople(Model):
    """`waitlisted_count` is present only if somebody was put on the waitlist, `refused` only if that was asked for,
    and `warnings` only if there are any.
    """

    enrolled_count: int
    enrollments: list[NewEnrollmentItem]
    session_available_spots: int
    waitlisted_count: int | None = None
    refused: list[RefusedItem] | None = None
    warnings: list[BookingClashWarning] | None = None


class SessionOfEnrollment(Model):
    id: int
    course: IdAndTitleItem
    start_date: dt.date
    location: str | None


class EnrollmentDetail(Model):
    """`attendance` is present only if the session has meetings, one entry for each in the order of their times."""

    id: int
    employee: EmployeeOfEnrollment
    session: SessionOfEnrollment
    status: Literal["enrolled", "waitlisted", "completed", "failed", "absent", "cancelled"] | str
    score: Decimal | None
    passed: bool | None
    feedback: str | None
    enrolled_at: dt.datetime
    completed_at: dt.datetime | None
    waitlist_position: int | None = None
    certificate_url: str | None
    checked_in_at: dt.datetime | None
    check_in_method: Literal["manual", "qr_code", "kiosk"] | str | None
    attendance: list[AttendanceItem] | None = None


class EnrollmentItem(Model):
    """`waitlist_position` is present only while waitlisted."""

    id: int
    employee: EmployeeOfEnrollment
    session: SessionOfEnrollment
    status: Literal["enrolled", "waitlisted", "completed", "failed", "absent", "cancelled"] | str
    score: Decimal | None
    passed: bool | None
    feedback: str | None
    enrolled_at: dt.datetime
    completed_at: dt.datetime | None
    waitlist_position: int | None = None
