"""SQL of the completions that count, and of who holds one, will lose it or lacks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.enrollment.schemas import ComplianceQuery
from shared.database import Connection, where

CertificationKey = tuple[int, int, int]
"""Organisation, course and person."""

_COUNTING = """
SELECT DISTINCT ON (organisation_id, course_id, employee_id)
    organisation_id, course_id, employee_id, id, completed_at, valid_until
FROM enrollments
WHERE (organisation_id, course_id, employee_id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]))
    AND status = 'completed'
ORDER BY organisation_id, course_id, employee_id, valid_until DESC NULLS FIRST, id
"""

_DELETE = """
DELETE FROM certifications
WHERE (organisation_id, course_id, employee_id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]))
"""

# Two transactions that complete two enrollments of one person in one course take turns.
_LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(' ', organisation_id, course_id, employee_id), 1))
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS key (organisation_id, course_id, employee_id)
ORDER BY organisation_id, course_id, employee_id
"""

# What was told of a completion stays told: only another completion, or another end of it, begins anew.
_SAVE = """
INSERT INTO certifications (organisation_id, course_id, employee_id, enrollment_id, completed_at, valid_until, look_at)
SELECT *, CASE WHEN valid_until IS NOT NULL THEN now() END
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[])
    AS new (organisation_id, course_id, employee_id, enrollment_id, completed_at, valid_until)
ON CONFLICT (organisation_id, course_id, employee_id) DO UPDATE SET enrollment_id = excluded.enrollment_id,
    completed_at = excluded.completed_at, valid_until = excluded.valid_until,
    look_at = excluded.look_at, told_at = NULL,
    notices_sent = CASE WHEN certifications.enrollment_id = excluded.enrollment_id
        THEN certifications.notices_sent ELSE 0 END
WHERE certifications.enrollment_id <> excluded.enrollment_id
    OR certifications.valid_until IS DISTINCT FROM excluded.valid_until
"""

# Workers that look at the same moment take different rows.
_DUE = """
SELECT organisation_id, course_id, employee_id, enrollment_id, completed_at, valid_until, notices_sent, told_at,
    now() AS now
FROM certifications WHERE look_at <= now()
ORDER BY look_at LIMIT $1
FOR UPDATE SKIP LOCKED
"""

_LOOKED_AT = """
UPDATE certifications c SET notices_sent = c.notices_sent + seen.told::integer, look_at = seen.look_at,
    told_at = CASE WHEN seen.told THEN now() ELSE c.told_at END
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::boolean[], $5::timestamptz[])
    AS seen (organisation_id, course_id, employee_id, told, look_at)
WHERE c.organisation_id = seen.organisation_id AND c.course_id = seen.course_id AND c.employee_id = seen.employee_id
"""

# Each person's best completion of the courses asked for: `valid_until` is infinite where it never ends.
_COMPLIANCE = """
WITH asked AS (
    SELECT id FROM courses WHERE organisation_id = $1 AND {courses}
), held AS (
    SELECT DISTINCT ON (employee_id) employee_id, course_id, enrollment_id, completed_at,
        coalesce(valid_until, 'infinity') AS valid_until
    FROM certifications WHERE organisation_id = $1 AND course_id IN (SELECT id FROM asked)
    ORDER BY employee_id, valid_until DESC NULLS FIRST
), matched AS (
    SELECT p.*, h.course_id, h.enrollment_id, h.completed_at, h.valid_until,
        CASE WHEN h.valid_until > now() + make_interval(days => $3) THEN 'valid'
            WHEN h.valid_until > now() THEN 'expiring' ELSE 'missing' END AS compliance
    FROM people p LEFT JOIN held h ON h.employee_id = p.id
    WHERE p.organisation_id = $1 AND NOT p.removed AND {people}
)
SELECT (SELECT count(*) FROM matched WHERE {status}) AS total,
    EXISTS (SELECT FROM asked) AS found,
    coalesce((SELECT json_agg(json_build_object(
        'employee', json_build_object('id', id, 'type', type, 'employee_id', employee_id, 'full_name', full_name,
            'company', CASE WHEN company_id IS NOT NULL THEN
                json_build_object('id', company_id, 'name', company_name) END),
        'status', compliance, 'course_id', course_id, 'enrollment_id', enrollment_id,
        'completed_at', training_timestamp(completed_at),
        'valid_until', training_timestamp(nullif(valid_until, 'infinity'))) ORDER BY id)
        FROM (SELECT * FROM matched WHERE {status} ORDER BY id LIMIT $4 OFFSET $5) page), '[]')::text AS items
"""

