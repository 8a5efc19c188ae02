"""The people who can be enrolled, mastered in the organisation's own systems: one transaction each."""

from datetime import datetime

from services.enrollment import store
from services.enrollment.errors import PersonNotFound, PersonOfOtherType
from services.enrollment.schemas import EmployeeFields
from services.enrollment.use_cases import SOURCE
from shared import outbox
from shared.database import Connection, Pool, transaction
from shared.errors import Conflict
from shared.events import EmployeeRemoved, EmployeeSaved, EmployeeState
from shared.observability import current_trace


async def save_person(
    pool: Pool,
    organisation_id: int,
    type_: str,
    person_id: int,
    fields: EmployeeFields,
    *,
    created_at: datetime | None = None,
) -> tuple[bool, str]:
    """Whether the person is new, and their representation; raises `PersonOfOtherType`.

    Somebody who was removed and comes back is new, and keeps their earlier records.
    """
    async with transaction(pool) as connection:
        current = await store.lock_person(connection, organisation_id, person_id)
        if current is not None and current.type != type_ and not current.removed:
            raise PersonOfOtherType(current.type)
        saved = await store.save_person(
            connection,
            organisation_id,
            current,
            person_id=person_id,
            type_=type_,
            fields=fields,
            created_at=created_at,
        )
        await _publish_person(connection, organisation_id, saved, EmployeeSaved)
        text = await store.person_detail(connection, organisation_id, type_, person_id)
        return current is None or current.removed, text or ""


async def remove_person(pool: Pool, organisation_id: int, type_: str, person_id: int) -> None:
    """Ends the link: the records stay, nothing new can be enrolled; raises `PersonNotFound`."""
    async with transaction(pool) as connection:
        current = await store.lock_person(connection, organisation_id, person_id)
        if current is None or current.type != type_ or current.removed:
            raise PersonNotFound
        fields = EmployeeFields.model_construct(**current.model_dump(include=set(EmployeeFields.model_fields)))
        removed = await store.save_person(
            connection,
            organisation_id,
            current,
            person_id=person_id,
            type_=type_,
            fields=fields.model_copy(update={"company": current.company}),
            removed=True,
        )
        await _publish_person(connection, organisation_id, removed, EmployeeRemoved)


async def _publish_person(
    connection: Connection,
    organisation_id: int,
    person: EmployeeState | None,
    told: type[EmployeeSaved] | type[EmployeeRemoved],
) -> None:
    if person is None:
        raise Conflict("This person was changed by someone else at the same time. Try again.")
    await outbox.add(connection, SOURCE, [told(organisation_id, person, current_trace.get())])
