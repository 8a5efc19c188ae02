"""SQL of courses as the catalog keeps them, and as its events have them."""

from collections.abc import Sequence
from datetime import datetime

from services.catalog.schemas import CourseFields
from services.catalog.store.columns import FieldColumns, state_json
from shared.events.states import CourseState
from shared.postgres.pool import Connection

STATE = state_json(CourseState)
"""What events say of a course, as JSON text out of its row."""

_FIELDS = FieldColumns(CourseFields, "labels")

_STATES = f"""
SELECT {STATE} FROM courses WHERE organisation_id = $1 AND id = ANY($2::bigint[]) ORDER BY id
"""  # noqa: S608 - of constants alone

_INSERT = f"""
INSERT INTO courses (organisation_id, created_at, {_FIELDS.names})
VALUES ($1, coalesce($2, now()), {_FIELDS.parameters(3)})
RETURNING id
"""  # noqa: S608 - of constants alone

_UPDATE = f"""
UPDATE courses SET version = version + 1, {_FIELDS.assignments(3)} WHERE organisation_id = $1 AND id = $2
"""  # noqa: S608 - of constants alone

_EXISTING = """
SELECT id FROM courses WHERE organisation_id = $1 AND id = ANY($2::bigint[]) ORDER BY id FOR KEY SHARE
"""

_READ_FIELDS = "SELECT * FROM courses WHERE organisation_id = $1 AND id = ANY($2::bigint[]) ORDER BY id"
_LOCK_FIELDS = f"{_READ_FIELDS} FOR NO KEY UPDATE"

# The index of prerequisites can be used in a view alone (decision 10).
_IS_PREREQUISITE = """
SELECT EXISTS (SELECT FROM courses_in_scope WHERE organisation_id = $1 AND prerequisites @> ARRAY[$2::bigint])
"""


# Each pair once, however many ways lead to it, so that rings on record end the walk too.
_REQUIRED_BY = """
WITH RECURSIVE required (id, by) AS (
    SELECT DISTINCT first, $2::bigint FROM unnest($3::bigint[]) AS first
    UNION
    SELECT next.id, c.id FROM required r
    JOIN courses c ON c.organisation_id = $1 AND c.id = r.id AND c.id <> $2
    CROSS JOIN unnest(c.prerequisites) AS next (id)
)
SELECT id, by FROM required LIMIT $4
"""

_LOCK_PREREQUISITES = "SELECT pg_advisory_xact_lock(hashtextextended('prerequisites ' || $1::bigint, 0))"


async def states(connection: Connection, organisation_id: int, ids: Sequence[int]) -> list[CourseState]:
    """What events say of the courses, those of `ids` that exist."""
    rows = await connection.fetch(_STATES, organisation_id, ids)
    return [CourseState.model_validate_json(row[0]) for row in rows]


async def existing(connection: Connection, organisation_id: int, ids: Sequence[int]) -> set[int]:
    """Those of the courses that exist, kept from being deleted until the transaction ends."""
    rows = await connection.fetch(_EXISTING, organisation_id, ids)
    return {row["id"] for row in rows}


async def fields(
    connection: Connection, organisation_id: int, ids: Sequence[int], *, locked: bool = False
) -> dict[int, CourseFields]:
    """Those of the courses that exist, as clients write them; `locked` keeps them from other changes."""
    rows = await connection.fetch(_LOCK_FIELDS if locked else _READ_FIELDS, organisation_id, ids)
    return {row["id"]: _FIELDS.fields(row) for row in rows}


async def lock(connection: Connection, organisation_id: int, course_id: int) -> tuple[CourseFields, int] | None:
    """The course as clients write it and its version, kept from other changes until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM courses WHERE organisation_id = $1 AND id = $2 FOR NO KEY UPDATE", organisation_id, course_id
    )
    return None if row is None else (_FIELDS.fields(row), row["version"])


async def is_prerequisite(connection: Connection, organisation_id: int, course_id: int) -> bool:
    """Whether any course of the organisation asks for this one."""
    asked: bool = await connection.fetchval(_IS_PREREQUISITE, organisation_id, course_id)
    return asked


async def lock_prerequisites(connection: Connection, organisation_id: int) -> None:
    """Lets nobody else change which courses the organisation's courses require, until the transaction ends."""
    await connection.execute(_LOCK_PREREQUISITES, organisation_id)


async def required_by(
    connection: Connection, organisation_id: int, course_id: int, prerequisites: Sequence[int], limit: int
) -> list[tuple[int, int]]:
    """What the course would require with these prerequisites, directly or not: pairs of a course and one that
    requires it, `limit` of them at most."""
    rows = await connection.fetch(_REQUIRED_BY, organisation_id, course_id, prerequisites, limit)
    return [(row["id"], row["by"]) for row in rows]


async def lock_to_delete(connection: Connection, organisation_id: int, course_id: int) -> int | None:
    """The course's version, once nobody is about to refer to it; nobody can begin to until the transaction ends."""
    version: int | None = await connection.fetchval(
        "SELECT version FROM courses WHERE organisation_id = $1 AND id = $2 FOR UPDATE", organisation_id, course_id
    )
    return version


async def delete(connection: Connection, organisation_id: int, course_id: int) -> CourseFields:
    """The course as it was, which exists."""
    [row] = await connection.fetch(
        "DELETE FROM courses WHERE organisation_id = $1 AND id = $2 RETURNING *", organisation_id, course_id
    )
    return _FIELDS.fields(row)


async def insert(
    connection: Connection, organisation_id: int, course: CourseFields, created_at: datetime | None
) -> int:
    """The new course's id; `created_at` is the database's now where it is not given."""
    course_id: int = await connection.fetchval(_INSERT, organisation_id, created_at, *_FIELDS.values(course))
    return course_id


async def update(connection: Connection, organisation_id: int, course_id: int, course: CourseFields) -> None:
    await connection.execute(_UPDATE, organisation_id, course_id, *_FIELDS.values(course))


async def start_ids_at(connection: Connection, course_id: int) -> None:
    """The id that the next course gets, for rows that come with ids of their own."""
    await connection.execute("SELECT setval('course_ids', $1, false)", course_id)
