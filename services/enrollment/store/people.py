"""SQL of the people who can be enrolled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.enrollment.person_rules import Holding, Wanted
from shared.concurrency.turns import in_turns
from shared.events.states import EmployeeState, NamedItem
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped
from shared.postgres.statement_columns import ArrayColumns

_PEOPLE = ArrayColumns(
    organisation_id="bigint",
    id="bigint",
    version="integer",
    type="text",
    employee_id="text",
    full_name="text",
    company_id="bigint",
    company_name="text",
    removed="boolean",
    created_at="timestamptz",
    merged_into="bigint",
)
# In the order of their ids, which everyone keeps who locks several.
_SAVE_PEOPLE = f"""
INSERT INTO people ({_PEOPLE.names})
SELECT organisation_id, id, version, type, employee_id, full_name, company_id, company_name, removed,
    coalesce(created_at, now()), merged_into
FROM {_PEOPLE.unnest("saved")} ORDER BY id
ON CONFLICT (organisation_id, id) DO UPDATE SET {_PEOPLE.updates("excluded", "organisation_id", "id", "created_at")}
WHERE people.version = excluded.version - 1
RETURNING *
"""  # noqa: S608 - of constants alone

_PEOPLE_BY_ID = "SELECT * FROM people WHERE organisation_id = $1 AND id = ANY($2::bigint[]) ORDER BY id"
_LOCK_PEOPLE = f"{_PEOPLE_BY_ID} FOR UPDATE"
_PRESENT = "SELECT id FROM people WHERE organisation_id = $1 AND NOT removed"

# What people call somebody by is the same in any case, and with blanks around it. Everyone who takes several locks
# takes them in the same order.
_LOCK_EMPLOYEE_IDS = """
SELECT pg_advisory_xact_lock(key) FROM (
    SELECT DISTINCT hashtextextended(concat_ws(' ', $1::bigint, lower(btrim(employee_id))), 2) AS key
    FROM unnest($2::text[]) AS taken (employee_id) ORDER BY key
) keys
"""
# The index can be used in a view alone (decision 10). OFFSET keeps each of them a look into it: joined as a whole, all
# people could be compared with all of them.
_HOLDERS = """
SELECT taken.employee_id, lower(btrim(taken.employee_id)) AS key, holder.id AS person_id
FROM unnest($2::text[]) AS taken (employee_id) LEFT JOIN LATERAL (
    SELECT p.id FROM people_in_scope p
    WHERE p.organisation_id = $1 AND lower(btrim(p.employee_id)) = lower(btrim(taken.employee_id)) AND NOT p.removed
    OFFSET 0
) holder ON true
"""

_MERGED_INTO = scoped(
    "SELECT merged_into FROM people WHERE organisation_id = $1 AND id = $2 AND removed", ("bigint", "bigint")
)

_SHARED = """
SELECT organisation_id, array_agg(id ORDER BY id) AS ids, array_agg(employee_id ORDER BY id) AS employee_ids
FROM people WHERE NOT removed
GROUP BY organisation_id, lower(btrim(employee_id)) HAVING count(*) > 1
ORDER BY organisation_id, min(id)
"""


async def lock_person(connection: Connection, organisation_id: int, person_id: int) -> EmployeeState | None:
    """The person, removed or not, kept from other changes until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM people WHERE organisation_id = $1 AND id = $2 FOR UPDATE", organisation_id, person_id
    )
    return None if row is None else person_state(row)


async def people(connection: Connection, organisation_id: int, ids: Sequence[int]) -> dict[int, EmployeeState]:
    """Those of the people who were ever there, by id, removed or not."""
    rows = await connection.fetch(_PEOPLE_BY_ID, organisation_id, ids)
    return {row["id"]: person_state(row) for row in rows}


async def lock_people(connection: Connection, organisation_id: int, ids: Sequence[int]) -> dict[int, EmployeeState]:
    """The same, kept from other changes until the transaction ends."""
    rows = await connection.fetch(_LOCK_PEOPLE, organisation_id, ids)
    return {row["id"]: person_state(row) for row in rows}


async def present_ids(connection: Connection, organisation_id: int) -> list[int]:
    """Of everyone who belongs to the organisation."""
    return [row["id"] for row in await connection.fetch(_PRESENT, organisation_id)]


async def lock_employee_ids(connection: Connection, organisation_id: int, employee_ids: Sequence[str]) -> list[Holding]:
    """Who has each of them; until the transaction ends nobody else can take it."""
    await connection.execute(_LOCK_EMPLOYEE_IDS, organisation_id, employee_ids)
    rows = await connection.fetch(_HOLDERS, organisation_id, employee_ids)
    return [Holding(row["employee_id"], row["key"], row["person_id"]) for row in rows]


async def merged_into(connection: Connection, organisation_id: int, person_id: int) -> int | None:
    """The person whom somebody who is not there any more turned out to be."""
    found: int | None = await connection.fetchval(_MERGED_INTO, organisation_id, person_id)
    return found


async def shared_employee_ids(connection: Connection) -> list[tuple[int, dict[int, str]]]:
    """Organisation and, by person, the `employee_id` of those who have the same one."""
    rows = await connection.fetch(_SHARED)
    return [(row["organisation_id"], dict(zip(row["ids"], row["employee_ids"], strict=True))) for row in rows]


@dataclass(frozen=True, slots=True)
class NextVersion:
    """What a person becomes after `before`, who is None for one who was never there."""

    before: EmployeeState | None
    wanted: Wanted
    removed: bool = False
    merged_into: int | None = None


async def save_people(
    connection: Connection, organisation_id: int, saved: Sequence[NextVersion]
) -> dict[int, EmployeeState]:
    """The people as they are now, by id; without those whom another change came first to."""
    rows = [_columns(organisation_id, each) for each in saved]
    people = await in_turns(person_state, await connection.fetch(_SAVE_PEOPLE, *_PEOPLE.arrays(rows)))
    return {person.id: person for person in people}


def _columns(organisation_id: int, saved: NextVersion) -> dict[str, Any]:
    wanted, company = saved.wanted, saved.wanted.fields.company
    return {
        "organisation_id": organisation_id,
        "id": wanted.id,
        "version": 1 if saved.before is None else saved.before.version + 1,
        "type": wanted.type,
        "employee_id": wanted.fields.employee_id,
        "full_name": wanted.fields.full_name,
        "company_id": company and company.id,
        "company_name": company and company.name,
        "removed": saved.removed,
        "created_at": wanted.created_at,
        "merged_into": saved.merged_into,
    }


def person_state(row: Any) -> EmployeeState:
    """What events say of the person whose row this is."""
    company = None if row["company_id"] is None else NamedItem(id=row["company_id"], name=row["company_name"])
    return EmployeeState.model_validate({**row, "company": company})
