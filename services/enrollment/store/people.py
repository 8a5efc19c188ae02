"""SQL of the people who can be enrolled."""

from datetime import datetime
from typing import Any

from services.enrollment.schemas import EmployeeFields
from shared.events.states import EmployeeState, NamedItem
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped

_SAVE_PERSON = """
INSERT INTO people (organisation_id, id, version, type, employee_id, full_name, company_id, company_name, removed,
    created_at, merged_into)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10, now()), $11)
ON CONFLICT (organisation_id, id) DO UPDATE SET version = excluded.version, type = excluded.type,
    employee_id = excluded.employee_id, full_name = excluded.full_name, company_id = excluded.company_id,
    company_name = excluded.company_name, removed = excluded.removed, merged_into = excluded.merged_into
WHERE people.version = excluded.version - 1
RETURNING *
"""

# What people call somebody by is the same in any case, and with blanks around it. The index can be used in a view alone
# (decision 10).
_HOLDER = """
SELECT id FROM people_in_scope
WHERE organisation_id = $1 AND lower(btrim(employee_id)) = lower(btrim($2)) AND id <> $3 AND NOT removed
ORDER BY id LIMIT 1
"""
_LOCK_EMPLOYEE_ID = "SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(' ', $1::bigint, lower(btrim($2))), 2))"

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


async def other_holder(connection: Connection, organisation_id: int, employee_id: str, person_id: int) -> int | None:
    """The id of another person who has this `employee_id`; until the transaction ends nobody else can take it."""
    await connection.execute(_LOCK_EMPLOYEE_ID, organisation_id, employee_id)
    holder: int | None = await connection.fetchval(_HOLDER, organisation_id, employee_id, person_id)
    return holder


async def merged_into(connection: Connection, organisation_id: int, person_id: int) -> int | None:
    """The person whom somebody who is not there any more turned out to be."""
    found: int | None = await connection.fetchval(_MERGED_INTO, organisation_id, person_id)
    return found


async def shared_employee_ids(connection: Connection) -> list[tuple[int, dict[int, str]]]:
    """Organisation and, by person, the `employee_id` of those who have the same one."""
    rows = await connection.fetch(_SHARED)
    return [(row["organisation_id"], dict(zip(row["ids"], row["employee_ids"], strict=True))) for row in rows]


async def save_person(
    connection: Connection,
    organisation_id: int,
    person: EmployeeState | None,
    *,
    person_id: int,
    type_: str,
    fields: EmployeeFields,
    created_at: datetime | None = None,
    removed: bool = False,
    merged_into: int | None = None,
) -> EmployeeState | None:
    """The person's next version after `person`, or `None` where another change came first."""
    row = await connection.fetchrow(
        _SAVE_PERSON,
        organisation_id,
        person_id,
        1 if person is None else person.version + 1,
        type_,
        fields.employee_id,
        fields.full_name,
        fields.company and fields.company.id,
        fields.company and fields.company.name,
        removed,
        created_at,
        merged_into,
    )
    return None if row is None else person_state(row)


def person_state(row: Any) -> EmployeeState:
    """What events say of the person whose row this is."""
    company = None if row["company_id"] is None else NamedItem(id=row["company_id"], name=row["company_name"])
    return EmployeeState.model_validate({**row, "company": company})