_OF_PROJECT = """EXISTS (
    SELECT FROM enrollments e JOIN sessions s ON s.organisation_id = e.organisation_id AND s.id = e.session_id
    WHERE e.organisation_id = p.organisation_id AND e.employee_id = p.id AND e.status <> 'cancelled'
        AND {} = ANY(s.project_ids))"""

_SAVE_TIME_ZONE = """
INSERT INTO organisation_settings (organisation_id, time_zone) VALUES ($1, $2)
ON CONFLICT (organisation_id) DO UPDATE SET time_zone = excluded.time_zone
"""


@dataclass(frozen=True, slots=True)
class Counting:
    """The completion that counts for a person and a course."""

    key: CertificationKey
    enrollment_id: int
    completed_at: datetime
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Ending:
    """A completion whose end may have to be told, its row locked; `now` is the database's clock."""

    key: CertificationKey
    enrollment_id: int
    completed_at: datetime
    valid_until: datetime
    notices_sent: int
    told_at: datetime | None
    now: datetime


async def lock(connection: Connection, keys: Sequence[CertificationKey]) -> None:
    """Lets nobody else decide which completions count until the transaction ends."""
    await connection.execute(_LOCK, *_columns(keys))


async def counting(connection: Connection, keys: Sequence[CertificationKey]) -> list[Counting]:
    """The completions that count; people and courses without one are left out."""
    rows = await connection.fetch(_COUNTING, *_columns(keys))
    return [
        Counting(
            (row["organisation_id"], row["course_id"], row["employee_id"]),
            row["id"],
            row["completed_at"],
            row["valid_until"],
        )
        for row in rows
    ]


async def delete(connection: Connection, keys: Sequence[CertificationKey]) -> None:
    await connection.execute(_DELETE, *_columns(keys))


async def save(connection: Connection, rows: Sequence[Counting]) -> None:
    """Keeps the completions that count, to be looked at soon if they end."""
    await connection.execute(
        _SAVE,
        *_columns([row.key for row in rows]),
        [row.enrollment_id for row in rows],
        [row.completed_at for row in rows],
        [row.valid_until for row in rows],
    )


async def lock_endings(connection: Connection, limit: int) -> list[Ending]:
    """The completions that are to be looked at now."""
    rows = await connection.fetch(_DUE, limit)
    return [
        Ending((row["organisation_id"], row["course_id"], row["employee_id"]), *list(row.values())[3:]) for row in rows
    ]


async def mark_looked_at(
    connection: Connection, seen: Sequence[tuple[CertificationKey, bool, datetime | None]]
) -> None:
    """Notes which ends were told, and when to look at them again."""
    keys = [key for key, _, _ in seen]
    await connection.execute(
        _LOOKED_AT, *_columns(keys), [told for _, told, _ in seen], [look_at for _, _, look_at in seen]
    )


async def compliance_page(
    connection: Connection, organisation_id: int, query: ComplianceQuery
) -> tuple[bool, int, str]:
    """Whether there is such a course, how many people match, and the page of them as JSON text."""
    courses = "id = $2" if query.course_id is not None else "$2 = ANY(label_ids)"
    people, arguments = where({"p.company_id = {}": query.company_id, _OF_PROJECT: query.project_id}, first=6)
    status = "true" if query.status is None else f"compliance = '{query.status}'"
    [row] = await connection.fetch(
        _COMPLIANCE.format(courses=courses, people=people, status=status),
        organisation_id,
        query.course_id if query.course_id is not None else query.label_id,
        query.within_days,
        query.per_page,
        query.offset,
        *arguments,
    )
    return row["found"], row["total"], row["items"]


async def time_zone(connection: Connection, organisation_id: int) -> str:
    """The name of the organisation's time zone, UTC where it has set none."""
    name: Any = await connection.fetchval(
        "SELECT time_zone FROM organisation_settings WHERE organisation_id = $1", organisation_id
    )
    return name or "UTC"


async def save_time_zone(connection: Connection, organisation_id: int, name: str) -> None:
    await connection.execute(_SAVE_TIME_ZONE, organisation_id, name)


def _columns(keys: Sequence[CertificationKey]) -> tuple[list[int], list[int], list[int]]:
    return [key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]
