"""SQL of the completions that count, and of the notices when one expires.

A completion is that of an enrollment, or an accepted record of training done elsewhere. Both have ids of one sequence,
so that one id names either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from typing import Any, Final, Literal

from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

CertificationKey = tuple[int, int, int]
"""Organisation, course and person."""

Source = Literal["internal", "external", "import"]
Table = Literal["enrollments", "external_records"]
_TABLES: Final[dict[Table, str]] = {"enrollments": "'internal'", "external_records": "e.source"}
"""Where the completions are, of the organisation's own sessions and of others, and the SQL of their source."""

CERTIFYING = "certifies"


def counting_of(condition: str) -> str:
    """The completions that count, among those that meet the condition, of all people and courses."""
    completions = " UNION ALL ".join(
        f"SELECT organisation_id, course_id, employee_id, id, completed_at, valid_until FROM public.{table}"  # noqa: S608
        f" WHERE {condition}"
        for table in _TABLES
    )
    return f"""
        SELECT DISTINCT ON (organisation_id, course_id, employee_id)
            organisation_id, course_id, employee_id, id, completed_at, valid_until
        FROM ({completions}) e
        WHERE EXISTS (
            SELECT FROM public.people p
            WHERE p.organisation_id = e.organisation_id AND p.id = e.employee_id AND NOT p.removed)
        ORDER BY organisation_id, course_id, employee_id, valid_until DESC NULLS FIRST, id
    """  # noqa: S608 - of constants alone


# Key by key: a join of all of them goes through whole tables while PostgreSQL has not analyzed what an import filled.
_OF_KEY = " UNION ALL ".join(
    f"""
        SELECT e.id, e.completed_at, e.valid_until FROM {table} e
        WHERE e.certifies AND e.organisation_id = key.organisation_id AND e.course_id = key.course_id
            AND e.employee_id = key.employee_id"""  # noqa: S608 - of constants alone
    for table in _TABLES
)
_COUNTING = f"""
SELECT key.organisation_id, key.course_id, key.employee_id, held.id, held.completed_at, held.valid_until
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS key (organisation_id, course_id, employee_id)
CROSS JOIN LATERAL (
    SELECT id, completed_at, valid_until FROM ({_OF_KEY}) completions
    WHERE EXISTS (
        SELECT FROM people p
        WHERE p.organisation_id = key.organisation_id AND p.id = key.employee_id AND NOT p.removed)
    ORDER BY valid_until DESC NULLS FIRST, id LIMIT 1
) held
"""  # noqa: S608 - of constants alone

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

# Another completion, or other dates of it, are checked again.
_COUNTING_COLUMNS = ArrayColumns(
    organisation_id="bigint",
    course_id="bigint",
    employee_id="bigint",
    enrollment_id="bigint",
    completed_at="timestamptz",
    valid_until="timestamptz",
)
_SAVE = f"""
INSERT INTO certifications ({_COUNTING_COLUMNS.names}, look_at)
SELECT {_COUNTING_COLUMNS.values}, CASE WHEN valid_until IS NOT NULL THEN now() END
FROM {_COUNTING_COLUMNS.unnest("new")}
ON CONFLICT (organisation_id, course_id, employee_id) DO UPDATE SET enrollment_id = excluded.enrollment_id,
    completed_at = excluded.completed_at, valid_until = excluded.valid_until, look_at = excluded.look_at
WHERE certifications.enrollment_id <> excluded.enrollment_id
    OR (certifications.completed_at, certifications.valid_until)
        IS DISTINCT FROM (excluded.completed_at, excluded.valid_until)
"""  # noqa: S608 - of constants alone

# Workers that check at the same time take different rows.
_DUE = """
SELECT {source} AS source, c.organisation_id, c.course_id, c.employee_id, c.enrollment_id, c.completed_at,
    c.valid_until, e.notices_sent, e.end_told_at, now() AS now
FROM certifications c JOIN {table} e ON e.organisation_id = c.organisation_id AND e.id = c.enrollment_id
WHERE c.look_at <= now()
ORDER BY c.look_at LIMIT $1
FOR UPDATE SKIP LOCKED
"""

