"""SQL of what enrollment copies from the catalog's events."""

from collections.abc import Sequence

from shared.events.types import CourseState, Event, SessionState
from shared.postgres.pool import Connection

_SAVE_COURSES = """
INSERT INTO courses (organisation_id, id, version, title, pass_score, validity_months, prerequisites, label_ids,
    removed)
SELECT organisation_id, id, version, title, pass_score, validity_months,
    ARRAY (SELECT jsonb_array_elements_text(prerequisites)::bigint),
    ARRAY (SELECT jsonb_array_elements_text(label_ids)::bigint), removed
FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::numeric[], $6::integer[], $7::jsonb[],
        $8::jsonb[], $9::boolean[])
    AS new (organisation_id, id, version, title, pass_score, validity_months, prerequisites, label_ids, removed)
ON CONFLICT (organisation_id, id) DO UPDATE SET version = excluded.version, title = excluded.title,
    pass_score = excluded.pass_score, validity_months = excluded.validity_months,
    prerequisites = excluded.prerequisites, label_ids = excluded.label_ids,
    removed = excluded.removed
WHERE excluded.version > courses.version
"""

_SAVE_SESSIONS = """
INSERT INTO sessions (organisation_id, id, version, course_id, start_date, location, status, seats_max, removed,
    project_ids)
SELECT organisation_id, id, version, course_id, start_date, location, status, seats_max, removed,
    ARRAY (SELECT jsonb_array_elements_text(project_ids)::bigint)
FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[],
        $8::integer[], $9::boolean[], $10::jsonb[])
    AS new (organisation_id, id, version, course_id, start_date, location, status, seats_max, removed, project_ids)
ON CONFLICT (organisation_id, id) DO UPDATE SET version = excluded.version, course_id = excluded.course_id,
    start_date = excluded.start_date, location = excluded.location, status = excluded.status,
    removed = excluded.removed, project_ids = excluded.project_ids,
    seats_max = greatest(sessions.seats_taken, CASE WHEN excluded.version < sessions.seats_agreed_for
        THEN least(excluded.seats_max, sessions.seats_max) ELSE excluded.seats_max END)
WHERE excluded.version > sessions.version
"""

_REPLICA_VERSION = "SELECT version, removed FROM {} WHERE organisation_id = $1 AND id = $2"

# In the transaction that writes the right state: nobody else sees a row without a version.
_FORGET_VERSION = "UPDATE {} SET version = 0 WHERE organisation_id = $1 AND id = $2 AND version = $3"

_DELETE_UNKNOWN = """
DELETE FROM {} c WHERE organisation_id = $1 AND id = $2 AND version = $3 AND NOT removed AND NOT EXISTS (
    SELECT FROM {} WHERE organisation_id = c.organisation_id AND {} = c.id)
"""
_USED_BY = {"courses": ("sessions", "course_id"), "sessions": ("enrollments", "session_id")}


async def save_courses(connection: Connection, events: Sequence[Event[CourseState]]) -> None:
    """Keeps the newest version of each course."""
    states = [event.data for event in events]
    await connection.execute(
        _SAVE_COURSES,
        [event.organisation_id for event in events],
        [state.id for state in states],
        [state.version for state in states],
        [state.title for state in states],
        [state.pass_score for state in states],
        [state.validity_months for state in states],
        [str(list(state.prerequisites)) for state in states],
        [str([label.id for label in state.labels]) for state in states],
        [state.removed for state in states],
    )


async def save_sessions(connection: Connection, events: Sequence[Event[SessionState]]) -> None:
    """Keeps the newest version of each session.

    A smaller capacity was agreed with enrollment before the catalog committed it. Until the version it was agreed
    for arrives, older ones cannot bring the seats back. No seat that was given is ever taken back.
    """
    states = [event.data for event in events]
    await connection.execute(
        _SAVE_SESSIONS,
        [event.organisation_id for event in events],
        [state.id for state in states],
        [state.version for state in states],
        [state.course_id for state in states],
        [state.start_date for state in states],
        [state.location for state in states],
        [state.status for state in states],
        [state.max_participants for state in states],
        [state.removed for state in states],
        [str([project.id for project in state.projects]) for state in states],
    )


async def replica_version(connection: Connection, table: str, key: tuple[int, int]) -> tuple[int, bool] | None:
    """Version of a copy and whether it counts as removed."""
    row = await connection.fetchrow(_REPLICA_VERSION.format(table), *key)
    return None if row is None else (row["version"], row["removed"])


async def forget_version(connection: Connection, table: str, key: tuple[int, int], version: int) -> bool:
    """Lets any state replace the copy; whether it still had that version."""
    return await connection.execute(_FORGET_VERSION.format(table), *key, version) == "UPDATE 1"


async def delete_unknown(connection: Connection, table: str, key: tuple[int, int], version: int) -> bool:
    """Deletes a copy of what the catalog does not know, unless something here belongs to it; whether it did."""
    statement = _DELETE_UNKNOWN.format(table, *_USED_BY[table])
    return await connection.execute(statement, *key, version) == "DELETE 1"
