"""SQL of what clients read: pages and documents leave PostgreSQL as JSON text, in one round trip each."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from services.catalog.schemas import CourseQuery, SessionQuery
from shared.database import Connection, like, where
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
