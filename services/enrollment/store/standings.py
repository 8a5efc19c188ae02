"""SQL of what is kept of how people stand to what is asked of them, and of whom a worker has to look at.

Triggers mark the people whose requirements, completions or rows change, in the transaction that changes them
(migrations/0034_standings.sql, 0061_cheaper_marks.sql): no writer can forget it, and none waits for another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.enrollment.clearance import Held, Person, Requirement
from services.enrollment.standings import Facts, Kept, Standings, asked_at
from services.enrollment.store.requirements import ALL, requirement_of
from shared.postgres.local_days import zone_of
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

# From one organisation to the next, however many marks each has.
_WAITING = """
WITH RECURSIVE marked AS (
    (SELECT organisation_id FROM clearance_marks ORDER BY organisation_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT m.organisation_id FROM clearance_marks m WHERE m.organisation_id > marked.organisation_id
        ORDER BY m.organisation_id LIMIT 1
    ) FROM marked WHERE marked.organisation_id IS NOT NULL
)
SELECT organisation_id FROM marked WHERE organisation_id IS NOT NULL
UNION
SELECT organisation_id FROM clearance_walks
UNION
SELECT organisation_id FROM (
    SELECT organisation_id FROM clearances WHERE look_at <= statement_timestamp() ORDER BY look_at LIMIT 1000
) due
ORDER BY organisation_id
"""

MOST_COUNTED = 100_000

# Marks, those whom a walk has not come to yet, and those whose time is up.
_COUNT_WAITING = """
SELECT (SELECT count(*) FROM (SELECT FROM clearance_marks LIMIT $1) part)
    + (SELECT count(*) FROM (
        SELECT FROM clearance_walks walk JOIN people ON people.organisation_id = walk.organisation_id
            AND people.id > walk.after AND people.id <= walk.until LIMIT $1) part)
    + (SELECT count(*) FROM (
        SELECT FROM clearances WHERE look_at <= statement_timestamp() ORDER BY look_at LIMIT $1) part)
"""

# One worker at a time looks at an organisation's people, and reads what is true of them only after it has the turn.
_TAKE_TURN = "SELECT pg_try_advisory_xact_lock(hashtextextended(concat_ws(' ', 'standings', $1::bigint), 6))"

_TAKE_MARKS = """
DELETE FROM clearance_marks
WHERE organisation_id = $1 AND id IN (
    SELECT id FROM clearance_marks WHERE organisation_id = $1 ORDER BY id LIMIT $2)
RETURNING employee_id
"""

# A walk that is under way goes on to the end, and then from the beginning to where it was: changes one after another
# cannot keep it from ever getting to the last people.
_WALK = """
INSERT INTO clearance_walks AS w (organisation_id) VALUES ($1)
ON CONFLICT (organisation_id) DO UPDATE SET until = excluded.until, again = w.after
"""
_WALKED = "SELECT after, until, again FROM clearance_walks WHERE organisation_id = $1"
_NEXT_PEOPLE = """
SELECT id FROM people WHERE organisation_id = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4
"""
_WALK_ON = "UPDATE clearance_walks SET after = $2 WHERE organisation_id = $1"
_WALK_AGAIN = "UPDATE clearance_walks SET after = 0, until = again, again = 0 WHERE organisation_id = $1"
_END_WALK = "DELETE FROM clearance_walks WHERE organisation_id = $1"

_DUE = """
SELECT employee_id FROM clearances WHERE organisation_id = $1 AND look_at <= statement_timestamp()
ORDER BY look_at LIMIT $2
"""

_LACKED = """
SELECT r.*, '{}'::bigint[] AS labelled FROM requirements r
WHERE r.organisation_id = $1 AND r.removed AND r.id = ANY($2::bigint[])
"""
_PEOPLE = """
SELECT id, type, company_id, created_at FROM people
WHERE organisation_id = $1 AND id = ANY($2::bigint[]) AND NOT removed
"""
_HELD = """
SELECT employee_id, course_id, enrollment_id, completed_at, valid_until FROM certifications
WHERE organisation_id = $1 AND employee_id = ANY($2::bigint[])
"""
_KEPT = """
SELECT employee_id, version, lacking, in_grace, ending, look_at FROM clearances
WHERE organisation_id = $1 AND employee_id = ANY($2::bigint[])
"""
# Read last: nothing that was read happened after it.
_CLOCK = f"SELECT clock_timestamp() AS moment, {zone_of('$1')} AS zone"

_ROWS = ArrayColumns(
    organisation_id="bigint",
    employee_id="bigint",
    version="integer",
    lacking="bigint[]",
    in_grace="bigint[]",
    ending="bigint[]",
    ending_at="timestamptz[]",
    look_at="timestamptz",
    company_id="bigint",
)
_SAVE = f"""
INSERT INTO clearances AS c ({_ROWS.names}) SELECT {_ROWS.values} FROM {_ROWS.unnest("new")} ORDER BY employee_id
ON CONFLICT (organisation_id, employee_id) DO UPDATE SET {_ROWS.updates("excluded", "organisation_id", "employee_id")}
WHERE (c.version, c.lacking, c.in_grace, c.ending, c.ending_at, c.look_at, c.company_id) IS DISTINCT FROM (
    excluded.version, excluded.lacking, excluded.in_grace, excluded.ending, excluded.ending_at, excluded.look_at,
    excluded.company_id)
