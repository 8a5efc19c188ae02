"""SQL of the people who can be enrolled."""

from datetime import datetime
from typing import Any

from services.enrollment.schemas import EmployeeFields
from shared.events.types import EmployeeState, NamedItem
from shared.postgres.pool import Connection

_SAVE_PERSON = """
INSERT INTO people (organisation_id, id, version, type, employee_id, full_name, company_id, company_name, removed,
    created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10, now()))
ON CONFLICT (organisation_id, id) DO UPDATE SET version = excluded.version, type = excluded.type,
    employee_id = excluded.employee_id, full_name = excluded.full_name, company_id = excluded.company_id,
    company_name = excluded.company_name, removed = excluded.removed
WHERE people.version = excluded.version - 1
RETURNING *
"""


async def lock_person(connection: Connection, organisation_id: int, person_id: int) -> EmployeeState | None:
    """The person, removed or not, kept from other changes until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM people WHERE organisation_id = $1 AND id = $2 FOR UPDATE", organisation_id, person_id
    )
    return None if row is None else person_state(row)


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
    )
    return None if row is None else person_state(row)


def person_state(row: Any) -> EmployeeState:
    """What events say of the person whose row this is."""
    company = None if row["company_id"] is None else NamedItem(id=row["company_id"], name=row["company_name"])
    return EmployeeState.model_validate({**row, "company": company})
