"""SQL of sessions as the catalog keeps them, and as its events have them."""

import json
from typing import Any

from services.catalog.schemas import SessionFields
from services.catalog.store.columns import fields_of
from shared.events.types import SessionState
from shared.postgres.pool import Connection
from shared.validation.fields import STORED

STATE = """json_build_object('id', id, 'version', version, 'course_id', course_id, 'session_name', session_name,
    'start_date', start_date, 'end_date', end_date, 'location', location,
    'max_participants', max_participants, 'status', status, 'projects', projects)::text"""

_READ_STATE = f"SELECT {STATE} FROM sessions WHERE organisation_id = $1 AND id = $2"  # noqa: S608 - of constants alone

_INSERT = """
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

_UPDATE = """
UPDATE sessions SET version = version + 1, course_id = $3, session_name = $4, start_date = $5, end_date = $6,
    location = $7, facilitator = $8::jsonb, max_participants = $9, projects = $10::jsonb, status = $11
WHERE organisation_id = $1 AND id = $2
"""

_DELETE = """
WITH deleted AS (
    DELETE FROM sessions WHERE organisation_id = $1 AND id = $2 RETURNING *
), counted AS (
    UPDATE courses c SET total_sessions = total_sessions - 1 FROM deleted d
    WHERE c.organisation_id = d.organisation_id AND c.id = d.course_id
)
SELECT * FROM deleted
"""


async def state(connection: Connection, organisation_id: int, session_id: int) -> SessionState | None:
    """What events say of the session."""
    text = await connection.fetchval(_READ_STATE, organisation_id, session_id)
    return None if text is None else SessionState.model_validate_json(text)


async def lock(connection: Connection, organisation_id: int, session_id: int) -> tuple[SessionFields, int] | None:
    """The session as clients write it and its version, kept from other changes until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM sessions WHERE organisation_id = $1 AND id = $2 FOR UPDATE", organisation_id, session_id
    )
    return None if row is None else (_session_fields(row), row["version"])


async def of_course(connection: Connection, organisation_id: int, course_id: int) -> dict[int, int]:
    """Id and version of every session of the course, kept from changes until the transaction ends."""
    rows = await connection.fetch(
        "SELECT id, version FROM sessions WHERE organisation_id = $1 AND course_id = $2 ORDER BY id FOR UPDATE",
        organisation_id,
        course_id,
    )
    return {row["id"]: row["version"] for row in rows}


async def delete(connection: Connection, organisation_id: int, session_id: int) -> SessionFields:
    """The session as it was, which exists; its course has one session less."""
    [row] = await connection.fetch(_DELETE, organisation_id, session_id)
    return _session_fields(row)


def _session_fields(row: Any) -> SessionFields:
    return SessionFields.model_validate(fields_of(row, SessionFields, "projects", "facilitator"), context=STORED)


async def insert(connection: Connection, organisation_id: int, session: SessionFields) -> int:
    """The new session's id."""
    session_id: int = await connection.fetchval(_INSERT, organisation_id, *_session_columns(session))
    return session_id


async def update(connection: Connection, organisation_id: int, session_id: int, session: SessionFields) -> None:
    await connection.execute(_UPDATE, organisation_id, session_id, *_session_columns(session))


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


async def start_ids_at(connection: Connection, session_id: int) -> None:
    """The id that the next session gets, for rows that come with ids of their own."""
    await connection.execute("SELECT setval('session_ids', $1, false)", session_id)
