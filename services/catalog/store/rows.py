"""SQL of courses and sessions as the catalog keeps them, and as its events tell of them."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.catalog.schemas import CourseFields, SessionFields
from shared.events.types import CourseState, SessionState
from shared.postgres.pool import Connection
from shared.validation.fields import STORED

COURSE_STATE = """json_build_object('id', id, 'version', version, 'title', title, 'category', category,
    'delivery_mode', delivery_mode, 'pass_score', pass_score, 'validity_months', validity_months,
    'labels', labels, 'prerequisites', prerequisites)::text"""
"""What events say of a course, as JSON text out of its row."""

SESSION_STATE = """json_build_object('id', id, 'version', version, 'course_id', course_id, 'session_name', session_name,
    'start_date', start_date, 'end_date', end_date, 'location', location,
    'max_participants', max_participants, 'status', status, 'projects', projects)::text"""

_COURSE_STATES = f"""
SELECT {COURSE_STATE} FROM courses WHERE organisation_id = $1 AND id = ANY($2::bigint[]) ORDER BY id
"""  # noqa: S608 - of constants alone

_SESSION_STATE = f"SELECT {SESSION_STATE} FROM sessions WHERE organisation_id = $1 AND id = $2"  # noqa: S608 - of constants alone

_INSERT_COURSE = """
INSERT INTO courses (organisation_id, title, category, delivery_mode, duration_hours, cost_per_participant, provider,
    provider_name, description, pass_score, validity_months, prerequisites, labels, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::jsonb, coalesce($14, now()))
RETURNING id
"""

_UPDATE_COURSE = """
UPDATE courses SET version = version + 1, title = $3, category = $4, delivery_mode = $5, duration_hours = $6,
    cost_per_participant = $7, provider = $8, provider_name = $9, description = $10, pass_score = $11,
    validity_months = $12, prerequisites = $13, labels = $14::jsonb
WHERE organisation_id = $1 AND id = $2
"""

_EXISTING_COURSES = """
SELECT id FROM courses WHERE organisation_id = $1 AND id = ANY($2::bigint[]) ORDER BY id FOR KEY SHARE
"""

_INSERT_SESSION = """
WITH added AS (
    INSERT INTO sessions (organisation_id, course_id, session_name, start_date, end_date, location, facilitator,
        max_participants, projects, status)
    VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9::jsonb, $10)
    RETURNING id
), counted AS (
    UPDATE courses SET total_sessions = total_sessions + 1 WHERE organisation_id = $1 AND id = $2
)
SELECT id FROM added
"""

_UPDATE_SESSION = """
UPDATE sessions SET version = version + 1, course_id = $3, session_name = $4, start_date = $5, end_date = $6,
    location = $7, facilitator = $8::jsonb, max_participants = $9, projects = $10::jsonb, status = $11
WHERE organisation_id = $1 AND id = $2
"""

# The index of prerequisites can be used in a view alone (decision 10).
_IS_PREREQUISITE = """
SELECT EXISTS (SELECT FROM courses_in_scope WHERE organisation_id = $1 AND prerequisites @> ARRAY[$2::bigint])
"""

_DELETE_SESSION = """
WITH deleted AS (
    DELETE FROM sessions WHERE organisation_id = $1 AND id = $2 RETURNING *
), counted AS (
    UPDATE courses c SET total_sessions = total_sessions - 1 FROM deleted d
    WHERE c.organisation_id = d.organisation_id AND c.id = d.course_id
)
SELECT * FROM deleted
"""


async def course_states(connection: Connection, organisation_id: int, ids: Sequence[int]) -> list[CourseState]:
    """What events say of the courses, those of `ids` that exist."""
    rows = await connection.fetch(_COURSE_STATES, organisation_id, ids)
    return [CourseState.model_validate_json(row[0]) for row in rows]


async def session_state(connection: Connection, organisation_id: int, session_id: int) -> SessionState | None:
    """What events say of the session."""
    text = await connection.fetchval(_SESSION_STATE, organisation_id, session_id)
    return None if text is None else SessionState.model_validate_json(text)


async def existing_courses(connection: Connection, organisation_id: int, ids: Sequence[int]) -> set[int]:
    """Those of the courses that exist, kept from being deleted until the transaction ends."""
    rows = await connection.fetch(_EXISTING_COURSES, organisation_id, ids)
    return {row["id"] for row in rows}


async def lock_course(connection: Connection, organisation_id: int, course_id: int) -> tuple[CourseFields, int] | None:
    """The course as clients write it and its version, kept from other changes until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM courses WHERE organisation_id = $1 AND id = $2 FOR NO KEY UPDATE", organisation_id, course_id
    )
    return None if row is None else (_course_fields(row), row["version"])


