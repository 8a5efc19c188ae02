"""SQL of the people whose clearance a change of a requirement could touch, and of what they hold."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from services.enrollment.clearance import Person, Requirement
from shared.postgres.pool import Connection

T = TypeVar("T")

_HOLDS = """
    c.organisation_id = $1 AND {person} AND c.course_id = ANY($2::bigint[])
        AND (c.valid_until IS NULL OR c.valid_until > $3)"""
# Whom either form of the requirement can be about, by the wider of each of their limits.
_CONCERNED = """($6 OR p.company_id = ANY($7::bigint[])) AND ($8 OR p.type = ANY($9::text[]))
    AND ($10 OR p.id = ANY($11::bigint[]))"""
_NEXT = f"""
SELECT p.id, p.type, p.company_id, p.created_at,
    ARRAY (SELECT c.course_id FROM certifications c WHERE {_HOLDS.format(person="c.employee_id = p.id")}) AS courses
FROM people p
WHERE p.organisation_id = $1 AND NOT p.removed AND p.id > $4 AND {_CONCERNED}
ORDER BY p.id LIMIT $5
"""  # noqa: S608 - of constants alone
_HELD = f"""
SELECT c.employee_id AS id, array_agg(c.course_id) AS courses FROM certifications c
WHERE {_HOLDS.format(person="c.employee_id = ANY($4::bigint[])")}
GROUP BY c.employee_id
"""  # noqa: S608 - of constants alone

Holder = tuple[Person, frozenset[int]]
"""A person, and the courses of which they hold a valid completion, of those asked about."""


async def next_people(
    connection: Connection,
    organisation_id: int,
    about: Sequence[Requirement],
    courses: Collection[int],
    moment: datetime,
    after: int,
    limit: int,
) -> list[Holder]:
    """People whom one of these requirements may apply to, in the order of their ids, and more than these."""
    companies = _wider([each.company_ids for each in about])
    types = _wider([each.person_types for each in about])
    people = _wider([each.employee_ids for each in about])
    limits = [part for each in (companies, types, people) for part in (each is None, each or [])]
    rows = await connection.fetch(_NEXT, organisation_id, list(courses), moment, after, limit, *limits)
    return [
        (Person(row["id"], row["type"], row["company_id"], row["created_at"]), frozenset(row["courses"]))
        for row in rows
    ]


def _wider(limits: Sequence[frozenset[T] | None]) -> list[T] | None:
    """All that one of the limits allows; None is whatever it be."""
    given = [each for each in limits if each is not None]
    return list(frozenset().union(*given)) if len(given) == len(limits) else None


async def held(
    connection: Connection, organisation_id: int, people: Sequence[int], courses: Collection[int], moment: datetime
) -> Mapping[int, frozenset[int]]:
    """By person, the courses of which they hold a completion that is valid then; whoever holds none is left out."""
    if not courses:
        return {}
    rows = await connection.fetch(_HELD, organisation_id, list(courses), moment, people)
    return {row["id"]: frozenset(row["courses"]) for row in rows}
