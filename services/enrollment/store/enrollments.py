"""SQL of what becomes of enrollments, with the audit trail that every change leaves."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.enrollment.rules import SessionKey
from shared.events.states import EnrollmentState, Judgement, Remembered
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

# A copy whose details are not those of its version was written by an earlier release (use_cases/preservation.py).
_LOCK = """
SELECT e.*, c.pass_score, c.validity_months, coalesce(o.time_zone, 'UTC') AS time_zone, c.renewal_window_days,
    CASE WHEN c.renewal_window_days IS NOT NULL THEN greatest((
        SELECT max(held.valid_until) FROM enrollments held
        WHERE held.organisation_id = e.organisation_id AND held.employee_id = e.employee_id
            AND held.course_id = e.course_id AND held.certifies AND held.id <> e.id
    ), (
        SELECT max(held.valid_until) FROM external_records held
        WHERE held.organisation_id = e.organisation_id AND held.employee_id = e.employee_id
            AND held.course_id = e.course_id AND held.certifies
    )) END AS held_until,
    s.start_date AS session_start, s.meetings AS session_meetings, now() AS now,
    CASE WHEN c.details_version = c.version AND s.details_version = s.version THEN jsonb_build_object(
        'training_name', c.title, 'delivery_mode', c.delivery_mode, 'labels', c.labels,
        'session_name', s.session_name, 'location', s.location, 'projects', s.projects, 'meetings', s.meetings,
        'company', CASE WHEN p.company_id IS NOT NULL
            THEN jsonb_build_object('id', p.company_id, 'name', p.company_name) END
    ) END AS current,
    CASE WHEN NOT p.removed THEN p.company_id END AS company_now, p.erased_at IS NOT NULL AS of_erased_person