async def lock_session(
    connection: Connection, organisation_id: int, session_id: int
) -> tuple[SessionFields, int] | None:
    """The session as clients write it and its version, kept from other changes until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM sessions WHERE organisation_id = $1 AND id = $2 FOR UPDATE", organisation_id, session_id
    )
    return None if row is None else (_session_fields(row), row["version"])


async def sessions_of_course(connection: Connection, organisation_id: int, course_id: int) -> dict[int, int]:
    """Id and version of every session of the course, kept from changes until the transaction ends."""
    rows = await connection.fetch(
        "SELECT id, version FROM sessions WHERE organisation_id = $1 AND course_id = $2 ORDER BY id FOR UPDATE",
        organisation_id,
        course_id,
    )
    return {row["id"]: row["version"] for row in rows}


async def is_prerequisite(connection: Connection, organisation_id: int, course_id: int) -> bool:
    """Whether any course of the organisation asks for this one."""
    asked: bool = await connection.fetchval(_IS_PREREQUISITE, organisation_id, course_id)
    return asked


async def lock_course_to_delete(connection: Connection, organisation_id: int, course_id: int) -> int | None:
    """The course's version, once nobody is about to refer to it; nobody can begin to until the transaction ends."""
    version: int | None = await connection.fetchval(
        "SELECT version FROM courses WHERE organisation_id = $1 AND id = $2 FOR UPDATE", organisation_id, course_id
    )
    return version


async def delete_course(connection: Connection, organisation_id: int, course_id: int) -> CourseFields:
    """The course as it was, which exists."""
    [row] = await connection.fetch(
        "DELETE FROM courses WHERE organisation_id = $1 AND id = $2 RETURNING *", organisation_id, course_id
    )
    return _course_fields(row)


async def delete_session(connection: Connection, organisation_id: int, session_id: int) -> SessionFields:
    """The session as it was, which exists; its course has one session less."""
    [row] = await connection.fetch(_DELETE_SESSION, organisation_id, session_id)
    return _session_fields(row)


def _course_fields(row: Any) -> CourseFields:
    return CourseFields.model_validate(_fields(row, CourseFields, "labels"), context=STORED)


def _session_fields(row: Any) -> SessionFields:
    return SessionFields.model_validate(_fields(row, SessionFields, "projects", "facilitator"), context=STORED)


def _fields(row: Any, model: type[CourseFields] | type[SessionFields], *json_columns: str) -> dict[str, Any]:
    values = {name: row[name] for name in model.model_fields}
    parsed = {name: json.loads(values[name]) for name in json_columns if values[name] is not None}
    return values | parsed


async def insert_course(
    connection: Connection, organisation_id: int, course: CourseFields, created_at: datetime | None
) -> int:
    """The new course's id; `created_at` is the database's now where it is not given."""
    course_id: int = await connection.fetchval(_INSERT_COURSE, organisation_id, *_course_columns(course), created_at)
    return course_id


async def update_course(connection: Connection, organisation_id: int, course_id: int, course: CourseFields) -> None:
    await connection.execute(_UPDATE_COURSE, organisation_id, course_id, *_course_columns(course))


def _course_columns(course: CourseFields) -> tuple[Any, ...]:
    return (
        course.title,
        course.category,
        course.delivery_mode,
        course.duration_hours,
        course.cost_per_participant,
        course.provider,
        course.provider_name,
        course.description,
        course.pass_score,
        course.validity_months,
        course.prerequisites,
        json.dumps([label.model_dump() for label in course.labels]),
    )


async def insert_session(connection: Connection, organisation_id: int, session: SessionFields) -> int:
    """The new session's id."""
    session_id: int = await connection.fetchval(_INSERT_SESSION, organisation_id, *_session_columns(session))
    return session_id


async def update_session(connection: Connection, organisation_id: int, session_id: int, session: SessionFields) -> None:
    await connection.execute(_UPDATE_SESSION, organisation_id, session_id, *_session_columns(session))


def _session_columns(session: SessionFields) -> tuple[Any, ...]:
    return (
        session.course_id,
        session.session_name,
        session.start_date,
        session.end_date,
        session.location,
        None if session.facilitator is None else session.facilitator.model_dump_json(),
        session.max_participants,
        json.dumps([project.model_dump() for project in session.projects]),
        session.status,
    )


async def start_ids_at(connection: Connection, course_id: int | None = None, session_id: int | None = None) -> None:
    """The ids that the next course and session get, for rows that come with ids of their own."""
    if course_id is not None:
        await connection.execute("SELECT setval('course_ids', $1, false)", course_id)
    if session_id is not None:
        await connection.execute("SELECT setval('session_ids', $1, false)", session_id)
