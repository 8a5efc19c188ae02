"""Models of people.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from decimal import Decimal
from typing import Any, Literal

from muster.model import Model
from muster.models.shared import CalendarItem, ChangedBy, IdAndNameItem, IdAndTitleItem, PersonOfCompliance, RecordItem


class CertificationOfData(Model):
    """`of`: the id of the enrollment, or of the record of training done elsewhere, by which the course is held."""

    course: IdAndTitleItem | None
    of: int
    completed_at: dt.datetime
    valid_until: dt.datetime | None


class ChangeOfData(Model):
    """A change of the person, or of what is theirs; `id` is that of the row."""

    version: int
    action: str
    changed_at: dt.datetime
    changed_by: ChangedBy
    request_id: str
    changes: dict[str, Any]
    kind: Literal["person", "enrollment", "record"] | str
    id: int


class CheckInOfData(Model):
    meeting_id: int
    checked_in_at: dt.datetime
    check_in_method: Literal["manual", "qr_code", "kiosk"] | str


class SessionToCome(Model):
    """One that has a free seat and takes people now."""

    id: int
    course: IdAndTitleItem
    start_date: dt.datetime
    available_spots: int


class RequirementOfPerson(Model):
    """Where it is met, the completion that meets it longest is that of `enrollment_id`, or of `record_id`;
    `valid_until` is `null` for one that never expires. `grace_until` is there in grace alone.

    `sessions` are the next ones that would give what is missing.
    """

    requirement: IdAndNameItem
    status: Literal["met", "grace", "lacking"] | str
    course_id: int | None
    enrollment_id: int | None
    record_id: int | None
    valid_until: dt.datetime | None
    grace_until: dt.datetime | None
    sessions: list[SessionToCome]


class KnownThen(Model):
    """The same by what had been recorded by the end of that day."""

    cleared: bool
    requirements: list[RequirementOfPerson]


class Clearance(Model):
    """`on`: the day that it is about; `known_then` is present where that is past. All else is as it is known now."""

    employee: PersonOfCompliance
    project_id: int | None
    on: dt.date
    cleared: bool
    requirements: list[RequirementOfPerson]
    known_then: KnownThen | None = None


class EndOfData(Model):
    """What meets the requirement ends then, within 90 days."""

    requirement: IdAndNameItem
    ends_at: dt.datetime


class ClearanceOfData(Model):
    """What is kept of how the person stands to what is asked of them, wherever it is asked; `version` counts the
    events about it. It follows from all else, a moment later.
    """

    employee_id: int
    version: int
    lacking: list[IdAndNameItem]
    in_grace: list[IdAndNameItem]
    ending: list[EndOfData]


class CredentialOfData(Model):
    """`of`: the id of the enrollment, or of the record, that it is about; `says` is null once it is revoked."""

    id: int
    of: int
    issued_at: dt.datetime
    revoked_at: dt.datetime | None
    says: dict[str, Any] | None


class SessionOfData(Model):
    id: int
    name: str | None
    start_date: dt.datetime
    location: str | None


class EnrollmentOfData(Model):
    """`remembered` is what was true when the enrollment was closed, as events have it."""

    id: int
    course: IdAndTitleItem | None
    session: SessionOfData | None
    status: Literal["enrolled", "waitlisted", "completed", "failed", "absent", "cancelled"] | str
    score: Decimal | None
    passed: bool | None
    feedback: str | None
    certificate_url: str | None
    enrolled_at: dt.datetime
    completed_at: dt.datetime | None
    valid_until: dt.datetime | None
    checked_in_at: dt.datetime | None
    check_in_method: Literal["manual", "qr_code", "kiosk"] | str | None
    attendance: list[CheckInOfData]
    remembered: dict[str, Any] | None


class ErasedPerson(Model):
    """What is left of a person who was erased."""

    id: int
    type: Literal["employee", "staff"] | str
    erased_at: dt.datetime


class HeldElsewhere(Model):
    """`where`: a service of the installation, or who else may have copies; `what` it has of a person."""

    where: str
    what: str


class PersonOfData(Model):
    """`merged_into`: the person whom they turned out to be."""

    id: int
    type: Literal["employee", "staff"] | str
    employee_id: str
    full_name: str
    company: IdAndNameItem | None
    created_at: dt.datetime
    removed: bool
    merged_into: int | None
    erased_at: dt.datetime | None


class PersonData(Model):
    """All that enrollment knows of one person. `people` are the person and those who were merged into them."""

    id: int
    held_elsewhere: list[HeldElsewhere]
    people: list[PersonOfData]
    enrollments: list[EnrollmentOfData]
    records: list[RecordItem]
    certifications: list[CertificationOfData]
    clearances: list[ClearanceOfData]
    calendars: list[CalendarItem]
    credentials: list[CredentialOfData]
    changes: list[ChangeOfData]


class PersonItem(Model):
    id: int
    type: Literal["employee", "staff"] | str
    employee_id: str
    full_name: str
    company: IdAndNameItem | None
    created_at: dt.datetime
