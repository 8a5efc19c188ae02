"""What clients send to the catalog (contract, section 3)."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from shared.http.models import Body, IdAndName, MergePatch
from shared.http.pagination import PagedQuery
from shared.validation.fields import Count, Id, LongText, Name, Number, QueryDate, QueryId, Search, Timestamp

Category = Literal["technical", "soft_skills", "compliance", "leadership", "onboarding", "safety"]
DeliveryMode = Literal["in_person", "online", "hybrid", "self_paced"]
SessionStatus = Literal["scheduled", "in_progress", "completed", "cancelled"]


def _distinct(items: list[Any]) -> list[Any]:
    ids = [item.id if isinstance(item, IdAndName) else item for item in items]
    if len(set(ids)) != len(ids):
        raise ValueError("must not contain an id more than once")
    return items


NamedItems = Annotated[list[IdAndName], Field(max_length=50), AfterValidator(_distinct)]
CourseIds = Annotated[list[Id], Field(max_length=50), AfterValidator(_distinct)]
Money = Annotated[Number, Field(ge=0, max_digits=12, decimal_places=2)]
Hours = Annotated[Number, Field(gt=0, le=10_000, decimal_places=2)]
Score = Annotated[Number, Field(ge=0, le=100, decimal_places=2)]


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


class Facilitator(Body):
    id: Id
    full_name: Name


class SessionFields(Body):
    """A session as clients write it; `status` of a new one is `scheduled`."""

    course_id: Id
    session_name: Name
    start_date: Timestamp
    end_date: Timestamp
    location: Name | None = None
    facilitator: Facilitator | None = None
    max_participants: Annotated[Count, Field(ge=1, le=100_000)]
    projects: NamedItems = Field(default_factory=list)
    status: SessionStatus = "scheduled"
    enrollment_opens_at: Timestamp | None = None
    enrollment_closes_at: Timestamp | None = None

    @field_validator("enrollment_closes_at")
    @classmethod
    def _closes_after_it_opens(cls, closes: datetime | None, info: ValidationInfo) -> datetime | None:
        opens = info.data.get("enrollment_opens_at")
        if opens is not None and closes is not None and closes <= opens:
            raise ValueError("must be after enrollment opens")
        return closes

    @field_validator("end_date")
    @classmethod
    def _ends_after_its_start(cls, end: datetime, info: ValidationInfo) -> datetime:
        start = info.data.get("start_date")
        if start is not None and end <= start:
            raise ValueError("must be after the start")
        return end


class CoursePatch(MergePatch):
    document = CourseFields


class SessionPatch(MergePatch):
    document = SessionFields
