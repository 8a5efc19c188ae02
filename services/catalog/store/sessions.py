"""SQL of sessions as the catalog keeps them, and as its events have them."""

from collections.abc import Sequence

from services.catalog.schemas import SessionFields
from services.catalog.store.columns import FieldColumns, state_json
from shared.events.states import SessionState
from shared.postgres.pool import Connection

STATE = state_json(SessionState)
"""What events say of a session, as JSON text out of its row."""

_FIELDS = FieldColumns(SessionFields, "facilitator", "projects", "meetings")

_STATES = f"""
SELECT {STATE} FROM sessions WHERE organisation_id = $1 AND id = ANY($2::bigint[]) ORDER BY id
"""  # noqa: S608 - of constants alone

_READ_FIELDS = "SELECT * FROM sessions WHERE organisation_id = $1 AND id = ANY($2::bigint[]) ORDER BY id"
_LOCK_FIELDS = f"{_READ_FIELDS} FOR UPDATE"

_INSERT = f"""
WITH added AS (
    INSERT INTO sessions (organisation_id, {_FIELDS.names}) VALUES ($1, {_FIELDS.parameters(2)})
    RETURNING organisation_id, id, course_id
), counted AS (
    UPDATE courses c SET total_sessions = total_sessions + 1 FROM added a
    WHERE c.organisation_id = a.organisation_id AND c.id = a.course_id
)
SELECT id FROM added
"""  # noqa: S608 - of constants alone

_UPDATE = f"""
UPDATE sessions SET version = version + 1, {_FIELDS.assignments(3)} WHERE organisation_id = $1 AND id = $2
"""  # noqa: S608 - of constants alone

_DELETE = """
WITH deleted AS (
    DELETE FROM sessions WHERE organisation_id = $1 AND id = $2 RETURNING *
), counted AS (
    UPDATE courses c SET total_sessions = total_sessions - 1 FROM deleted d
    WHERE c.organisation_id = d.organisation_id AND c.id = d.course_id
)
SELECT * FROM deleted
"""


async def states(connection: Connection, organisation_id: int, ids: Sequence[int]) -> list[SessionState]:
    """What events say of the sessions, those of `ids` that exist."""
    rows = await connection.fetch(_STATES, organisation_id, ids)
    return [SessionState.model_validate_json(row[0]) for row in rows]


async def state(connection: Connection, organisation_id: int, session_id: int) -> SessionState | None:
    """What events say of the session."""
    found = await states(connection, organisation_id, [session_id])
    return found[0] if found else None


async def fields(
    connection: Connection, organisation_id: int, ids: Sequence[int], *, locked: bool = False
) -> dict[int, SessionFields]:
    """Those of the sessions that exist, as clients write them; `locked` keeps them from other changes."""
    rows = await connection.fetch(_LOCK_FIELDS if locked else _READ_FIELDS, organisation_id, ids)
    return {row["id"]: _FIELDS.fields(row) for row in rows}


async def lock(connection: Connection, organisation_id: int, session_id: int) -> tuple[SessionFields, int] | None:
    """The session as clients write it and its version, kept from other changes until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM sessions WHERE organisation_id = $1 AND id = $2 FOR UPDATE", organisation_id, session_id
    )
    return None if row is None else (_FIELDS.fields(row), row["version"])


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
    return _FIELDS.fields(row)


async def insert(connection: Connection, organisation_id: int, session: SessionFields) -> int:
    """The new session's id."""
    session_id: int = await connection.fetchval(_INSERT, organisation_id, *_FIELDS.values(session))
    return session_id


async def update(connection: Connection, organisation_id: int, session_id: int, session: SessionFields) -> None:
    await connection.execute(_UPDATE, organisation_id, session_id, *_FIELDS.values(session))


async def start_ids_at(connection: Connection, session_id: int) -> None:
    """The id that the next session gets, for rows that come with ids of their own."""
    await connection.execute("SELECT setval('session_ids', $1, false)", session_id)
