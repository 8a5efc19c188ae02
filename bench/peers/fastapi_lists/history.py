"""One person's training history."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, status
from pydantic import BaseModel, Field
from sqlalchemy import ForeignKeyConstraint, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, contains_eager, joinedload, mapped_column, relationship

from bench.peers.fastapi_lists.database import HistorySession
from bench.peers.fastapi_lists.pages import Paging, Row
from bench.peers.fastapi_lists.security import Viewer

router = APIRouter(prefix="/api/v1")

_SHOWN_STATUS = {"enrolled": "confirmed", "waitlisted": "proposed", "cancelled": "cancelled"}


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "people"

    organisation_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    full_name: Mapped[str]
    company_name: Mapped[str | None]
    removed: Mapped[bool]


class Course(Base):
    __tablename__ = "courses"

    organisation_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    online: Mapped[bool]
    label_names: Mapped[list[str]] = mapped_column(JSONB)


class Session(Base):
    __tablename__ = "sessions"

    organisation_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    session_name: Mapped[str]
    start_date: Mapped[datetime]
    location: Mapped[str | None]
    project_names: Mapped[list[str]] = mapped_column(JSONB)


class Record(Base):
    __tablename__ = "records"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "employee_id"], ["people.organisation_id", "people.id"]),
        ForeignKeyConstraint(["organisation_id", "course_id"], ["courses.organisation_id", "courses.id"]),
        ForeignKeyConstraint(["organisation_id", "session_id"], ["sessions.organisation_id", "sessions.id"]),
    )

    organisation_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    employee_id: Mapped[int]
    session_id: Mapped[int]
    course_id: Mapped[int]
    status: Mapped[str]
    scored: Mapped[bool]
    completed_at: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    checked_in_at: Mapped[datetime | None]
    check_in_method: Mapped[str | None]

    person: Mapped[Person] = relationship(viewonly=True)
    course: Mapped[Course] = relationship(viewonly=True)
    session: Mapped[Session] = relationship(viewonly=True)


class PersonOut(BaseModel):
    id: int
    type: str
    name: str
    company: str | None


class SessionOut(BaseModel):
    id: int
    name: str
    venue: str | None
    checked_in_at: datetime | None
    check_in_method: str | None


class RecordOut(Row):
    id: int
    type: str
    training_name: str
    training_type: str
    completed_at: datetime | None
    status: str
    result: str | None
    valid_until: datetime | None
    person: PersonOut
    projects: list[str]
    labels: list[str]
    session: SessionOut


class HistoryMeta(BaseModel):
    current_page: int
    per_page: int
    total: int
    total_pages: int


class HistoryPage(BaseModel):
    data: list[RecordOut]
    meta: HistoryMeta


class HistoryPaging(Paging):
    per_page: int = Field(50, ge=1, le=100)


@router.get("/employees/{person_id}/training", response_model=HistoryPage)
async def employee_history(
    person_id: int, user: Viewer, session: HistorySession, paging: Annotated[HistoryPaging, Query()]
) -> Any:
    if user.user_type != "staff":
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Staff alone")
    person = await session.get(Person, (user.org, person_id))
    if person is None or person.removed or person.type != "employee":
        raise HTTPException(status.HTTP_404_NOT_FOUND, "Worker not found")
    rows = select(Record).where(Record.organisation_id == user.org, Record.employee_id == person_id)
    total = await session.scalar(select(func.count()).select_from(rows.subquery())) or 0
    rows = rows.join(Record.session).options(
        joinedload(Record.person), joinedload(Record.course), contains_eager(Record.session)
    )
    rows = rows.order_by(func.coalesce(Record.completed_at, Session.start_date).desc(), Record.id)
    found = await session.scalars(rows.limit(paging.per_page).offset(paging.offset))
    meta = HistoryMeta(
        current_page=paging.page,
        per_page=paging.per_page,
        total=total,
        total_pages=max(1, -(-total // paging.per_page)),
    )
    return {"data": [_shown(record) for record in found], "meta": meta}


def _shown(record: Record) -> RecordOut:
    online, person, session = record.course.online, record.person, record.session
    return RecordOut(
        id=record.id,
        type="online" if online else "offline",
        training_name=record.course.title,
        training_type="course" if online else "session",
        completed_at=record.completed_at,
        status=_SHOWN_STATUS.get(record.status, "completed"),
        result=_result(record),
        valid_until=record.valid_until,
        person=PersonOut(id=person.id, type=person.type, name=person.full_name, company=person.company_name),
        projects=session.project_names,
        labels=record.course.label_names,
        session=SessionOut(
            id=session.id,
            name=session.session_name,
            venue=None if online else session.location,
            checked_in_at=record.checked_in_at,
            check_in_method=record.check_in_method,
        ),
    )


def _result(record: Record) -> str | None:
    if record.status == "completed":
        return "passed" if record.scored else "attended"
    return record.status if record.status in ("absent", "failed") else None
