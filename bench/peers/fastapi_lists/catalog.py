"""Courses and sessions."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import ForeignKeyConstraint, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship

from bench.peers.fastapi_lists.database import CatalogSession
from bench.peers.fastapi_lists.pages import Page, Paging, Row, paginate
from bench.peers.fastapi_lists.security import Viewer

router = APIRouter(prefix="/api/v1/training")


class Base(DeclarativeBase):
    pass


class Course(Base):
    __tablename__ = "courses"

    organisation_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    category: Mapped[str]
    delivery_mode: Mapped[str]
    duration_hours: Mapped[float]
    cost_per_participant: Mapped[float]
    provider: Mapped[str]
    provider_name: Mapped[str | None]
    pass_score: Mapped[float | None]
    total_sessions: Mapped[int]
    total_enrollments: Mapped[int]
    created_at: Mapped[datetime]


class Session(Base):
    __tablename__ = "sessions"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "course_id"], ["courses.organisation_id", "courses.id"]),
    )

    organisation_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int]
    session_name: Mapped[str]
    start_date: Mapped[datetime]
    end_date: Mapped[datetime]
    location: Mapped[str | None]
    facilitator: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    max_participants: Mapped[int]
    enrolled_count: Mapped[int]
    status: Mapped[str]

    course: Mapped[Course] = relationship()

    @property
    def available_spots(self) -> int:
        return max(self.max_participants - self.enrolled_count, 0)


class CourseOut(Row):
    id: int
    title: str
    category: str
    delivery_mode: str
    duration_hours: float
    cost_per_participant: float
    provider: str
    provider_name: str | None
    pass_score: float | None
    total_sessions: int
    total_enrollments: int
    created_at: datetime


class CourseTitle(Row):
    id: int
    title: str


class Facilitator(Row):
    id: int
    full_name: str


class SessionOut(Row):
    id: int
    course: CourseTitle
    session_name: str
    start_date: datetime
    end_date: datetime
    location: str | None
    facilitator: Facilitator | None
    max_participants: int
    enrolled_count: int
    available_spots: int
    status: str


class CourseFilters(Paging):
    search: str | None = None
    category: Literal["technical", "soft_skills", "compliance", "leadership", "onboarding", "safety"] | None = None
    delivery_mode: Literal["in_person", "online", "hybrid", "self_paced"] | None = None


class SessionFilters(Paging):
    course_id: int | None = None
    status: Literal["scheduled", "in_progress", "completed", "cancelled"] | None = None
    date_from: datetime | None = None
    date_to: datetime | None = None


@router.get("/courses", response_model=Page[CourseOut])
async def list_courses(
    request: Request, user: Viewer, session: CatalogSession, filters: Annotated[CourseFilters, Query()]
) -> Any:
    rows = select(Course).where(Course.organisation_id == user.org)
    if filters.search is not None:
        rows = rows.where(Course.title.icontains(filters.search, autoescape=True))
    if filters.category is not None:
        rows = rows.where(Course.category == filters.category)
    if filters.delivery_mode is not None:
        rows = rows.where(Course.delivery_mode == filters.delivery_mode)
    return await paginate(session, rows.order_by(Course.id), filters, request)


@router.get("/sessions", response_model=Page[SessionOut])
async def list_sessions(
    request: Request, user: Viewer, session: CatalogSession, filters: Annotated[SessionFilters, Query()]
) -> Any:
    rows = select(Session).where(Session.organisation_id == user.org)
    if filters.course_id is not None:
        rows = rows.where(Session.course_id == filters.course_id)
    if filters.status is not None:
        rows = rows.where(Session.status == filters.status)
    if filters.date_from is not None:
        rows = rows.where(Session.start_date >= filters.date_from)
    if filters.date_to is not None:
        rows = rows.where(Session.start_date < filters.date_to)
    rows = rows.options(joinedload(Session.course)).order_by(Session.start_date, Session.id)
    return await paginate(session, rows, filters, request)
