"""SQL of what courses and sessions said at a moment (decision 34)."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from services.catalog.store import courses, sessions
from shared.events.states import CourseState, SessionState, State
from shared.events.types import CourseSaved, Event, SessionSaved
from shared.postgres.known_then import WAS_THERE, as_known, undone
from shared.postgres.pool import Connection

S = TypeVar("S", CourseState, SessionState)

# What has no first entry in its trail is older than that, and was there.
_KNOWN = """
SELECT e.state, later.undone, before.members FROM (
    SELECT organisation_id, id, {state} AS state FROM {kind}s
    WHERE organisation_id = $1 AND id = ANY ($2::bigint[])
    UNION ALL
    SELECT organisation_id, id, state::text FROM removed
    WHERE kind = '{kind}s' AND organisation_id = $1 AND id = ANY ($2::bigint[])
) AS e {undone}
WHERE {there}
"""
_ENTRIES = "audit_trail WHERE organisation_id = e.organisation_id AND kind = '{kind}' AND id = e.id"


def _known(kind: str, state: str) -> str:
    return _KNOWN.format(kind=kind, state=state, undone=undone(_ENTRIES.format(kind=kind), "$3"), there=WAS_THERE)


_COURSES = _known("course", courses.STATE)
_SESSIONS = _known("session", sessions.STATE)


async def courses_known(
    connection: Connection, organisation_id: int, ids: Sequence[int], moment: datetime
) -> list[Event[State]]:
    """Those of the courses that were there at the moment, or had been, as they were then."""
    states = await _states(connection, _COURSES, CourseState, organisation_id, ids, moment)
    return [CourseSaved(organisation_id, state) for state in states]


async def sessions_known(
    connection: Connection, organisation_id: int, ids: Sequence[int], moment: datetime
) -> list[Event[State]]:
    """The same of sessions."""
    states = await _states(connection, _SESSIONS, SessionState, organisation_id, ids, moment)
    return [SessionSaved(organisation_id, state) for state in states]


async def _states(
    connection: Connection,
    statement: str,
    model: type[S],
    organisation_id: int,
    ids: Sequence[int],
    moment: datetime,
) -> list[S]:
    """What was deleted later was there then."""
    rows = await connection.fetch(statement, organisation_id, ids, moment)
    return [as_known(model.model_validate_json(row["state"]), row, {"removed": False}) for row in rows]
