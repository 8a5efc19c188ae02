"""SQL of clearance: what is asked of people, what they hold, and the sessions that would give what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.enrollment.clearance import Held, Person
from services.enrollment.roster import Needs, longest
from services.enrollment.store.requirements import requirement_of
from shared.postgres.local_days import zone_of
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped

SESSIONS_SHOWN: Final = 3
_COURSES_OF_LABELS: Final = 200
"""Among which sessions are looked for, where a label has more."""

_QUESTION = scoped(
    f"""
SELECT now() AS now, asked.zone, r.id, r.version, r.name, r.project_ids, r.company_ids,
    r.person_types, r.employee_ids, r.course_ids, r.label_ids, r.grace_days, r.valid_from, r.valid_to, r.created_at
FROM (SELECT $1::bigint AS organisation_id, {zone_of("$1")} AS zone OFFSET 0) AS asked
LEFT JOIN requirements r ON r.organisation_id = asked.organisation_id AND NOT r.removed
    AND (r.project_ids IS NULL OR $2::bigint = ANY (r.project_ids))
ORDER BY r.id
""",  # noqa: S608 - of constants
    ("bigint", "bigint"),
)

_EMPLOYEE: Final = """json_build_object(
    'id', p.id, 'type', p.type, 'employee_id', p.employee_id, 'full_name', p.full_name,
    'company', CASE WHEN p.company_id IS NOT NULL THEN
        json_build_object('id', p.company_id, 'name', p.company_name) END)::text AS employee"""
PERSON: Final = f"p.id, p.type, p.company_id, p.created_at, {_EMPLOYEE}"
_LABELS = "CASE WHEN NOT k.removed THEN k.label_ids ELSE '{}' END AS label_ids"

# What counts now counts at any later moment too, as far as it is valid then: nobody completes anything in the future.
_ONE = scoped(
    f"""
SELECT {PERSON}, c.course_id, c.enrollment_id AS of, elsewhere.id IS NOT NULL AS is_record, c.completed_at,
    c.valid_until, {_LABELS}
FROM people p
LEFT JOIN certifications c ON c.organisation_id = p.organisation_id AND c.employee_id = p.id
LEFT JOIN courses k ON k.organisation_id = c.organisation_id AND k.id = c.course_id
LEFT JOIN external_records elsewhere ON elsewhere.organisation_id = c.organisation_id AND elsewhere.id = c.enrollment_id
WHERE p.organisation_id = $1 AND p.id = $2 AND p.type = $3 AND NOT p.removed
""",  # noqa: S608 - of constants
    ("bigint", "bigint", "text"),
)

# Of a day that is past, all that certifies: what counts now may have been completed since.
_COMPLETED = " UNION ALL ".join(
    f"""
        SELECT e.course_id, e.id AS of, {is_record} AS is_record, e.completed_at, e.valid_until FROM {table} e
        WHERE e.certifies AND e.organisation_id = $1 AND e.employee_id = $2 AND e.completed_at <= $4
            AND (e.valid_until IS NULL OR e.valid_until > $4)"""  # noqa: S608 - of constants
    for table, is_record in (("enrollments", "false"), ("external_records", "true"))
)
_ONE_THEN = scoped(
    f"""
SELECT {PERSON}, c.course_id, c.of, c.is_record, c.completed_at, c.valid_until, {_LABELS}
FROM people p
LEFT JOIN ({_COMPLETED}) c ON true
LEFT JOIN courses k ON k.organisation_id = $1 AND k.id = c.course_id
WHERE p.organisation_id = $1 AND p.id = $2 AND p.type = $3 AND NOT p.removed
""",  # noqa: S608 - of constants
    ("bigint", "bigint", "text", "timestamptz"),
)

HOLDS: Final = """
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(c.course_id), '{{}}') AS courses FROM certifications c
    WHERE c.organisation_id = {organisation} AND c.employee_id = p.id
        AND (c.valid_until IS NULL OR c.valid_until > {moment})
) held
"""
_SEVERAL = scoped(
    f"""
SELECT {PERSON}, held.courses FROM people p {HOLDS.format(organisation="$1", moment="$3")}
WHERE p.organisation_id = $1 AND p.id = ANY ($2) AND NOT p.removed
""",  # noqa: S608 - of constants
    ("bigint", "bigint[]", "timestamptz"),
)
_MERGED = scoped(
    "SELECT id, merged_into FROM people WHERE organisation_id = $1 AND id = ANY ($2) AND merged_into IS NOT NULL",
    ("bigint", "bigint[]"),
)
_CARRIED = scoped(
    "SELECT id, label_ids FROM courses WHERE organisation_id = $1 AND id = ANY ($2) AND NOT removed",
    ("bigint", "bigint[]"),
)

_SESSIONS = scoped(
    f"""
