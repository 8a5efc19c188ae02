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
FROM enrollments e
WHERE (organisation_id, course_id, employee_id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]))
    AND status = 'completed' AND EXISTS (
        SELECT FROM people p WHERE p.organisation_id = e.organisation_id AND p.id = e.employee_id AND NOT p.removed)
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

# Another completion, or another end of it, is to be looked at anew.
_SAVE = """
INSERT INTO certifications (organisation_id, course_id, employee_id, enrollment_id, completed_at, valid_until, look_at)
SELECT *, CASE WHEN valid_until IS NOT NULL THEN now() END
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[])
    AS new (organisation_id, course_id, employee_id, enrollment_id, completed_at, valid_until)
ON CONFLICT (organisation_id, course_id, employee_id) DO UPDATE SET enrollment_id = excluded.enrollment_id,
    completed_at = excluded.completed_at, valid_until = excluded.valid_until, look_at = excluded.look_at
WHERE certifications.enrollment_id <> excluded.enrollment_id
    OR certifications.valid_until IS DISTINCT FROM excluded.valid_until
"""

# Workers that look at the same moment take different rows.
_DUE = """
SELECT c.organisation_id, c.course_id, c.employee_id, c.enrollment_id, c.completed_at, c.valid_until, e.notices_sent,
    e.end_told_at, now() AS now
FROM certifications c JOIN enrollments e ON e.organisation_id = c.organisation_id AND e.id = c.enrollment_id
WHERE c.look_at <= now()
ORDER BY c.look_at LIMIT $1
FOR UPDATE SKIP LOCKED
"""

_LOOKED_AT = """
WITH seen AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::boolean[], $5::timestamptz[])
        AS seen (organisation_id, course_id, employee_id, told, look_at)
), planned AS (
    UPDATE certifications c SET look_at = seen.look_at FROM seen
    WHERE c.organisation_id = seen.organisation_id AND c.course_id = seen.course_id
        AND c.employee_id = seen.employee_id
    RETURNING c.organisation_id, c.enrollment_id, seen.told
)
UPDATE enrollments e SET notices_sent = e.notices_sent + 1, end_told_at = now() FROM planned
WHERE e.organisation_id = planned.organisation_id AND e.id = planned.enrollment_id AND planned.told
"""

_COMPLIANCE_PAGE = """
SELECT {total} AS total, coalesce((SELECT json_agg(json_build_object(
    'employee', json_build_object('id', p.id, 'type', p.type, 'employee_id', p.employee_id, 'full_name', p.full_name,
        'company', CASE WHEN p.company_id IS NOT NULL THEN
            json_build_object('id', p.company_id, 'name', p.company_name) END),
    'status', CASE WHEN held.valid_until > now() + {ahead} THEN 'valid'
        WHEN held.valid_until > now() THEN 'expiring' ELSE 'missing' END,
    'course_id', held.course_id, 'enrollment_id', held.enrollment_id,
    'completed_at', training_timestamp(held.completed_at),
    'valid_until', training_timestamp(nullif(held.valid_until, 'infinity'))) ORDER BY p.id)
FROM ({ids} ORDER BY id LIMIT $4 OFFSET $5) page
JOIN people p ON p.organisation_id = $1 AND p.id = page.id
LEFT JOIN LATERAL (
    SELECT course_id, enrollment_id, completed_at, coalesce(valid_until, 'infinity') AS valid_until
    FROM certifications c
    WHERE c.organisation_id = $1 AND c.course_id = ANY($2::bigint[]) AND c.employee_id = p.id
    ORDER BY c.valid_until DESC NULLS FIRST LIMIT 1
) held ON true), '[]')::text AS items
"""

# Either the people are walked in the order of their ids until the page is full, which is slow where few are sought, or
# those are sorted who hold a completion that is sought, which is slow where they are many.
_PEOPLE_IDS = "SELECT p.id FROM people p WHERE p.organisation_id = $1 AND NOT p.removed AND {people} AND {status}"
_HOLDERS_IDS = """
SELECT DISTINCT c.employee_id AS id FROM certifications c {join}
WHERE c.organisation_id = $1 AND c.course_id = ANY($2::bigint[]) AND {status} AND {people}
"""
_ARE_FEW = """
SELECT count(*) <= $4 FROM (
    SELECT FROM certifications c WHERE c.organisation_id = $1 AND c.course_id = ANY($2::bigint[]) AND {sought}
    LIMIT $4 + 1
) sought
"""
FEW = 10_000
"""Completions that are looked through in a few milliseconds."""

# Only people who belong to the organisation have certifications, so without a filter nobody is looked up. How many
# there are, also of one company, is a total that is kept; who has to do with a project is counted.
_PEOPLE = "(SELECT count(*) FROM people p WHERE p.organisation_id = $1 AND NOT p.removed AND {people})"
_ALL_PEOPLE = """(
    SELECT coalesce(sum(total), 0)::bigint FROM people_totals
    WHERE organisation_id = $1 AND company_id = {company}
)"""
_HOLDERS = """(
    SELECT count({counted}) FROM certifications c {join}
    WHERE c.organisation_id = $1 AND c.course_id = ANY($2::bigint[])
        AND (c.valid_until IS NULL OR c.valid_until > now() + {ahead}) AND {people}
)"""
_JOIN_PEOPLE = "JOIN people p ON p.organisation_id = c.organisation_id AND p.id = c.employee_id"
_AHEAD = "make_interval(days => $3)"
_NOW = "interval '0'"

