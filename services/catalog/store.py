"""Every SQL statement of the catalog. Pages and documents leave PostgreSQL as JSON text, in one round trip."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from services.catalog.schemas import CourseFields, CourseQuery, SessionFields, SessionQuery
from shared.database import Connection, like, where
from shared.events import CourseState, EnrollmentEvent, SessionState
from shared.http.conditional import Document

_COURSE_BEGINNING = """
    'id', c.id, 'title', c.title, 'category', c.category, 'delivery_mode', c.delivery_mode,
    'duration_hours', trim_scale(c.duration_hours), 'cost_per_participant', c.cost_per_participant,
    'provider', c.provider, 'provider_name', c.provider_name
"""
_COURSE_ITEM = f"""{_COURSE_BEGINNING},
    'pass_score', trim_scale(c.pass_score), 'total_sessions', c.total_sessions,
    'total_enrollments', c.total_enrollments, 'created_at', training_timestamp(c.created_at)
"""

_COURSE_PAGE = """
SELECT (SELECT count(*) FROM courses c WHERE {where}) AS total,
       coalesce((SELECT json_agg(json_build_object({item}) ORDER BY c.id) FROM (
           SELECT * FROM courses c WHERE {where} ORDER BY c.id LIMIT {limit} OFFSET {offset}
       ) c), '[]')::text AS items