FROM enrollments e JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
JOIN sessions s ON s.organisation_id = e.organisation_id AND s.id = e.session_id
JOIN people p ON p.organisation_id = e.organisation_id AND p.id = e.employee_id
LEFT JOIN organisation_settings o ON o.organisation_id = e.organisation_id
WHERE (e.organisation_id, e.id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
ORDER BY e.organisation_id, e.id
FOR UPDATE OF e
"""
_LOOKS = 2
"""One that went to another session or person while the first waited for it no longer joins what the first has read."""

_CHANGED = ArrayColumns(
    organisation_id="bigint",
    id="bigint",
    version="integer",
    session_id="bigint",
    employee_id="bigint",
    status="text",
    holds_seat="boolean",
    score="numeric",
    passed="boolean",
    feedback="text",
    certificate_url="text",
    completed_at="timestamptz",
    valid_until="timestamptz",
    checked_in_at="timestamptz",
    check_in_method="text",
    judged_pass_score="numeric",  # noqa: S106 - a column
    judged_validity_months="integer",
    judged_time_zone="text",
    judged_renewal_window_days="integer",
    judged_held_until="timestamptz",
    remembered="jsonb",
    attendance="jsonb",
)
_NEVER_CHANGED = {"course_id", "enrolled_at"}
_COLUMNS_OF_THEIR_OWN = {"judged_by", "remembered", "certifies", "attendance"}
"""What is stored in another form, and what a trigger sets."""
_UPDATE = f"""
UPDATE enrollments e SET {_CHANGED.updates("new", "organisation_id", "id")}
FROM {_CHANGED.unnest("new")}
WHERE e.organisation_id = new.organisation_id AND e.id = new.id
"""  # noqa: S608 - of constants alone

_AUDIT = ArrayColumns(
    organisation_id="bigint",
    enrollment_id="bigint",
    version="integer",
    action="text",
    actor_subject="text",
    actor_name="text",
    request_id="text",
    changes="jsonb",
)
_ADD_AUDIT = f"""
INSERT INTO audit ({_AUDIT.names}) SELECT {_AUDIT.values} FROM {_AUDIT.unnest("entry")}
"""  # noqa: S608 - of constants alone


@dataclass(frozen=True, slots=True)
class LockedEnrollment:
    """An enrollment that nobody else can change now, what its completion would be judged by, and the database's clock.

    `meeting_ids` are those of its session's meetings. `current` is what it would remember if it closed now, or `None`
    where the copies from the catalog lack that. `company_id` is the company that the person belongs to now.
    `of_erased_person`: nothing is written about the person any more.
    """

    organisation_id: int
    state: EnrollmentState
    judgement: Judgement
    session_start: datetime
    meeting_ids: tuple[int, ...]
    current: Remembered | None
    now: datetime
    company_id: int | None
    of_erased_person: bool = False

    @property
    def session_key(self) -> SessionKey:
        return self.organisation_id, self.state.session_id


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`action` is the routing key of the change's event."""

    organisation_id: int
    enrollment_id: int
    version: int
    action: str
    actor: Actor
    changes: dict[str, Any]


async def lock(connection: Connection, keys: Sequence[tuple[int, int]]) -> list[LockedEnrollment]:
    """Those of the enrollments that exist, by organisation and id, in that order."""
    for _ in range(_LOOKS):
        rows = await connection.fetch(_LOCK, [key[0] for key in keys], [key[1] for key in keys])
        if len(rows) == len(keys):
            break
    return [
        LockedEnrollment(
            row["organisation_id"],
            enrollment_state(row),
            Judgement.model_validate(dict(row)),
            row["session_start"],
            tuple(meeting["id"] for meeting in json.loads(row["session_meetings"])),
            row["current"] and Remembered.model_validate_json(row["current"]),
            row["now"],
            row["company_now"],
            row["of_erased_person"],
        )
        for row in rows
    ]


def enrollment_state(row: Any) -> EnrollmentState:
    """What events say of the enrollment whose row this is."""
    remembered = row["remembered"] and Remembered.model_validate_json(row["remembered"])
    judged_by = row["judged_time_zone"] and Judgement(
        pass_score=row["judged_pass_score"],
        validity_months=row["judged_validity_months"],
        time_zone=row["judged_time_zone"],
        renewal_window_days=row["judged_renewal_window_days"],
        held_until=row["judged_held_until"],
    )
    own = {"judged_by": judged_by, "remembered": remembered, "attendance": json.loads(row["attendance"])}
    return EnrollmentState.model_validate({**row, **own})


async def update(connection: Connection, changed: Sequence[tuple[int, EnrollmentState]]) -> None:
    """Writes the new states of enrollments that are locked, each with its organisation."""
    rows = [_changed_columns(organisation_id, state) for organisation_id, state in changed]
    await connection.execute(_UPDATE, *_CHANGED.arrays(rows))


def _changed_columns(organisation_id: int, state: EnrollmentState) -> dict[str, Any]:
    remembered = state.remembered and state.remembered.model_dump_json()
    judged_by = state.judged_by
    return {
        "organisation_id": organisation_id,
        **state.model_dump(exclude=_NEVER_CHANGED | _COLUMNS_OF_THEIR_OWN),
        "judged_pass_score": judged_by and judged_by.pass_score,
        "judged_validity_months": judged_by and judged_by.validity_months,
        "judged_time_zone": judged_by and judged_by.time_zone,
        "judged_renewal_window_days": judged_by and judged_by.renewal_window_days,
        "judged_held_until": judged_by and judged_by.held_until,
        "remembered": remembered,
        "attendance": json.dumps([each.model_dump(mode="json") for each in state.attendance]),
    }


async def add_audit_entries(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    await connection.execute(_ADD_AUDIT, *_AUDIT.arrays(map(_audit_columns, entries)))


def _audit_columns(entry: AuditEntry) -> dict[str, Any]:
    return {
        "organisation_id": entry.organisation_id,
        "enrollment_id": entry.enrollment_id,
        "version": entry.version,
        "action": entry.action,
        "actor_subject": entry.actor.subject,
        "actor_name": entry.actor.name,
        "request_id": entry.actor.trace.request_id,
        "changes": json.dumps(entry.changes),
    }


async def start_ids_at(connection: Connection, enrollment_id: int) -> None:
    """The id that the next enrollment gets, for rows that come with ids of their own."""
    await connection.execute("SELECT setval('enrollment_ids', $1, false)", enrollment_id)
