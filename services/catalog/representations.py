"""What the catalog answers (contract, section 3)."""

from typing import Annotated

from pydantic import Field

from services.catalog.schemas import Category, DeliveryMode, SessionStatus
from shared.events.states import CourseState, SessionState
from shared.http.conditional import RowKey
from shared.http.representation import Day, Named, Number, Representation, Titled, TrainingTimestamp, may_be_missing


class CourseItem(Representation):
    """`cost_per_participant` has two decimals."""

    id: int
    title: str
    category: Category
    delivery_mode: DeliveryMode
    duration_hours: Number
    cost_per_participant: Number
    provider: str
    provider_name: str | None
    pass_score: Number | None
    total_sessions: int
    total_enrollments: int
    external_id: str | None
    created_at: TrainingTimestamp


class UpcomingSession(Representation):
    id: int
    start_date: Day
    end_date: Day
    location: str | None
    available_spots: int
    max_participants: int


class CourseDetail(CourseItem):
    description: str | None
    prerequisites: list[Titled]
    completion_rate: Number | None
    average_score: Number | None
    upcoming_sessions: list[UpcomingSession]
    labels: list[Named]
    validity_months: int | None
    renewal_window_days: int | None


class FacilitatorItem(Representation):
    id: int
    full_name: str


class SessionItem(Representation):
    id: int
    course: Titled
    session_name: str
    start_date: TrainingTimestamp
    end_date: TrainingTimestamp
    location: str | None
    facilitator: FacilitatorItem | None
    max_participants: int
    enrolled_count: int
    available_spots: int
    status: SessionStatus
    external_id: str | None


class MeetingItem(Representation):
    id: int
    start_date: TrainingTimestamp
    end_date: TrainingTimestamp
    location: str | None


class SessionDetail(SessionItem):
    """`meetings` are present only if there are any, in the order of their times."""

    projects: list[Named]
    enrollment_opens_at: TrainingTimestamp | None
    enrollment_closes_at: TrainingTimestamp | None
    meetings: Annotated[list[MeetingItem], Field(min_length=1)] = may_be_missing()


class ChangedSession(SessionDetail):
    """`waiting` is present only if places were added after the start and somebody waits for one."""

    waiting: Annotated[int, Field(ge=1)] = may_be_missing()


class SessionWithCourses(Representation):
    """A session with its course and that course's prerequisites, in the states that events carry."""

    session: SessionState
    courses: list[CourseState]


def course_row(organisation_id: int, course_id: int) -> RowKey:
    return RowKey("course", organisation_id, course_id)


def session_row(organisation_id: int, session_id: int) -> RowKey:
    return RowKey("session", organisation_id, session_id)