"""

# Sessions of today count whatever their hour; a course shows its next hundred.
_COURSE_DETAIL = f"""
SELECT c.version, json_build_object({_COURSE_BEGINNING},
    'description', c.description,
    'prerequisites', coalesce((
        SELECT json_agg(json_build_object('id', p.id, 'title', p.title) ORDER BY p.id) FROM courses p
        WHERE p.organisation_id = c.organisation_id AND p.id = ANY(c.prerequisites)), '[]'),
    'pass_score', trim_scale(c.pass_score), 'total_sessions', c.total_sessions,
    'total_enrollments', c.total_enrollments,
    'completion_rate', round(c.total_completed * 100.0 / nullif(c.total_enrollments, 0), 1),
    'average_score', round(c.score_sum / nullif(c.total_scored, 0), 1),
    'upcoming_sessions', coalesce((
        SELECT json_agg(json_build_object(
            'id', s.id, 'start_date', to_char(s.start_date AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
            'end_date', to_char(s.end_date AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'location', s.location,
            'available_spots', greatest(s.max_participants - s.enrolled_count, 0),
            'max_participants', s.max_participants) ORDER BY s.start_date, s.id)
        FROM (
            SELECT * FROM sessions
            WHERE organisation_id = c.organisation_id AND course_id = c.id AND status = 'scheduled'
                AND start_date >= date_trunc('day', now(), 'UTC')
            ORDER BY start_date, id LIMIT 100
        ) s), '[]'),
    'labels', c.labels, 'validity_months', c.validity_months, 'created_at', training_timestamp(c.created_at)
)::text AS document
FROM courses c WHERE c.organisation_id = $1 AND c.id = $2
"""  # noqa: S608 - made of constants

_SESSION_ITEM = """
    'id', s.id, 'course', json_build_object('id', c.id, 'title', c.title), 'session_name', s.session_name,
    'start_date', training_timestamp(s.start_date), 'end_date', training_timestamp(s.end_date),
    'location', s.location, 'facilitator', s.facilitator, 'max_participants', s.max_participants,
    'enrolled_count', s.enrolled_count, 'available_spots', greatest(s.max_participants - s.enrolled_count, 0),
    'status', s.status
"""

_SESSION_PAGE = """
SELECT (SELECT count(*) FROM sessions s WHERE {where}) AS total,
       coalesce((SELECT json_agg(json_build_object({item}) ORDER BY s.start_date, s.id) FROM (
           SELECT * FROM sessions s WHERE {where} ORDER BY s.start_date, s.id LIMIT {limit} OFFSET {offset}
       ) s JOIN courses c ON c.organisation_id = s.organisation_id AND c.id = s.course_id), '[]')::text AS items
"""

_SESSION_DETAIL = f"""
SELECT s.version, json_build_object({_SESSION_ITEM}, 'projects', s.projects)::text AS document
FROM sessions s JOIN courses c ON c.organisation_id = s.organisation_id AND c.id = s.course_id
WHERE s.organisation_id = $1 AND s.id = $2
"""  # noqa: S608 - made of constants

_COURSE_STATE = """
SELECT json_build_object('id', id, 'version', version, 'title', title, 'category', category,
    'delivery_mode', delivery_mode, 'pass_score', pass_score, 'validity_months', validity_months,
    'labels', labels, 'prerequisites', prerequisites)::text
FROM courses WHERE organisation_id = $1 AND id = ANY($2::bigint[]) ORDER BY id
"""

_SESSION_STATE = """
SELECT json_build_object('id', id, 'version', version, 'course_id', course_id, 'session_name', session_name,
    'start_date', start_date, 'end_date', end_date, 'location', location,
    'max_participants', max_participants, 'status', status, 'projects', projects)::text
FROM sessions WHERE organisation_id = $1 AND id = $2
"""

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

_IS_PREREQUISITE = """
SELECT EXISTS (SELECT FROM courses WHERE organisation_id = $1 AND prerequisites @> ARRAY[$2::bigint])
"""

_DELETE_SESSION = """
WITH deleted AS (
    DELETE FROM sessions WHERE organisation_id = $1 AND id = $2 RETURNING organisation_id, course_id
)
UPDATE courses c SET total_sessions = total_sessions - 1 FROM deleted d
WHERE c.organisation_id = d.organisation_id AND c.id = d.course_id
"""

# Two consumers may hold different versions of one enrollment at once. Each first makes sure the row is there,
# then locks it, and only then looks at what it said before: otherwise both would count it as new.
_PLACEHOLDERS = """
INSERT INTO enrollments (organisation_id, id, version, session_id, course_id)
SELECT *, 0, 0, 0 FROM unnest($1::bigint[], $2::bigint[]) AS new (organisation_id, id) ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""

_LOCK_ENROLLMENTS = """
SELECT FROM enrollments
WHERE (organisation_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
ORDER BY organisation_id, id
FOR UPDATE
"""

_APPLY_ENROLLMENTS = """
WITH changed AS (
    UPDATE enrollments e
    SET version = new.version, session_id = new.session_id, course_id = new.course_id, status = new.status,
        score = new.score, holds_seat = new.holds_seat
    FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[], $7::numeric[],
            $8::boolean[]) AS new (organisation_id, id, version, session_id, course_id, status, score, holds_seat),
        enrollments old
    WHERE e.organisation_id = new.organisation_id AND e.id = new.id AND new.version > e.version
        AND old.organisation_id = e.organisation_id AND old.id = e.id
    RETURNING e.organisation_id, old.session_id AS old_session_id, old.course_id AS old_course_id,
        old.status AS old_status, old.score AS old_score, old.holds_seat AS old_holds_seat,
        e.session_id, e.course_id, e.status, e.score, e.holds_seat
), difference AS (
    SELECT organisation_id, session_id, course_id, status, score, holds_seat, 1 AS sign FROM changed
    UNION ALL
    SELECT organisation_id, old_session_id, old_course_id, old_status, old_score, old_holds_seat, -1 FROM changed
), by_session AS (
    SELECT organisation_id, session_id, sum(sign) AS enrolled
    FROM difference WHERE holds_seat GROUP BY organisation_id, session_id HAVING sum(sign) <> 0
), counted AS (
    SELECT * FROM difference WHERE status NOT IN ('cancelled', 'waitlisted')
), by_course AS (
    SELECT organisation_id, course_id, sum(sign) AS enrollments,
        coalesce(sum(sign) FILTER (WHERE status = 'completed'), 0) AS completed,
        coalesce(sum(sign) FILTER (WHERE score IS NOT NULL), 0) AS scored, coalesce(sum(sign * score), 0) AS scores
    FROM counted GROUP BY organisation_id, course_id
), sessions_counted AS (
    UPDATE sessions s SET enrolled_count = enrolled_count + d.enrolled FROM by_session d
    WHERE s.organisation_id = d.organisation_id AND s.id = d.session_id
)
UPDATE courses c SET total_enrollments = total_enrollments + d.enrollments,
    total_completed = total_completed + d.completed, total_scored = total_scored + d.scored,
    score_sum = score_sum + d.scores
FROM by_course d WHERE c.organisation_id = d.organisation_id AND c.id = d.course_id
"""


async def course_page(connection: Connection, organisation_id: int, query: CourseQuery) -> tuple[int, str]:
    """How many courses match, and the page of them as JSON text."""
    conditions, arguments = where(
        {
            "c.organisation_id = {}": organisation_id,
            "c.title ILIKE {}": like(query.search) if query.search else None,
            "c.category = {}": query.category,
            "c.delivery_mode = {}": query.delivery_mode,
        }
    )
    return await _page(connection, _COURSE_PAGE, _COURSE_ITEM, conditions, arguments, query)


async def session_page(connection: Connection, organisation_id: int, query: SessionQuery) -> tuple[int, str]:
    """How many sessions match, and the page of them as JSON text."""
    conditions, arguments = where(
        {
            "s.organisation_id = {}": organisation_id,
            "s.course_id = {}": query.course_id,
            "s.status = {}": query.status,
            "s.start_date >= {}": _midnight(query.date_from),
            "s.start_date < {}": _midnight(query.date_to),
        }
    )
    return await _page(connection, _SESSION_PAGE, _SESSION_ITEM, conditions, arguments, query)


async def _page(
    connection: Connection,
    sql: str,
    item: str,
    conditions: str,
    arguments: Sequence[Any],
    query: CourseQuery | SessionQuery,
) -> tuple[int, str]:
    count = len(arguments)
    statement = sql.format(where=conditions, item=item, limit=f"${count + 1}", offset=f"${count + 2}")
    row = await connection.fetchrow(statement, *arguments, query.per_page, query.offset)
    assert row is not None  # noqa: S101 - a SELECT without FROM has a row
    return row["total"], row["items"]


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


async def course_detail(connection: Connection, organisation_id: int, course_id: int) -> Document | None:
    row = await connection.fetchrow(_COURSE_DETAIL, organisation_id, course_id)
    return None if row is None else Document(row["version"], row["document"])


async def session_detail(connection: Connection, organisation_id: int, session_id: int) -> Document | None:
    row = await connection.fetchrow(_SESSION_DETAIL, organisation_id, session_id)
    return None if row is None else Document(row["version"], row["document"])


async def course_states(connection: Connection, organisation_id: int, ids: Sequence[int]) -> list[CourseState]:
    """What events say of the courses, those of `ids` that exist."""
    rows = await connection.fetch(_COURSE_STATE, organisation_id, ids)
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
    if row is None:
        return None
    return CourseFields.model_validate(_fields(row, CourseFields, "labels")), row["version"]


async def lock_session(
    connection: Connection, organisation_id: int, session_id: int
) -> tuple[SessionFields, int] | None:
    """The session as clients write it and its version, kept from other changes until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM sessions WHERE organisation_id = $1 AND id = $2 FOR UPDATE", organisation_id, session_id
    )
    if row is None:
        return None
    return SessionFields.model_validate(_fields(row, SessionFields, "projects", "facilitator")), row["version"]


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


async def delete_course(connection: Connection, organisation_id: int, course_id: int) -> None:
    await connection.execute("DELETE FROM courses WHERE organisation_id = $1 AND id = $2", organisation_id, course_id)


async def delete_session(connection: Connection, organisation_id: int, session_id: int) -> None:
    """Its course has one session less."""
    await connection.execute(_DELETE_SESSION, organisation_id, session_id)


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


async def apply_enrollments(connection: Connection, events: Sequence[EnrollmentEvent]) -> None:
    """Moves the counts of sessions and courses by what the events change; older versions change nothing."""
    organisations = [event.organisation_id for event in events]
    ids = [event.data.id for event in events]
    await connection.execute(_PLACEHOLDERS, organisations, ids)
    await connection.execute(_LOCK_ENROLLMENTS, organisations, ids)
    scores: list[Decimal | None] = [event.data.score for event in events]
    await connection.execute(
        _APPLY_ENROLLMENTS,
        organisations,
        ids,
        [event.data.version for event in events],
        [event.data.session_id for event in events],
        [event.data.course_id for event in events],
        [event.data.status for event in events],
        scores,
        [event.data.holds_seat for event in events],
    )


async def start_ids_at(connection: Connection, course_id: int | None = None, session_id: int | None = None) -> None:
    """The ids that the next course and session get, for rows that come with ids of their own."""
    if course_id is not None:
        await connection.execute("SELECT setval('course_ids', $1, false)", course_id)
    if session_id is not None:
        await connection.execute("SELECT setval('session_ids', $1, false)", session_id)
