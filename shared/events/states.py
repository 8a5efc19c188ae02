"""The states of rows that events carry: values as they go over the wire, and one model for each kind of row.

Fields are only ever added; a reader passes over those it does not know.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

from shared.validation.fields import MAX_ID, MAX_INTEGER


def _json_number(value: Decimal) -> int | float:
    """At most twelve digits, two of them decimals, which a float prints back exactly."""
    return int(value) if value == value.to_integral_value() else float(value)


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("must have an offset")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is not a valid date-time in UTC") from None


Score = Annotated[Decimal, Ge(0), Le(100), PlainSerializer(_json_number, when_used="json")]
"""0–100 with at most two decimals; a JSON number (contract, section 1)."""
Hours = Annotated[Decimal, Ge(0), Le(10_000), PlainSerializer(_json_number, when_used="json")]
"""At most two decimals; a JSON number, as `Money`."""
Money = Annotated[Decimal, Ge(0), Le(9_999_999_999.99), PlainSerializer(_json_number, when_used="json")]
"""At most two decimals, in the organisation's own currency."""
Id = Annotated[int, Ge(1), Le(MAX_ID)]
Integer = Annotated[int, Ge(1), Le(MAX_INTEGER)]
"""What a column of the copies can hold; clients may write less."""
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Without NUL, which PostgreSQL cannot store."""
Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""Of any year: rows of earlier versions are not bound to those that clients may write today."""


class State(BaseModel):
    """A row after a change. `version` rises by one with each change of that row."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    version: Integer


class NamedItem(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    name: Text


class CourseState(State):
    """`prerequisites` are the ids of courses; `removed` once the catalog has deleted it.

    Events of earlier releases lack `duration_hours` and all fields after it: they are read as `None`.
    """

    title: Text
    category: Text
    delivery_mode: Text
    pass_score: Score | None
    validity_months: Integer | None
    labels: tuple[NamedItem, ...]
    prerequisites: tuple[Id, ...]
    removed: bool = False
    renewal_window_days: Integer | None = None
    duration_hours: Hours | None = None
    cost_per_participant: Money | None = None
    provider: Literal["internal", "external"] | None = None
    provider_name: Text | None = None
    description: Text | None = None
    created_at: Moment | None = None
    external_id: Text | None = None


class Facilitator(BaseModel):
    """Who leads a session; `id` is the organisation's own."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    full_name: Text


class Meeting(BaseModel):
    """One of the dates of a session; `id` is unique in the session."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    start_date: Moment
    end_date: Moment
    location: Text | None


class SessionState(State):
    """`removed` once the catalog has deleted it. A session without `meetings` meets once, from its start to its end.

    Events of earlier releases lack the `facilitator`: it is read as `None`.
    """

    course_id: Id
    session_name: Text
    start_date: Moment
    end_date: Moment
    location: Text | None
    max_participants: Integer
    status: Literal["scheduled", "in_progress", "completed", "cancelled"]
    projects: tuple[NamedItem, ...]
    removed: bool = False
    meetings: tuple[Meeting, ...] = ()
    enrollment_opens_at: Moment | None = None
    enrollment_closes_at: Moment | None = None
    facilitator: Facilitator | None = None
    external_id: Text | None = None


class EmployeeState(State):
    """A person who can be enrolled, whether employee or staff; `removed` once the link has ended.

    `merged_into` is the person whom they turned out to be, and who has their enrollments since. With `erased_at` they
    are removed for good, and `employee_id`, `full_name` and `company` are blank.
    """

    type: Literal["employee", "staff"]
    employee_id: Text
    full_name: Text
    company: NamedItem | None
    created_at: Moment
    removed: bool
    merged_into: Id | None = None
    erased_at: Moment | None = None


EnrollmentStatus = Literal["enrolled", "waitlisted", "completed", "failed", "absent", "cancelled"]


class Judgement(BaseModel):
    """What a completion is judged by; calendar months of validity are counted in the organisation's time zone.

    `held_until` is the end of the certificate that its person held, where the course has a renewal window.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    pass_score: Score | None
    validity_months: Integer | None
    time_zone: Text
    renewal_window_days: Integer | None = None
    held_until: Moment | None = None


class Remembered(BaseModel):
    """What was true of an enrollment's course, session and person when it stopped being open."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    training_name: Text
    delivery_mode: Text
    labels: tuple[NamedItem, ...]
    session_name: Text
    location: Text | None
    projects: tuple[NamedItem, ...]
    company: NamedItem | None
    meetings: tuple[Meeting, ...] = ()


class Attendance(BaseModel):
    """The check-in at one meeting of the session."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    meeting_id: Id
    checked_in_at: Moment
    check_in_method: str


class EnrollmentState(State):
    """`employee_id` is the person's id in the organisation's own systems.

    `holds_seat` says whether it counts against the session's places: a waitlisted or cancelled one does not, nor
    does an absence that was known before the session began.
    `certifies` says whether its person holds the course by it, until `valid_until`: it is completed, and passed if
    there was a pass score. `judged_by` is `None` where it was never judged.
    `remembered` is `None` while the enrollment is open, that is enrolled or waitlisted.
    `checked_in_at` is the first check-in; `attendance` has one for each meeting, where the session has meetings.
    """

    session_id: Id
    course_id: Id
    employee_id: Id
    status: EnrollmentStatus
    holds_seat: bool
    score: Score | None
    passed: bool | None
    feedback: Text | None
    certificate_url: Text | None
    enrolled_at: Moment
    completed_at: Moment | None
    valid_until: Moment | None
    checked_in_at: Moment | None
    check_in_method: str | None
    judged_by: Judgement | None = None
    certifies: bool
    remembered: Remembered | None = None
    attendance: tuple[Attendance, ...] = ()


