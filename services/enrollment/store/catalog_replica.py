"""SQL of what enrollment copies from the catalog's events."""

import json
from collections.abc import Sequence
from typing import Any

from services.enrollment.store import agreed_status
from shared.events.states import CourseState, Meeting, NamedItem, SessionState
from shared.events.types import Event
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

_COURSES = ArrayColumns(
    organisation_id="bigint",
    id="bigint",
    version="integer",
    title="text",
    pass_score="numeric",  # noqa: S106 - a type
    validity_months="integer",
    prerequisites="bigint[]",
    label_ids="bigint[]",
    removed="boolean",
    renewal_window_days="integer",
    delivery_mode="text",
    labels="jsonb",
    details_version="integer",
)
_SAVE_COURSES = _COURSES.save_newest("courses")

_SESSIONS = ArrayColumns(
    organisation_id="bigint",
    id="bigint",
    version="integer",
    course_id="bigint",
    start_date="timestamptz",
    end_date="timestamptz",
    location="text",
    status="text",
    seats_max="integer",
    removed="boolean",
    project_ids="bigint[]",
    session_name="text",
    projects="jsonb",
    details_version="integer",
    enrollment_opens_at="timestamptz",
    enrollment_closes_at="timestamptz",
    meetings="jsonb",
    times_version="integer",
    facilitator_id="bigint",
    facilitator_name="text",
    facilitator_version="integer",
)
_SAVE_SESSIONS = _SESSIONS.save_newest(
    "sessions",
    {
        "seats_max": """CASE WHEN excluded.version < sessions.seats_agreed_for
            THEN least(excluded.seats_max, sessions.seats_max) ELSE excluded.seats_max END""",
        "saved_at": "now()",
        **agreed_status.WHEN_SAVED,
    },
)

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
    await connection.execute(_SAVE_COURSES, *_COURSES.arrays(map(_course, events)))


def _course(event: Event[CourseState]) -> dict[str, Any]:
    state = event.data
    return {
        "organisation_id": event.organisation_id,
        "id": state.id,
        "version": state.version,
        "title": state.title,
        "pass_score": state.pass_score,
        "validity_months": state.validity_months,
        "prerequisites": state.prerequisites,
        "label_ids": [label.id for label in state.labels],
        "removed": state.removed,
        "renewal_window_days": state.renewal_window_days,
        "delivery_mode": state.delivery_mode,
        "labels": named_items(state.labels),
        "details_version": state.version,
    }


async def save_sessions(connection: Connection, events: Sequence[Event[SessionState]]) -> None:
    """Keeps the newest version of each session.

    A smaller capacity, or a status that closes the session, was agreed with enrollment before the catalog committed it.
    Until the version it was agreed for arrives, older ones cannot bring the seats back. No seat that was given is ever
    taken back.
    """
    await connection.execute(_SAVE_SESSIONS, *_SESSIONS.arrays(map(_session, events)))


def _session(event: Event[SessionState]) -> dict[str, Any]:
    state = event.data
    return {
        "organisation_id": event.organisation_id,
        "id": state.id,
        "version": state.version,
        "course_id": state.course_id,
        "start_date": state.start_date,
        "end_date": state.end_date,
        "location": state.location,
        "status": state.status,
        "seats_max": state.max_participants,
        "removed": state.removed,
        "project_ids": [project.id for project in state.projects],
        "session_name": state.session_name,
        "projects": named_items(state.projects),
        "details_version": state.version,
        "enrollment_opens_at": state.enrollment_opens_at,
        "enrollment_closes_at": state.enrollment_closes_at,
        "meetings": meetings(state.meetings),
        "times_version": state.version,
        "facilitator_id": state.facilitator and state.facilitator.id,
        "facilitator_name": state.facilitator and state.facilitator.full_name,
        "facilitator_version": state.version,
    }


def meetings(of_session: Sequence[Meeting]) -> str:
    """JSON text."""
    return json.dumps([meeting.model_dump(mode="json") for meeting in of_session])


def named_items(items: Sequence[NamedItem]) -> str:
    """JSON text of labels or projects."""
    return json.dumps([item.model_dump() for item in items])


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
