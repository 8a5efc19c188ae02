"""What enrollment answers about one person's data, and about erasing it (contract, section 4)."""

from typing import Any, Literal

from services.enrollment.representations import PersonItem
from services.enrollment.representations_calendars import CalendarItem
from services.enrollment.representations_records import RecordItem
from services.enrollment.schemas import CheckInMethod, Status
from shared.http.representation import AuditItem, Named, Number, Representation, Titled, TrainingTimestamp


class ErasedPerson(Representation):
    """What is left of a person who was erased."""

    id: int
    type: Literal["employee", "staff"]
    erased_at: TrainingTimestamp


class HeldElsewhere(Representation):
    """`where`: a service of the installation, or who else may have copies; `what` it has of a person."""

    where: str
    what: str


class PersonOfData(PersonItem):
    """`merged_into`: the person whom they turned out to be."""

    removed: bool
    merged_into: int | None
    erased_at: TrainingTimestamp | None


class SessionOfData(Representation):
    id: int
    name: str | None
    start_date: TrainingTimestamp
    location: str | None


class CheckInOfData(Representation):
    meeting_id: int
    checked_in_at: TrainingTimestamp
    check_in_method: CheckInMethod


class EnrollmentOfData(Representation):
    """`remembered` is what was true when the enrollment was closed, as events have it."""

    id: int
    course: Titled | None
    session: SessionOfData | None
    status: Status
    score: Number | None
    passed: bool | None
    feedback: str | None
    certificate_url: str | None
    enrolled_at: TrainingTimestamp
    completed_at: TrainingTimestamp | None
    valid_until: TrainingTimestamp | None
    checked_in_at: TrainingTimestamp | None
    check_in_method: CheckInMethod | None
    attendance: list[CheckInOfData]
    remembered: dict[str, Any] | None


class CertificationOfData(Representation):
    """`of`: the id of the enrollment, or of the record of training done elsewhere, by which the course is held."""

    course: Titled | None
    of: int
    completed_at: TrainingTimestamp
    valid_until: TrainingTimestamp | None


class EndOfData(Representation):
    """What meets the requirement ends then, within 90 days."""

    requirement: Named
    ends_at: TrainingTimestamp


class ClearanceOfData(Representation):
    """What is kept of how the person stands to what is asked of them, wherever it is asked; `version` counts the events
    about it. It follows from all else, a moment later."""

    employee_id: int
    version: int
    lacking: list[Named]
    in_grace: list[Named]
    ending: list[EndOfData]


class CredentialOfData(Representation):
    """`of`: the id of the enrollment, or of the record, that it is about; `says` is null once it is revoked."""

    id: int
    of: int
    issued_at: TrainingTimestamp
    revoked_at: TrainingTimestamp | None
    says: dict[str, Any] | None


class ChangeOfData(AuditItem):
    """A change of the person, or of what is theirs; `id` is that of the row."""

    kind: Literal["person", "enrollment", "record"]
    id: int


class PersonData(Representation):
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
