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
        if current is not None and not current.removed and _says(current, fields):
            return False, await _detail(connection, organisation_id, type_, person_id)
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
        new = current is None or current.removed
        return new, await _detail(connection, organisation_id, type_, person_id)


def _says(person: EmployeeState, fields: EmployeeFields) -> bool:
    """Whether the person is already what the fields say."""
    return person.model_dump(include=set(EmployeeFields.model_fields)) == fields.model_dump()


async def _detail(connection: Connection, organisation_id: int, type_: str, person_id: int) -> str:
    text = await store.person_detail(connection, organisation_id, type_, person_id)
    if text is None:
        raise PersonNotFound
    return text


async def remove_person(pool: Pool, organisation_id: int, type_: str, person_id: int) -> None:
    """Ends the link: the records stay, nothing new can be enrolled; raises `PersonNotFound`."""
    async with transaction(pool) as connection:
        current = await store.lock_person(connection, organisation_id, person_id)
        if current is None or current.type != type_ or current.removed:
            raise PersonNotFound
        fields = EmployeeFields.model_validate(current.model_dump(include=set(EmployeeFields.model_fields)))
        removed = await store.save_person(
            connection,
            organisation_id,
            current,
            person_id=person_id,
            type_=type_,
            fields=fields,
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