_HOLDS = """EXISTS (
    SELECT FROM certifications held WHERE held.organisation_id = $1 AND held.course_id = ANY($2::bigint[])
        AND held.employee_id = {person} AND (held.valid_until IS NULL OR held.valid_until > now() + {ahead}))"""
_HOLDS_NOW = _HOLDS.format(person="p.id", ahead=_NOW)
_HOLDS_LONG = _HOLDS.format(person="p.id", ahead=_AHEAD)
_STATUS = {
    None: "true",
    "valid": _HOLDS_LONG,
    "expiring": f"{_HOLDS_NOW} AND NOT {_HOLDS_LONG}",
    "missing": f"NOT {_HOLDS_NOW}",
}
_SOUGHT = {
    "valid": (f"(c.valid_until IS NULL OR c.valid_until > now() + {_AHEAD})", "true"),
    "expiring": (
        f"c.valid_until > now() AND c.valid_until <= now() + {_AHEAD}",
        "NOT " + _HOLDS.format(person="c.employee_id", ahead=_AHEAD),
    ),
}
"""Completions whose holders are sought, and which of these are."""

_OF_PROJECT = """EXISTS (
    SELECT FROM enrollments e JOIN sessions s ON s.organisation_id = e.organisation_id AND s.id = e.session_id
    WHERE e.organisation_id = p.organisation_id AND e.employee_id = p.id AND e.status <> 'cancelled'
        AND {} = ANY(s.project_ids))"""

_COMPLETED_COURSES = """
SELECT DISTINCT course_id FROM enrollments WHERE organisation_id = $1 AND employee_id = $2 AND status = 'completed'
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


async def completed_courses(connection: Connection, organisation_id: int, person_id: int) -> list[int]:
    """The courses that a person has completed, however long ago."""
    rows = await connection.fetch(_COMPLETED_COURSES, organisation_id, person_id)
    return [row["course_id"] for row in rows]


async def courses_asked_for(connection: Connection, organisation_id: int, query: ComplianceQuery) -> list[int]:
    """The course asked for, if there is one, or all that carry the label."""
    subject, arguments = where({"id = {}": query.course_id, "label_ids @> ARRAY[{}::bigint]": query.label_id}, first=2)
    rows = await connection.fetch(
        f"SELECT id FROM courses WHERE organisation_id = $1 AND NOT removed AND {subject}",  # noqa: S608 - of constants
        organisation_id,
        *arguments,
    )
    return [row["id"] for row in rows]


async def compliance_page(
    connection: Connection, organisation_id: int, course_ids: Sequence[int], query: ComplianceQuery
) -> tuple[int, str]:
    """How many people match, and the page of them as JSON text."""
    people, arguments = where({"p.company_id = {}": query.company_id, _OF_PROJECT: query.project_id}, first=6)
    subject = organisation_id, course_ids, query.within_days
    ids = await _ids(connection, subject, query, people)
    statement = _COMPLIANCE_PAGE.format(total=_total(query, people, len(course_ids)), ids=ids, ahead=_AHEAD)
    [row] = await connection.fetch(statement, *subject, query.per_page, query.offset, *arguments)
    return row["total"], row["items"]


async def _ids(connection: Connection, subject: Sequence[Any], query: ComplianceQuery, people: str) -> str:
    """The SELECT of those whom the page is taken out of."""
    sought = _SOUGHT.get(query.status or "")
    if sought is None or not await connection.fetchval(_ARE_FEW.format(sought=sought[0]), *subject, FEW):
        return _PEOPLE_IDS.format(people=people, status=_STATUS[query.status])
    join = _JOIN_PEOPLE if _is_filtered(query) else ""
    return _HOLDERS_IDS.format(join=join, people=people, status=" AND ".join(sought))


def _is_filtered(query: ComplianceQuery) -> bool:
    return query.company_id is not None or query.project_id is not None


def _total(query: ComplianceQuery, people: str, courses: int) -> str:
    """Who holds a completion is counted on the index of their ends, and everybody else by what is left."""
    holders = _HOLDERS.replace("{counted}", "*" if courses == 1 else "DISTINCT c.employee_id")
    holders = holders.replace("{join}", _JOIN_PEOPLE if _is_filtered(query) else "").replace("{people}", people)
    now, ahead = holders.replace("{ahead}", _NOW), holders.replace("{ahead}", _AHEAD)
    company = "0" if query.company_id is None else "$6"
    everybody = _PEOPLE.replace("{people}", people) if query.project_id else _ALL_PEOPLE.replace("{company}", company)
    totals = {None: everybody, "valid": ahead, "expiring": f"{now} - {ahead}", "missing": f"{everybody} - {now}"}
    return totals[query.status]


def _columns(keys: Sequence[CertificationKey]) -> tuple[list[int], list[int], list[int]]:
    return [key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]
