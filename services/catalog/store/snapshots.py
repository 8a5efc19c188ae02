"""SQL of the catalog's snapshots: the current states of its rows, and the last ones of those that were deleted."""

from collections.abc import Sequence
from typing import Any

from services.catalog.store import courses, sessions
from shared.events.states import CourseState, SessionState, State
from shared.events.types import CourseRemoved, CourseSaved, Event, SessionRemoved, SessionSaved
from shared.postgres.pool import Connection
from shared.projections.keys import Key
from shared.projections.snapshot import SnapshotSource

_PAGE = """
(SELECT organisation_id, id, {state} AS state, false AS removed FROM {table}
 WHERE (organisation_id, id) > ($1, $2) ORDER BY organisation_id, id LIMIT $3)
UNION ALL
(SELECT organisation_id, id, state::text, true FROM removed
 WHERE kind = '{table}' AND (organisation_id, id) > ($1, $2) ORDER BY organisation_id, id LIMIT $3)
ORDER BY organisation_id, id LIMIT $3
"""

_CURRENT = """
SELECT organisation_id, id, {state} AS state, false AS removed FROM {table}
WHERE (organisation_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
UNION ALL
SELECT organisation_id, id, state::text, true FROM removed
WHERE kind = '{table}' AND (organisation_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
"""

_REMEMBER = "INSERT INTO removed (kind, organisation_id, id, state) VALUES ($1, $2, $3, $4::jsonb)"


async def remember_removed(connection: Connection, kind: str, organisation_id: int, state: State) -> None:
    """Keeps the last state of a row that is deleted in this transaction."""
    await connection.execute(_REMEMBER, kind, organisation_id, state.id, state.model_dump_json())


def _source(
    table: str, state: str, model: type[State], saved: type[Event[State]], removed: type[Event[State]]
) -> SnapshotSource:
    page_sql, current_sql = (sql.format(table=table, state=state) for sql in (_PAGE, _CURRENT))

    def events(rows: Sequence[Any]) -> list[Event[State]]:
        return [
            (removed if row["removed"] else saved)(row["organisation_id"], model.model_validate_json(row["state"]))
            for row in rows
        ]

    async def page(connection: Connection, after: Key, limit: int) -> list[Event[State]]:
        return events(await connection.fetch(page_sql, *after, limit))

    async def current(connection: Connection, keys: Sequence[Key]) -> list[Event[State]]:
        return events(await connection.fetch(current_sql, [key[0] for key in keys], [key[1] for key in keys]))

    return SnapshotSource(page, current)


SNAPSHOTS = {
    "courses": _source("courses", courses.STATE, CourseState, CourseSaved, CourseRemoved),
    "sessions": _source("sessions", sessions.STATE, SessionState, SessionSaved, SessionRemoved),
}