SELECT r.id AS requirement_id, s.* FROM requirements r CROSS JOIN LATERAL (
    SELECT json_build_object('id', s.id, 'course', json_build_object('id', k.id, 'title', k.title),
        'start_date', training_timestamp(s.start_date), 'available_spots', s.seats_max - s.seats_taken)::text AS session
    FROM (
        SELECT unnest(r.course_ids) AS id
        UNION (
            SELECT id FROM courses_in_scope
            WHERE organisation_id = $1 AND NOT removed AND label_ids && r.label_ids LIMIT {_COURSES_OF_LABELS}
        )
    ) needed
    JOIN courses k ON k.organisation_id = $1 AND k.id = needed.id AND NOT k.removed
    JOIN sessions s ON s.organisation_id = $1 AND s.course_id = k.id AND s.status = 'scheduled' AND NOT s.removed
        AND s.seats_taken < s.seats_max
        AND (s.enrollment_opens_at IS NULL OR s.enrollment_opens_at <= now())
        AND (s.enrollment_closes_at IS NULL OR s.enrollment_closes_at > now())
        AND (s.start_date > now() OR k.delivery_mode = 'self_paced' AND s.end_date > now())
        AND (s.end_date <= $3 OR k.delivery_mode = 'self_paced' OR $3 IS NULL)
    ORDER BY s.start_date, s.id LIMIT {SESSIONS_SHOWN}
) s
WHERE r.organisation_id = $1 AND r.id = ANY ($2)
""",  # noqa: S608 - of constants
    ("bigint", "bigint[]", "timestamptz"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """The database's clock, the organisation's zone, and what it asks of people in a project, or everywhere."""

    now: datetime
    zone: ZoneInfo
    needs: Sequence[Needs]

    @property
    def has_labels(self) -> bool:
        return any(each.label_ids for each in self.needs)


@dataclass(frozen=True, slots=True)
class Holder:
    """A person, as the answer shows them (JSON text), and the courses of which they hold a valid completion."""

    person: Person
    employee: str
    courses: Sequence[int]


@dataclass(frozen=True, slots=True)
class Member:
    """One person alone, with what they hold of each course, and the labels that the course carries."""

    person: Person
    employee: str
    held: Mapping[int, Held]
    labels: Mapping[int, Sequence[int]]


async def question(connection: Connection, organisation_id: int, project_id: int | None) -> Question:
    rows = await connection.fetch(_QUESTION, organisation_id, project_id)
    needs = [_needs(row) for row in rows if row["id"] is not None]
    return Question(rows[0]["now"], ZoneInfo(rows[0]["zone"]), needs)


def _needs(row: Any) -> Needs:
    return Needs(requirement_of({**row, "labelled": ()}), frozenset(row["label_ids"]))


async def member(connection: Connection, organisation_id: int, type_: str, person_id: int) -> Member | None:
    """With what counts of each course, however long it is valid."""
    return _member(await connection.fetch(_ONE, organisation_id, person_id, type_))


async def member_then(
    connection: Connection, organisation_id: int, type_: str, person_id: int, moment: datetime
) -> Member | None:
    """With what was completed by then and was valid, as it is recorded now."""
    return _member(await connection.fetch(_ONE_THEN, organisation_id, person_id, type_, moment))


def _member(rows: Sequence[Any]) -> Member | None:
    if not rows:
        return None
    held = [row for row in rows if row["course_id"] is not None]
    return Member(
        _person(rows[0]),
        rows[0]["employee"],
        longest(Held(*(row[name] for name in Held.__slots__)) for row in held),
        {row["course_id"]: row["label_ids"] or () for row in held},
    )


def _person(row: Any) -> Person:
    return Person(row["id"], row["type"], row["company_id"], row["created_at"])


async def holders(
    connection: Connection, organisation_id: int, ids: Sequence[int], moment: datetime
) -> dict[int, Holder]:
    """Those of the people who belong to the organisation, by id, with what is valid then of what counts now."""
    rows = await connection.fetch(_SEVERAL, organisation_id, ids, moment)
    return {row["id"]: holder(row) for row in rows}


def holder(row: Any) -> Holder:
    """Of a row with the columns of `PERSON` and `HOLDS`."""
    return Holder(_person(row), row["employee"], row["courses"])


async def merged(connection: Connection, organisation_id: int, ids: Sequence[int]) -> dict[int, int]:
    """Of those of the people who turned out to be somebody else, whom."""
    rows = await connection.fetch(_MERGED, organisation_id, ids)
    return {row["id"]: row["merged_into"] for row in rows}


async def labels_of(connection: Connection, organisation_id: int, courses: Sequence[int]) -> dict[int, Sequence[int]]:
    """What courses carry that are not removed."""
    rows = await connection.fetch(_CARRIED, organisation_id, courses)
    return {row["id"]: row["label_ids"] for row in rows}


async def sessions_to_come(
    connection: Connection, organisation_id: int, requirement_ids: Sequence[int], until: datetime | None
) -> dict[int, list[str]]:
    """By requirement, as JSON texts, the next sessions with a free seat of courses that meet it, which end by then."""
    sessions: dict[int, list[str]] = {}
    for row in await connection.fetch(_SESSIONS, organisation_id, requirement_ids, until):
        sessions.setdefault(row["requirement_id"], []).append(row["session"])
    return sessions