"""  # noqa: S608 - of constants alone

_LOOK_ANEW = """
INSERT INTO clearance_marks (organisation_id) SELECT DISTINCT organisation_id FROM requirements
"""


async def count_waiting(connection: Connection) -> int:
    """The people to look at, counted up to `MOST_COUNTED` for each reason."""
    count: int = await connection.fetchval(_COUNT_WAITING, MOST_COUNTED)
    return count


async def waiting(connection: Connection) -> list[int]:
    """The organisations that have people to look at."""
    return [row["organisation_id"] for row in await connection.fetch(_WAITING)]


async def take_turn(connection: Connection, organisation_id: int) -> bool:
    """Whether nobody else looks at the organisation's people until the transaction ends."""
    return bool(await connection.fetchval(_TAKE_TURN, organisation_id))


async def take_people(connection: Connection, organisation_id: int, limit: int) -> list[int] | None:
    """The next people to look at: up to `limit` who are marked, as many of whom time is up, and as many of a walk.

    None where there was nothing to take.
    """
    marked = [row["employee_id"] for row in await connection.fetch(_TAKE_MARKS, organisation_id, limit)]
    if None in marked:
        await connection.execute(_WALK, organisation_id)
    due = [row["employee_id"] for row in await connection.fetch(_DUE, organisation_id, limit)]
    walked = await _walk(connection, organisation_id, limit)
    if not marked and not due and walked is None:
        return None
    return sorted({each for each in marked if each is not None}.union(due, walked or ()))


async def _walk(connection: Connection, organisation_id: int, limit: int) -> list[int] | None:
    """The next people of a walk; None where nobody walks."""
    walk = await connection.fetchrow(_WALKED, organisation_id)
    if walk is None:
        return None
    rows = await connection.fetch(_NEXT_PEOPLE, organisation_id, walk["after"], walk["until"], limit)
    people = [row["id"] for row in rows]
    if len(people) == limit:
        await connection.execute(_WALK_ON, organisation_id, people[-1])
    else:
        await connection.execute(_WALK_AGAIN if walk["again"] else _END_WALK, organisation_id)
    return people


async def facts(connection: Connection, organisation_id: int, person_ids: Sequence[int]) -> Facts:
    """What is true of the people. Whatever a mark that was taken before stands for is in it."""
    kept = {row["employee_id"]: _kept(row) for row in await connection.fetch(_KEPT, organisation_id, person_ids)}
    lacking = sorted({each for row in kept.values() for each in row.lacking})
    asked = [requirement_of(row) for row in await connection.fetch(ALL, organisation_id)]
    removed = [requirement_of(row) for row in await connection.fetch(_LACKED, organisation_id, lacking)]
    people = await connection.fetch(_PEOPLE, organisation_id, person_ids)
    held: dict[int, dict[int, Held]] = {}
    for row in await connection.fetch(_HELD, organisation_id, person_ids):
        employee_id, course_id, of, completed_at, valid_until = row
        held.setdefault(employee_id, {})[course_id] = Held(course_id, of, False, completed_at, valid_until)
    moment, zone = await _clock(connection, organisation_id)
    return Facts(
        {each.id: each for each in asked},
        {each.id: each for each in removed},
        {row["id"]: Person(row["id"], row["type"], row["company_id"], row["created_at"]) for row in people},
        held,
        kept,
        moment,
        zone,
    )


async def requirements_now(connection: Connection, organisation_id: int) -> list[Requirement]:
    """What is asked and in force, by id."""
    rows = await connection.fetch(ALL, organisation_id)
    moment, zone = await _clock(connection, organisation_id)
    return [each.requirement for each in asked_at([requirement_of(row) for row in rows], moment, zone) if each.in_force]


async def _clock(connection: Connection, organisation_id: int) -> tuple[datetime, ZoneInfo]:
    [clock] = await connection.fetch(_CLOCK, organisation_id)
    return clock["moment"], ZoneInfo(clock["zone"])


def _kept(row: Any) -> Kept:
    return Kept(row["version"], tuple(row["lacking"]), tuple(row["in_grace"]), tuple(row["ending"]), row["look_at"])


@dataclass(frozen=True, slots=True)
class Row:
    """What is kept of a person of that company; `version` is the last event's."""

    employee_id: int
    company_id: int | None
    version: int
    found: Standings


async def save(connection: Connection, organisation_id: int, rows: Sequence[Row]) -> None:
    """Keeps what was found of each person; a row that says the same already is left alone."""
    await connection.execute(_SAVE, *_ROWS.arrays(_columns(organisation_id, row) for row in rows))


def _columns(organisation_id: int, row: Row) -> dict[str, Any]:
    found = row.found
    return {
        "organisation_id": organisation_id,
        "employee_id": row.employee_id,
        "company_id": row.company_id,
        "version": row.version,
        "lacking": found.lacking,
        "in_grace": found.in_grace,
        "ending": [requirement_id for requirement_id, _ in found.ending],
        "ending_at": [until.isoformat() for _, until in found.ending],
        "look_at": found.look_at,
    }


async def look_anew(connection: Connection) -> int:
    """Has a worker look at everybody; how many organisations ask for anything, or did."""
    return int((await connection.execute(_LOOK_ANEW)).split()[-1])