_CHECKED = ArrayColumns(
    organisation_id="bigint", course_id="bigint", employee_id="bigint", notified="boolean", look_at="timestamptz"
)
_MARK_CHECKED = f"""
WITH seen AS (
    SELECT * FROM {_CHECKED.unnest("seen")}
), planned AS (
    UPDATE certifications c SET look_at = seen.look_at FROM seen
    WHERE c.organisation_id = seen.organisation_id AND c.course_id = seen.course_id
        AND c.employee_id = seen.employee_id
    RETURNING c.organisation_id, c.enrollment_id, seen.notified
), notified AS (
    UPDATE enrollments e SET notices_sent = e.notices_sent + 1, end_told_at = now() FROM planned
    WHERE e.organisation_id = planned.organisation_id AND e.id = planned.enrollment_id AND planned.notified
)
UPDATE external_records e SET notices_sent = e.notices_sent + 1, end_told_at = now() FROM planned
WHERE e.organisation_id = planned.organisation_id AND e.id = planned.enrollment_id AND planned.notified
"""  # noqa: S608 - of constants alone

# Once it certifies again, notices of its expiry are sent anew.
_COUNT_NOTICES = """
UPDATE {table} SET notices_sent = notices_sent + 1, end_told_at = NULL
WHERE (organisation_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
RETURNING organisation_id, id, notices_sent
"""

_CERTIFYING_COURSES = """
SELECT course_id, employee_id FROM enrollments
WHERE organisation_id = $1 AND employee_id = ANY($2::bigint[]) AND certifies
UNION
SELECT course_id, employee_id FROM external_records
WHERE organisation_id = $1 AND employee_id = ANY($2::bigint[]) AND certifies
"""


@dataclass(frozen=True, slots=True)
class Counting:
    """The completion that counts for a person and a course; `enrollment_id` may be that of a record instead."""

    key: CertificationKey
    enrollment_id: int
    completed_at: datetime
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Ending:
    """A completion of whose expiry a notice may be due, its row locked; `now` is the database's clock.

    `enrollment_id` is that of a record unless the source is internal.
    """

    source: Source
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
    rows = await connection.fetch(_COUNTING, *_columns(sorted(set(keys))))
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
    """Stores the completions that count, to be checked soon if they expire."""
    await connection.execute(_SAVE, *_COUNTING_COLUMNS.arrays(map(_counting_columns, rows)))


def _counting_columns(row: Counting) -> dict[str, Any]:
    organisation_id, course_id, employee_id = row.key
    return {
        "organisation_id": organisation_id,
        "course_id": course_id,
        "employee_id": employee_id,
        "enrollment_id": row.enrollment_id,
        "completed_at": row.completed_at,
        "valid_until": row.valid_until,
    }


async def lock_endings(connection: Connection, limit: int) -> list[Ending]:
    """The completions that are due for a check, so many of each source."""
    return [
        Ending(row["source"], (row["organisation_id"], row["course_id"], row["employee_id"]), *list(row.values())[4:])
        for table, source in _TABLES.items()
        for row in await connection.fetch(_DUE.format(table=table, source=source), limit)
    ]


async def mark_checked(
    connection: Connection, checked: Sequence[tuple[CertificationKey, bool, datetime | None]]
) -> None:
    """Records whether a notice was sent, and when to check again."""
    await connection.execute(_MARK_CHECKED, *_CHECKED.arrays(starmap(_checked_columns, checked)))


def _checked_columns(key: CertificationKey, notified: bool, look_at: datetime | None) -> dict[str, Any]:
    organisation_id, course_id, employee_id = key
    return {
        "organisation_id": organisation_id,
        "course_id": course_id,
        "employee_id": employee_id,
        "notified": notified,
        "look_at": look_at,
    }


async def count_notices(
    connection: Connection, completions: Sequence[tuple[int, int]], table: Table = "enrollments"
) -> dict[tuple[int, int], int]:
    """Counts one more notice of each; the counts, by organisation and id."""
    statement = _COUNT_NOTICES.format(table=table)
    rows = await connection.fetch(statement, [key[0] for key in completions], [key[1] for key in completions])
    return {(row["organisation_id"], row["id"]): row["notices_sent"] for row in rows}


async def certifying_courses(
    connection: Connection, organisation_id: int, person_ids: Sequence[int]
) -> list[tuple[int, int]]:
    """The courses that people have completed so that it certifies, however long ago, each with the person."""
    rows = await connection.fetch(_CERTIFYING_COURSES, organisation_id, person_ids)
    return [(row["course_id"], row["employee_id"]) for row in rows]


def _columns(keys: Sequence[CertificationKey]) -> tuple[list[int], list[int], list[int]]:
    return [key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]
