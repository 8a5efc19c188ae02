"""SQL that completes what earlier releases have left: details of courses and sessions, and what records remember."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.enrollment.store.catalog_replica import meetings, named_items
from shared.events.states import CourseState, SessionState
from shared.events.types import Event
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns
from shared.projections.keys import Key

_WITHOUT_DETAILS = """
SELECT organisation_id, id FROM {table}
WHERE {details} <> version AND (organisation_id, id) > ($1, $2)
ORDER BY organisation_id, id LIMIT $3
"""

_COURSES = ArrayColumns(organisation_id="bigint", id="bigint", version="integer", delivery_mode="text", labels="jsonb")
_SESSIONS = ArrayColumns(
    organisation_id="bigint",
    id="bigint",
    version="integer",
    session_name="text",
    projects="jsonb",
    end_date="timestamptz",
    enrollment_opens_at="timestamptz",
    enrollment_closes_at="timestamptz",
    meetings="jsonb",
    facilitator_id="bigint",
    facilitator_name="text",
)
_VERSIONS_OF_DETAILS: Mapping[str, Sequence[str]] = {
    "courses": ("details_version",),
    "sessions": ("details_version", "times_version", "facilitator_version"),
}
"""The columns of a release have a version each; those of the newest, the last, are behind wherever any are."""


def _add_details(table: str, columns: ArrayColumns) -> str:
    """Of the same version alone: the event of a newer one is on its way, and brings all columns."""
    complete = ", ".join(f"{name} = fetched.version" for name in _VERSIONS_OF_DETAILS[table])
    return f"""
        UPDATE {table} c SET {columns.updates("fetched", "organisation_id", "id")}, {complete}
        FROM {columns.unnest("fetched")}
        WHERE c.organisation_id = fetched.organisation_id AND c.id = fetched.id AND c.version = fetched.version
    """  # noqa: S608 - of constants alone


_DETAILS: Mapping[str, tuple[str, ArrayColumns]] = {
    "courses": (_add_details("courses", _COURSES), _COURSES),
    "sessions": (_add_details("sessions", _SESSIONS), _SESSIONS),
}

# Another worker, or a request, may be changing some of them: they are left to it, and to the next search. There are no
# joins, since PostgreSQL knows nothing yet of a column that was just added, and would sort all rows for each batch.
_LOCK_FORGETFUL = """
SELECT e.organisation_id, e.id FROM enrollments e
WHERE e.remembered IS NULL AND e.status IN ('completed', 'failed', 'absent', 'cancelled')
    AND (SELECT c.details_version = c.version FROM courses c
        WHERE c.organisation_id = e.organisation_id AND c.id = e.course_id)
    AND (SELECT s.details_version = s.version FROM sessions s
        WHERE s.organisation_id = e.organisation_id AND s.id = e.session_id)
ORDER BY e.organisation_id, e.id LIMIT $1
FOR UPDATE OF e SKIP LOCKED
"""


async def without_details(connection: Connection, table: str, after: Key, limit: int) -> list[Key]:
    """Copies after that key whose details are missing, or older than the rest of them."""
    rows = await connection.fetch(
        _WITHOUT_DETAILS.format(table=table, details=_VERSIONS_OF_DETAILS[table][-1]), *after, limit
    )
    return [(row["organisation_id"], row["id"]) for row in rows]


async def add_details(connection: Connection, table: str, events: Sequence[Event[Any]]) -> None:
    """Completes copies that have the version of the catalog's state."""
    statement, columns = _DETAILS[table]
    await connection.execute(statement, *columns.arrays(map(_details, events)))


def _details(event: Event[CourseState] | Event[SessionState]) -> dict[str, Any]:
    state = event.data
    key = {"organisation_id": event.organisation_id, "id": state.id, "version": state.version}
    if isinstance(state, CourseState):
        return {**key, "delivery_mode": state.delivery_mode, "labels": named_items(state.labels)}
    return {
        **key,
        "session_name": state.session_name,
        "projects": named_items(state.projects),
        "end_date": state.end_date,
        "enrollment_opens_at": state.enrollment_opens_at,
        "enrollment_closes_at": state.enrollment_closes_at,
        "meetings": meetings(state.meetings),
        "facilitator_id": state.facilitator and state.facilitator.id,
        "facilitator_name": state.facilitator and state.facilitator.full_name,
    }


async def lock_forgetful(connection: Connection, limit: int) -> list[Key]:
    """Closed enrollments that remember nothing, and could; nobody else changes them until the transaction ends."""
    rows = await connection.fetch(_LOCK_FORGETFUL, limit)
    return [(row["organisation_id"], row["id"]) for row in rows]
