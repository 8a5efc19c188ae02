"""SQL of the compliance matrix: who is asked for what, by company, project and label, and how they stand to it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.enrollment.clearance import Person, Requirement
from services.enrollment.matrix import ANY_COMPANY, ENDS_WITHIN, People, Standing
from shared.auth.sight import Sight
from shared.postgres.pool import Connection

GROUPS = 100
"""Rows of an answer at most."""

_COMPANIES = "($2::bigint[] IS NULL OR {}company_id = ANY ($2::bigint[]))"
# Of people without a company the total is kept as that of -1, and of all together as that of 0.
_TYPES = f"""
SELECT nullif(company_id, -1) AS company_id, type, sum(total)::bigint AS total FROM people_totals t
WHERE organisation_id = $1 AND company_id <> 0 AND {_COMPANIES.format("t.")} GROUP BY company_id, type
"""  # noqa: S608 - of constants alone
_NAMED = f"""
SELECT id, type, company_id, created_at FROM people p
WHERE organisation_id = $1 AND NOT removed AND id = ANY ($3::bigint[]) AND {_COMPANIES.format("p.")}
"""  # noqa: S608 - of constants alone

_ENDING = " ".join(f"WHEN until <= now() + interval '{days} days' THEN {days}" for days in ENDS_WITHIN)
_STANDINGS = f"""
SELECT {{company}} AS company_id, requirement_id, state, count(*) AS total FROM (
    SELECT c.company_id, unnest(c.lacking) AS requirement_id, -1 AS state
    FROM clearances c WHERE c.organisation_id = $1 AND {_COMPANIES.format("c.")} AND c.lacking <> '{{{{}}}}'
    UNION ALL
    SELECT c.company_id, unnest(c.in_grace), 0
    FROM clearances c WHERE c.organisation_id = $1 AND {_COMPANIES.format("c.")} AND c.in_grace <> '{{{{}}}}'
    UNION ALL
    SELECT company_id, requirement_id, CASE {_ENDING} END FROM (
        SELECT c.company_id, unnest(c.ending) AS requirement_id, unnest(c.ending_at) AS until
        FROM clearances c WHERE c.organisation_id = $1 AND {_COMPANIES.format("c.")} AND c.ending <> '{{{{}}}}'
    ) ending WHERE until > now()
) each
WHERE state IS NOT NULL GROUP BY 1, 2, 3
"""  # noqa: S608 - of constants alone
_LACKING, _GRACE = -1, 0

_OF_COMPANIES = """
SELECT DISTINCT ON (t.named_id) t.named_id AS id, t.name FROM companies_totals t
WHERE t.organisation_id = $1 AND t.total > 0 AND t.named_id > $3
    AND ($2::bigint[] IS NULL OR t.named_id = ANY ($2::bigint[]))
ORDER BY t.named_id, t.given DESC LIMIT $4
"""
_OF_PROJECTS = """
SELECT asked.id, (
    SELECT each ->> 'name' FROM sessions s CROSS JOIN jsonb_array_elements(s.projects) AS each
    WHERE s.organisation_id = $1 AND s.project_ids @> ARRAY[asked.id] AND (each ->> 'id')::bigint = asked.id
    ORDER BY s.id DESC LIMIT 1
) AS name
FROM unnest($2::bigint[]) AS asked (id)
"""
_OF_LABELS = """
WITH asked AS (
    SELECT r.id AS requirement_id, unnest(r.label_ids) AS label_id FROM requirements r
    WHERE r.organisation_id = $1 AND NOT r.removed
    UNION
    SELECT r.id, unnest(c.label_ids) FROM requirements r JOIN courses c
        ON c.organisation_id = r.organisation_id AND c.id = ANY (r.course_ids) AND NOT c.removed
    WHERE r.organisation_id = $1 AND NOT r.removed
), labels AS (
    SELECT label_id, array_agg(requirement_id) AS requirements FROM asked WHERE label_id > $2
    GROUP BY label_id ORDER BY label_id LIMIT $3
)
SELECT label_id AS id, requirements, (
    SELECT each ->> 'name'
    FROM courses_in_scope v JOIN courses c ON c.organisation_id = v.organisation_id AND c.id = v.id
    CROSS JOIN jsonb_array_elements(c.labels) AS each
    WHERE v.organisation_id = $1 AND NOT v.removed AND v.label_ids @> ARRAY[label_id]
        AND (each ->> 'id')::bigint = label_id LIMIT 1
) AS name
FROM labels ORDER BY label_id
"""


def companies_of(company_id: int | None, sight: Sight) -> list[int] | None:
    """Whose people are counted; None is everybody's."""
    if sight.everybody:
        return None if company_id is None else [company_id]
    return [each for each in sight.companies if company_id in (None, each)]


async def people(
    connection: Connection, organisation_id: int, companies: Sequence[int] | None, requirements: Iterable[Requirement]
) -> People:
    types: dict[int | None, dict[str, int]] = {ANY_COMPANY: {}}
    for row in await connection.fetch(_TYPES, organisation_id, companies):
        type_, total = row["type"], row["total"]
        types.setdefault(row["company_id"], {})[type_] = total
        types[ANY_COMPANY][type_] = types[ANY_COMPANY].get(type_, 0) + total
    named = sorted({person_id for each in requirements for person_id in each.employee_ids or ()})
    rows = await connection.fetch(_NAMED, organisation_id, companies, named) if named else []
    return People(types, [Person(*row) for row in rows])


async def standings(
    connection: Connection, organisation_id: int, companies: Sequence[int] | None, *, by_company: bool
) -> dict[tuple[int, int], Standing]:
    """How many people stand how, by company or under `ANY_COMPANY`, and requirement."""
    statement = _STANDINGS.format(company="company_id" if by_company else ANY_COMPANY)
    found: dict[tuple[int, int], Standing] = {}
    for row in await connection.fetch(statement, organisation_id, companies):
        if row["company_id"] is not None:
            _add(found.setdefault((row["company_id"], row["requirement_id"]), Standing()), row)
    return found


def _add(standing: Standing, row: Any) -> None:
    state, total = row["state"], row["total"]
    if state == _LACKING:
        standing.lacking = total
    elif state == _GRACE:
        standing.grace = total
    else:
        standing.ending[state] = total


async def companies_after(
    connection: Connection, organisation_id: int, companies: Sequence[int] | None, after: int
) -> dict[int, str]:
    """The next companies that have people, and one more than an answer shows."""
    rows = await connection.fetch(_OF_COMPANIES, organisation_id, companies, after, GROUPS + 1)
    return {row["id"]: row["name"] for row in rows}


async def projects_after(
    connection: Connection, organisation_id: int, requirements: Iterable[Requirement], after: int
) -> dict[int, str | None]:
    """The next projects that requirements name, and one more; the name is the one that sessions have."""
    named = sorted({each for requirement in requirements for each in requirement.project_ids or () if each > after})
    rows = await connection.fetch(_OF_PROJECTS, organisation_id, named[: GROUPS + 1])
    return {row["id"]: row["name"] for row in rows}


async def labels_after(
    connection: Connection, organisation_id: int, after: int
) -> tuple[dict[int, str | None], Mapping[int, frozenset[int]]]:
    """The next labels of courses that meet requirements, and one more; and the requirements of each."""
    rows = await connection.fetch(_OF_LABELS, organisation_id, after, GROUPS + 1)
    return {row["id"]: row["name"] for row in rows}, {row["id"]: frozenset(row["requirements"]) for row in rows}
