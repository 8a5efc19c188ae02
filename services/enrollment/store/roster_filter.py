"""SQL of the roster's filter: whom a step has to look at, by what is kept of how people stand to what is asked of them.

What is kept of a person is true unless they are marked, or time is up for the row, or everybody is looked at anew
(migrations/0034_standings.sql). So nobody is missed if those are looked at too of whom that is not so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.enrollment.clearance import Person
from shared.postgres.pool import Connection

MOST_UNSURE: Final = 500
"""People of whom what is kept may not be true; where there are more, all people are looked at."""
PASSED_OVER: Final = 10_000
"""Rows of one statement at most."""

_UNSURE = """
(SELECT employee_id FROM clearance_marks WHERE organisation_id = $1 LIMIT $3)
UNION ALL
(SELECT NULL FROM clearance_walks WHERE organisation_id = $1)
UNION ALL
(SELECT employee_id FROM clearances WHERE organisation_id = $1 AND look_at <= $2 LIMIT $3)
"""

# Each goes through an index in its own order, and no further than it has to.
_PASSED = """
SELECT id, is_found, place FROM (
    SELECT {id} AS id, {found} AS is_found, row_number() OVER (ORDER BY {id}) AS place
    FROM {rows} AND {id} > $2 ORDER BY {id} LIMIT $5
) passed
WHERE is_found OR place = $5 ORDER BY id LIMIT $4
"""
_LACKING = _PASSED.format(
    id="c.employee_id",
    found="c.lacking && $3::bigint[]",
    rows="clearances c WHERE c.organisation_id = $1 AND c.lacking <> '{}'",
)
_PEOPLE = _PASSED.format(
    id="p.id",
    found="""$6 = coalesce((
        SELECT c.lacking && $3::bigint[] FROM clearances c
        WHERE c.organisation_id = $1 AND c.employee_id = p.id), false)""",
    rows="""people p WHERE p.organisation_id = $1 AND NOT p.removed
        AND ($7::bigint[] IS NULL OR p.company_id = ANY ($7::bigint[]))""",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a step goes by: whether it seeks people who lack any of the requirements or all others, of which companies
    they are, and those of whom what is kept may not be true."""

    lacking: bool
    requirements: Sequence[int]
    companies: Sequence[int] | None
    unsure: Sequence[int]

    def is_of(self, person: Person) -> bool:
        return self.companies is None or person.company_id in self.companies


@dataclass(frozen=True, slots=True)
class Step:
    """People to look at, by id, and how far it goes; None is to the last."""

    people: Sequence[int]
    reach: int | None


async def unsure(connection: Connection, organisation_id: int, moment: datetime) -> list[int] | None:
    """The people of whom what is kept may not be true at the moment; None where these are too many, or everybody."""
    rows = await connection.fetch(_UNSURE, organisation_id, moment, MOST_UNSURE + 1)
    people = {row["employee_id"] for row in rows}
    return None if None in people or len(rows) > MOST_UNSURE else sorted(people)


async def step(connection: Connection, organisation_id: int, kept: Kept, after: int, count: int) -> Step:
    """So many people, and whoever of those between them may be sought in truth, or fewer where many are passed over."""
    arguments = [organisation_id, after, kept.requirements, count, PASSED_OVER]
    if kept.lacking and kept.companies is None:
        rows = await connection.fetch(_LACKING, *arguments)
    else:
        rows = await connection.fetch(_PEOPLE, *arguments, kept.lacking, kept.companies)
    ends = len(rows) < count and (not rows or rows[-1]["place"] < PASSED_OVER)
    reach = None if ends else rows[-1]["id"]
    others = (each for each in kept.unsure if after < each and (reach is None or each <= reach))
    return Step(sorted({row["id"] for row in rows if row["is_found"]}.union(others)), reach)
