"""SQL of what becomes of enrollments, with the audit trail that every change leaves."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.enrollment.rules import Grading, SessionKey
from shared.events.types import EnrollmentState
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection

_LOCK = """
SELECT e.*, c.pass_score, c.validity_months, coalesce(o.time_zone, 'UTC') AS time_zone, now() AS now
FROM enrollments e JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
LEFT JOIN organisation_settings o ON o.organisation_id = e.organisation_id
WHERE (e.organisation_id, e.id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
ORDER BY e.organisation_id, e.id
FOR UPDATE OF e
"""

_UPDATE = """
UPDATE enrollments e SET version = new.version, session_id = new.session_id, status = new.status,
    holds_seat = new.holds_seat, score = new.score, passed = new.passed, feedback = new.feedback,
    certificate_url = new.certificate_url, completed_at = new.completed_at, valid_until = new.valid_until,
    checked_in_at = new.checked_in_at, check_in_method = new.check_in_method
FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::bigint[], $5::text[], $6::boolean[], $7::numeric[],
        $8::boolean[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::text[])
    AS new (organisation_id, id, version, session_id, status, holds_seat, score, passed, feedback, certificate_url,
        completed_at, valid_until, checked_in_at, check_in_method)
WHERE e.organisation_id = new.organisation_id AND e.id = new.id
"""
_UPDATED = (
    "id", "version", "session_id", "status", "holds_seat", "score", "passed", "feedback", "certificate_url",
    "completed_at", "valid_until", "checked_in_at", "check_in_method",
)  # fmt: skip

_AUDIT = """
INSERT INTO audit (organisation_id, enrollment_id, version, action, actor_subject, actor_name, request_id, changes)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::jsonb[])
"""


@dataclass(frozen=True, slots=True)
class LockedEnrollment:
    """An enrollment that nobody else can change now, its course's grading, and the database's clock."""

    organisation_id: int
    state: EnrollmentState
    grading: Grading
    now: datetime

    @property
    def session_key(self) -> SessionKey:
        return self.organisation_id, self.state.session_id


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`action` is the routing key of the event that tells of the change."""

    organisation_id: int
    enrollment_id: int
    version: int
    action: str
    actor: Actor
    changes: dict[str, Any]


async def lock(connection: Connection, keys: Sequence[tuple[int, int]]) -> list[LockedEnrollment]:
    """Those of the enrollments that exist, by organisation and id, in that order."""
    rows = await connection.fetch(_LOCK, [key[0] for key in keys], [key[1] for key in keys])
    return [
        LockedEnrollment(
            row["organisation_id"],
            EnrollmentState.model_validate(dict(row)),
            Grading(row["pass_score"], row["validity_months"], row["time_zone"]),
            row["now"],
        )
        for row in rows
    ]


async def update(connection: Connection, changed: Sequence[tuple[int, EnrollmentState]]) -> None:
    """Writes the new states of enrollments that are locked, each with its organisation."""
    columns = [[getattr(state, name) for _, state in changed] for name in _UPDATED]
    await connection.execute(_UPDATE, [organisation_id for organisation_id, _ in changed], *columns)


async def add_audit_entries(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    await connection.execute(
        _AUDIT,
        [entry.organisation_id for entry in entries],
        [entry.enrollment_id for entry in entries],
        [entry.version for entry in entries],
        [entry.action for entry in entries],
        [entry.actor.subject for entry in entries],
        [entry.actor.name for entry in entries],
        [entry.actor.trace.request_id for entry in entries],
        [json.dumps(entry.changes) for entry in entries],
    )


async def start_ids_at(connection: Connection, enrollment_id: int) -> None:
    """The id that the next enrollment gets, for rows that come with ids of their own."""
    await connection.execute("SELECT setval('enrollment_ids', $1, false)", enrollment_id)