class Author(BaseModel):
    """Who did something: the `sub` and the `name` of their token."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    subject: Text
    name: Text


class RememberedRecord(BaseModel):
    """What was true of the course and the person of a record when it was accepted or rejected.

    `delivery_mode` is that of a past completion's course; nobody knows that of training done elsewhere.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    training_name: Text
    labels: tuple[NamedItem, ...]
    company: NamedItem | None
    delivery_mode: Text | None = None


RecordStatus = Literal["pending", "accepted", "rejected"]
RecordSource = Literal["external", "import"]


class RecordState(State):
    """A record of training that somebody did elsewhere, or a past completion; its id is that of no enrollment.

    A past completion has `import` as its `source`, the `key` of its line, a course and no `provider`. Others are about
    a course, or else about what `training_name` says. `passed` is there once it is accepted, if it has a score and its
    course a pass score. `certifies` says whether its person holds the course by it, until `valid_until`: it is
    accepted, and was not failed. `reason` is why it is rejected. `remembered` is `None` while it is pending.
    """

    source: RecordSource = "external"
    employee_id: Id
    course_id: Id | None
    training_name: Text | None
    provider: Text | None
    status: RecordStatus
    completed_at: Moment
    valid_until: Moment | None
    score: Score | None
    passed: bool | None
    certificate_url: Text | None
    evidence: Text | None
    submitted_at: Moment
    submitted_by: Author
    decided_at: Moment | None
    decided_by: Author | None
    reason: Text | None
    certifies: bool
    remembered: RememberedRecord | None = None
    key: Text | None = None


class CertificationState(State):
    """A completion that will end, has ended or was revoked; `version` counts its notices.

    `id` is that of the enrollment where `source` is `internal`, and otherwise that of the record.
    `valid_until` is `None` only for one that would never have ended, and was revoked.
    """

    course_id: int
    employee_id: int
    completed_at: datetime
    valid_until: datetime | None
    days_left: int
    source: Literal["internal", "external", "import"] = "internal"


class AskedOf(BaseModel):
    """A requirement as events of clearance name it; without `project_ids` it counts everywhere."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    name: Text
    project_ids: tuple[Id, ...] | None


class ClearanceState(State):
    """What a person lacks of what is asked of them; `version` counts these events of the person.

    `id` is the person's, as `employee_id` is. `requirement` is the one that they began to lack, or lack no more;
    `lacking` are the ids of all that they lack since.
    """

    employee_id: Id
    requirement: AskedOf
    lacking: tuple[Id, ...]


class CredentialState(State):
    """What a person can carry of an enrollment or a record that certifies; `version` is 2 once it is revoked.

    It has nothing of what the credential says, and no code: whoever has that can show it.
    """

    employee_id: Id
    enrollment_id: Id | None
    record_id: Id | None
    issued_at: Moment
    revoked_at: Moment | None


BookingClash = Literal["allow", "warn", "refuse"]


Language = Literal["en", "de", "es", "fr", "pl"]
"""In which certificates can be (RFC 5646)."""


class SettingsState(State):
    """What an organisation has set for itself; `id` is the organisation's.

    `issuer_name` is what certificates call it, and `language` the one that they are in.
    """

    time_zone: Text
    booking_clash: BookingClash = "warn"
    issuer_name: Text | None = None
    language: Language = "en"


class OrganisationState(State):
    """An organisation, and the settings that it begins with; `id` is its own."""

    name: Text
    time_zone: Text
    booking_clash: BookingClash = "warn"


class WebhookState(State):
    """Where an organisation has events sent to; `removed` once it was deleted. No `types` are all."""

    host: Text
    types: tuple[Text, ...]
    description: Text | None
    thin: bool
    status: Literal["enabled", "disabled"]
    disabled_reason: Literal["gone", "failing", "by_user"] | None
    created_at: Moment
    removed: bool = False


class RequirementAudience(BaseModel):
    """Whom a requirement applies to: who meets each of the lists that are no `None`, in which one entry is enough; with
    `all`, everybody. With `project_ids` it counts in these projects, and otherwise everywhere."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    project_ids: tuple[Id, ...] | None = None
    company_ids: tuple[Id, ...] | None = None
    person_types: tuple[Literal["employee", "staff"], ...] | None = None
    employee_ids: tuple[Id, ...] | None = None
    all: Literal[True] | None = None


class RequirementNeed(BaseModel):
    """A course, or any course that carries a label."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    course_id: Id | None = None
    label_id: Id | None = None


class RequirementNeeds(RequirementNeed):
    """What meets a requirement, or with `any_of` what each by itself does."""

    any_of: tuple[RequirementNeed, ...] | None = None


class RequirementState(State):
    """What an organisation asks of people; `removed` once it was deleted.

    It is in force from the first moment of `from` to the last of `until`, days of the organisation's time zone.
    """

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    name: Text
    applies_to: RequirementAudience
    needs: RequirementNeeds
    grace_days: Integer | None
    valid_from: date | None = Field(alias="from")
    valid_to: date | None = Field(alias="until")
    created_at: Moment
    removed: bool = False
