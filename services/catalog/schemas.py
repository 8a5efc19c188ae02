"""What clients send to the catalog (contract, section 3)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared.http.models import Body, IdAndName, MergePatch
from shared.http.pagination import PagedQuery
from shared.validation.fields import NUMBER, STORED, Count, Id, LongText, Name, QueryDate, QueryId, Search, Timestamp

Category = Literal["technical", "soft_skills", "compliance", "leadership", "onboarding", "safety"]
DeliveryMode = Literal["in_person", "online", "hybrid", "self_paced"]
SessionStatus = Literal["scheduled", "in_progress", "completed", "cancelled"]


def _ends_after_its_start(end: datetime, info: ValidationInfo) -> datetime:
    start = info.data.get("start_date")
    if start is not None and end <= start:
        raise ValueError("must be after the start")
    return end


class MeetingFields(Body):
    """One of the dates of a session. Attendance is that of the meeting with this `id`, whenever and wherever it is."""

    rules = ("end_date is after start_date.",)

    id: Id
    start_date: Timestamp
    end_date: Timestamp
    location: Name | None = None

    _ends_after_its_start = field_validator("end_date")(_ends_after_its_start)


def _one_after_another(meetings: list[MeetingFields]) -> list[MeetingFields]:
    """In the order of their times."""
    ordered = sorted(meetings, key=lambda meeting: meeting.start_date)
    if any(later.start_date < earlier.end_date for earlier, later in pairwise(ordered)):
        raise ValueError("must not overlap")
    return ordered


def _distinct(items: list[Any]) -> list[Any]:
    ids = [item.id if isinstance(item, IdAndName | MeetingFields) else item for item in items]
    if len(set(ids)) != len(ids):
        raise ValueError("must not contain an id more than once")
    return items


NamedItems = Annotated[list[IdAndName], Field(max_length=50), AfterValidator(_distinct)]
Meetings = Annotated[
    list[MeetingFields], Field(max_length=60), AfterValidator(_distinct), AfterValidator(_one_after_another)
]
CourseIds = Annotated[
    list[Id], Field(max_length=50, json_schema_extra={"uniqueItems": True}), AfterValidator(_distinct)
]
Money = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2), NUMBER]
Hours = Annotated[Decimal, Field(gt=0, le=10_000, decimal_places=2), NUMBER]
Score = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2), NUMBER]


class CourseQuery(PagedQuery):
    search: Search | None = None
    category: Category | None = None
    delivery_mode: DeliveryMode | None = None


class SessionQuery(PagedQuery):
    course_id: QueryId | None = None
    status: SessionStatus | None = None
    date_from: QueryDate | None = None
    date_to: QueryDate | None = None


class CourseFields(Body):
    """A course as clients write it: the body of its creation, and the document that a change is merged into."""

    rules: ClassVar[Sequence[str]] = (
        "The ids of labels are distinct.",
        "prerequisites are courses of the organisation, and no course requires itself, be it through others.",
        "No two courses have the same external_id.",
    )

    title: Name
    category: Category
    delivery_mode: DeliveryMode
    duration_hours: Hours
    cost_per_participant: Money = Decimal(0)
    provider: Literal["internal", "external"] = "internal"
    provider_name: Name | None = None
    description: LongText | None = None
    pass_score: Score | None = None
    validity_months: Annotated[Count, Field(ge=1, le=1200)] | None = None
    renewal_window_days: Annotated[Count, Field(ge=1, le=3660)] | None = None
    prerequisites: CourseIds = Field(default_factory=list)
    labels: NamedItems = Field(default_factory=list)
    external_id: Name | None = None


class Facilitator(Body):
    id: Id
    full_name: Name


def _without_what_meetings_say(schema: dict[str, Any]) -> None:
    schema["required"] = [name for name in schema["required"] if name not in _ENDS]
    with_meetings = {"required": ["meetings"], "properties": {"meetings": {"minItems": 1}}}
    schema["anyOf"] = [{"required": list(_ENDS)}, with_meetings]


class SessionFields(Body):
    """A session as clients write it; `status` of a new one is `scheduled`.

    One with `meetings` starts with the first and ends with the last of them: `start_date` and `end_date` may be left
    out then.
    """

    model_config = ConfigDict(json_schema_extra=_without_what_meetings_say)
    rules: ClassVar[Sequence[str]] = (
        "end_date is after start_date, and enrollment_closes_at after enrollment_opens_at.",
        "The ids of meetings are distinct, and so are those of projects. Meetings do not overlap.",
        "With meetings, start_date is the start of the first and end_date the end of the last, where they are given.",
        "course_id is a course of the organisation.",
        "No two sessions have the same external_id.",
    )

    course_id: Id
    session_name: Name
    meetings: Meetings = Field(default_factory=list)
    start_date: Timestamp
    end_date: Timestamp
    location: Name | None = None
    facilitator: Facilitator | None = None
    max_participants: Annotated[Count, Field(ge=1, le=100_000)]
    projects: NamedItems = Field(default_factory=list)
    status: SessionStatus = "scheduled"
    enrollment_opens_at: Timestamp | None = None
    enrollment_closes_at: Timestamp | None = None
    external_id: Name | None = None

    @field_validator("enrollment_closes_at")
    @classmethod
    def _closes_after_it_opens(cls, closes: datetime | None, info: ValidationInfo) -> datetime | None:
        opens = info.data.get("enrollment_opens_at")
        if opens is not None and closes is not None and closes <= opens:
            raise ValueError("must be after enrollment opens")
        return closes

    _ends_after_its_start = field_validator("end_date")(_ends_after_its_start)

    @model_validator(mode="before")
    @classmethod
    def _follows_from_its_meetings(cls, values: Any, info: ValidationInfo) -> Any:
        if not isinstance(values, dict) or not values.get("meetings") or _ENDS.keys() <= values.keys():
            return values
        try:
            meetings = _MEETINGS.validate_python(values["meetings"], context=info.context)
        except ValidationError:
            return _ENDS | values  # the errors are those of the meetings, not of members that follow from them
        return {"start_date": meetings[0].start_date, "end_date": meetings[-1].end_date} | values

    @field_validator("start_date", "end_date")
    @classmethod
    def _agrees_with_its_meetings(cls, moment: datetime, info: ValidationInfo) -> datetime:
        meetings = info.data.get("meetings")
        if not meetings or info.context is STORED:  # a process of the release before changes them alone
            return moment
        is_start = info.field_name == "start_date"
        if moment != (meetings[0].start_date if is_start else meetings[-1].end_date):
            raise ValueError(f"must be the {'start of the first' if is_start else 'end of the last'} meeting")
        return moment


_MEETINGS: TypeAdapter[list[MeetingFields]] = TypeAdapter(Meetings)
_ENDS: Final = {"start_date": datetime(2000, 1, 1, tzinfo=UTC), "end_date": datetime(2000, 1, 2, tzinfo=UTC)}
"""Some start and end."""


class CoursePatch(MergePatch):
    document = CourseFields


class SessionPatch(MergePatch):
    document = SessionFields


MAX_KNOWN = 500
"""Rows of each kind in one request."""


class KnownRows(Body):
    """Courses and sessions that history asks for, as they were at a moment."""

    as_of: Timestamp
    courses: Annotated[list[Id], Field(max_length=MAX_KNOWN)] = Field(default_factory=list)
    sessions: Annotated[list[Id], Field(max_length=MAX_KNOWN)] = Field(default_factory=list)
