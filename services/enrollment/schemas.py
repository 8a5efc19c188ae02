"""What clients send to enrollment (contract, section 4)."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, FailFast, Field, field_validator, model_validator

from shared.events.states import BookingClash, CourseState, SessionState, State
from shared.events.types import CourseSaved, Event, SessionSaved
from shared.http.models import Body, BodyLimits, IdAndName, Query
from shared.http.pagination import PagedQuery
from shared.observability import Trace
from shared.validation.fields import (
    DIGITS,
    MAX_ID,
    MAX_INTEGER,
    NUMBER,
    Count,
    Id,
    LongText,
    Name,
    QueryId,
    QueryYear,
    Reason,
    Search,
    Timestamp,
    Version,
)
from shared.validation.https_url import HttpsUrl
from shared.validation.time_zones import TimeZone

Status = Literal["enrolled", "waitlisted", "completed", "failed", "absent", "cancelled"]
CheckInMethod = Literal["manual", "qr_code", "kiosk"]

MAX_NOTIFIED = 10
"""Courses or sessions in one request; the catalog changes one at a time."""


ID_PATTERN = "[1-9][0-9]{0,18}"


def _ids(listed: str) -> str:
    if any(int(each) > MAX_ID for each in listed.split(",")):
        raise ValueError(f"must be at most {MAX_ID} each")
    return listed


class EnrollmentQuery(PagedQuery):
    employee_id: QueryId | None = None
    session_id: QueryId | None = None
    course_id: QueryId | None = None
    status: Status | None = None
    year: QueryYear | None = None


MAX_WATCHED = 50
"""Sessions that one stream shows."""


class WatchedQuery(Query):
    """Ids with commas between them."""

    sessions: Annotated[
        str, Field(pattern=f"^{ID_PATTERN}(,{ID_PATTERN}){{0,{MAX_WATCHED - 1}}}$"), AfterValidator(_ids)
    ]

    def ids(self) -> list[int]:
        return sorted({int(each) for each in self.sessions.split(",")})


class FollowedQuery(Query):
    organisation_id: QueryId


class ComplianceQuery(PagedQuery):
    """`course_id` or `label_id`, one of them; `status` `missing` are those who never completed, or no longer."""

    rules = ("Exactly one of course_id and label_id is given.",)

    course_id: QueryId | None = None
    label_id: QueryId | None = None
    status: Literal["valid", "expiring", "missing"] | None = None
    within_days: Annotated[int, Field(ge=0, le=3660), DIGITS] = 30
    company_id: QueryId | None = None
    project_id: QueryId | None = None

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.course_id is None) == (self.label_id is None):
            raise ValueError("exactly one of course_id and label_id is required")
        return self


class OrganisationSettings(Body):
    """Days, years and months of validity are those of `time_zone`.

    `booking_clash`: what becomes of somebody who is enrolled in another session at the same time.
    """

    time_zone: TimeZone
    booking_clash: BookingClash = "warn"


class EnrollmentRequest(Body):
    """With `waitlist`, those who do not fit go on the session's waitlist; with `partial`, those who can be are
    enrolled."""

    session_id: Id
    employee_ids: Annotated[list[Id], Field(min_length=1, max_length=500, json_schema_extra={"uniqueItems": True})]
    waitlist: bool = False
    partial: bool = False

    @field_validator("employee_ids")
    @classmethod
    def _distinct(cls, ids: list[int]) -> list[int]:
        if len(set(ids)) != len(ids):
            raise ValueError("must not contain an id more than once")
        return ids


def kept_if_left_out(schema: dict[str, Any]) -> None:
    """A member that is left out is not as if it were `null`."""
    for member in schema["properties"].values():
        if member.get("default", ...) is None:
            del member["default"]


def _not_null(schema: dict[str, Any]) -> None:
    schema |= schema.pop("anyOf")[0]


class Completion(Body):
    """A member that is left out keeps what the record says; `null` clears it, except `completed_at`.

    `completed_at` is now where it is left out and the record has none.
    """

    model_config = ConfigDict(json_schema_extra=kept_if_left_out)

    score: Annotated[Decimal, Field(ge=0, le=100, decimal_places=2), NUMBER] | None = None
    feedback: LongText | None = None
    certificate_url: HttpsUrl | None = None
    completed_at: Annotated[Timestamp | None, Field(json_schema_extra=_not_null)] = None

    @field_validator("completed_at")
    @classmethod
    def _cannot_be_cleared(cls, completed_at: datetime | None) -> datetime:
        if completed_at is None:
            raise ValueError("cannot be cleared")
        return completed_at


class Reopening(Body):
    """`reason` is kept in the audit trail."""

    reason: Reason


class Transfer(Body):
    """`session_id`: another session of the same course."""

    rules = ("session_id is a session of the same course.",)

    session_id: Id


class Promotion(Body):
    """`over_capacity`: even if no seat is free."""

    over_capacity: bool = False


class CheckIn(Body):
    """`checked_in_at` is now where it is left out. A session with meetings has to be told which."""

    method: CheckInMethod
    checked_in_at: Timestamp | None = None
    meeting_id: Id | None = None


class CheckInQuery(Query):
    """The check-in of one meeting, or of all."""

    meeting_id: QueryId | None = None


class SessionChange(Body):
    """The capacity that the catalog wants to give a session in its next `version`, and the status if it closes it."""

    max_participants: Annotated[Count, Field(ge=1, le=MAX_INTEGER)]
    version: Version
    status: Literal["completed", "cancelled"] | None = None


class CatalogChanges(Body):
    """Courses and sessions as the catalog has just committed them; their events follow."""

    courses: Annotated[list[CourseState], Field(max_length=MAX_NOTIFIED)] = Field(default_factory=list)
    sessions: Annotated[list[SessionState], Field(max_length=MAX_NOTIFIED)] = Field(default_factory=list)

    def events(self, organisation_id: int, trace: Trace) -> list[Event[State]]:
        """The events that will arrive, for their handlers."""
        return [
            *(CourseSaved(organisation_id, course, trace) for course in self.courses),
            *(SessionSaved(organisation_id, session, trace) for session in self.sessions),
        ]


class KnownPerson(Body):
    """Whose rows history asks for, as they were recorded at a moment, behind that id."""

    employee_id: Id
    as_of: Timestamp
    after: Annotated[Count, Field(ge=0, le=MAX_ID)] = 0


class SessionVersion(Body):
    id: Id
    version: Version


MAX_CLOSED = 20_000
MAX_CLOSED_AS_OBJECTS = 2_000


class Closing(Body):
    """Sessions that the catalog wants to delete, as it has them; many of them as columns, which cost a tenth."""

    sessions: Annotated[list[SessionVersion], Field(max_length=MAX_CLOSED_AS_OBJECTS), FailFast()] = Field(
        default_factory=list
    )
    ids: Annotated[list[Id], Field(max_length=MAX_CLOSED), FailFast()] = Field(default_factory=list)
    versions: Annotated[list[Version], Field(max_length=MAX_CLOSED), FailFast()] = Field(default_factory=list)

    @model_validator(mode="after")
    def _a_version_for_each(self) -> Self:
        if len(self.ids) != len(self.versions):
            raise ValueError("must have as many entries as ids")
        return self

    def version_of_each(self) -> dict[int, int]:
        """Versions by session."""
        return {session.id: session.version for session in self.sessions} | dict(
            zip(self.ids, self.versions, strict=True)
        )


CLOSING_LIMITS = BodyLimits(max_values=2 * MAX_CLOSED + 10)


class PersonQuery(PagedQuery):
    search: Search | None = None


class EmployeeQuery(PersonQuery):
    company_id: QueryId | None = None


class StaffFields(Body):
    """A staff member as the organisation's own system knows them; `employee_id` is what people call them by."""

    employee_id: Name
    full_name: Name


class Merging(Body):
    """`into`: the other person, employee or staff, who the one of the path is as well."""

    into: Id


class Erasure(Body):
    """`reason`: why the person is erased. It is kept in the audit trail, without their names."""

    reason: Reason


class EmployeeFields(StaffFields):
    """`company` is a contractor's worker's employer; the organisation's own employees have none."""

    company: IdAndName | None = None
