"""Enrollments."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import ForeignKeyConstraint, case, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, column_property, joinedload, mapped_column, relationship

from bench.peers.fastapi_lists.database import EnrollmentSession
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


class Session(Base):
    __tablename__ = "sessions"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "course_id"], ["courses.organisation_id", "courses.id"]),
    )

    organisation_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int]
    start_date: Mapped[datetime]
    location: Mapped[str | None]

    course: Mapped[Course] = relationship()


class Person(Base):
    __tablename__ = "people"

    organisation_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    employee_id: Mapped[str]
    full_name: Mapped[str]


class Enrollment(Base):
    __tablename__ = "enrollments"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "session_id"], ["sessions.organisation_id", "sessions.id"]),
        ForeignKeyConstraint(["organisation_id", "employee_id"], ["people.organisation_id", "people.id"]),
    )

    organisation_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int]
    course_id: Mapped[int]
    employee_id: Mapped[int]
    status: Mapped[str]
    score: Mapped[float | None]
    passed: Mapped[bool | None]
    feedback: Mapped[str | None]
    enrolled_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]

    session: Mapped[Session] = relationship(viewonly=True)
    employee: Mapped[Person] = relationship(viewonly=True)


_Waiting = aliased(Enrollment)
Enrollment.waitlist_position = column_property(
    case(
        (
            Enrollment.status == "waitlisted",
            select(func.count())
            .where(
                _Waiting.organisation_id == Enrollment.organisation_id,
                _Waiting.session_id == Enrollment.session_id,
                _Waiting.status == "waitlisted",
                _Waiting.id <= Enrollment.id,
            )
            .correlate(Enrollment)
            .scalar_subquery(),
        )
    )
)


class Employee(Row):
    id: int
    employee_id: str
    full_name: str


class CourseTitle(Row):
    id: int
    title: str


class SessionOfEnrollment(Row):
    id: int
    course: CourseTitle
    start_date: datetime
    location: str | None


class EnrollmentOut(Row):
    id: int
    employee: Employee
    session: SessionOfEnrollment
    status: str
    score: float | None
    passed: bool | None
    feedback: str | None
    enrolled_at: datetime
    completed_at: datetime | None
    waitlist_position: int | None


class EnrollmentFilters(Paging):
    employee_id: int | None = None
    session_id: int | None = None
    course_id: int | None = None
    status: Literal["enrolled", "waitlisted", "completed", "failed", "absent", "cancelled"] | None = None
    year: int | None = None


@router.get("/enrollments", response_model=Page[EnrollmentOut])
async def list_enrollments(
    request: Request, user: Viewer, session: EnrollmentSession, filters: Annotated[EnrollmentFilters, Query()]
) -> Any:
    rows = select(Enrollment).where(Enrollment.organisation_id == user.org)
    if filters.employee_id is not None:
        rows = rows.where(Enrollment.employee_id == filters.employee_id)
    if filters.session_id is not None:
        rows = rows.where(Enrollment.session_id == filters.session_id)
    if filters.course_id is not None:
        rows = rows.where(Enrollment.course_id == filters.course_id)
    if filters.status is not None:
        rows = rows.where(Enrollment.status == filters.status)
    if filters.year is not None:
        first, end = date(filters.year, 1, 1), date(filters.year + 1, 1, 1)
        rows = rows.where(Enrollment.enrolled_at >= _midnight(first), Enrollment.enrolled_at < _midnight(end))
    rows = rows.options(
        joinedload(Enrollment.employee), joinedload(Enrollment.session).joinedload(Session.course)
    ).order_by(Enrollment.id.desc())
    return await paginate(session, rows, filters, request)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
