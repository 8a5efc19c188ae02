"""The people who can be enrolled, mastered in the organisation's own systems: one transaction each."""

from datetime import datetime

from services.enrollment import person_rules
from services.enrollment.errors import PersonNotFound
from services.enrollment.person_rules import Wanted
from services.enrollment.representations import person_row
from services.enrollment.schemas import EmployeeFields
from services.enrollment.store import people as store
from services.enrollment.store import people_pages
from services.enrollment.use_cases import people_changes
from services.enrollment.use_cases.change_set import in_transaction
from shared.events.states import EmployeeState
from shared.http.conditional import UNCONDITIONAL, Conditions, Document
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection, Pool


async def save_person(
    pool: Pool,
    organisation_id: int,
    type_: str,
    person_id: int,
    fields: EmployeeFields,
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
    *,
    created_at: datetime | None = None,
) -> tuple[bool, Document]:
    """Whether the person is new, and their representation.

    Somebody of the other type changes it, and keeps bookings and records: a contractor's worker who is hired is the
    same person. Somebody who was removed and comes back is new, and keeps their earlier records; who was merged into
    somebody else does not come back. Raises `EmployeeIdTaken`, `PersonNotFound`.
    """

    wanted = Wanted(person_id, type_, fields, created_at)

    async def work(connection: Connection) -> tuple[bool, Document]:
        current = await store.lock_people(connection, organisation_id, [person_id])
        person = current.get(person_id)
        person_rules.check_may_come(person)
        new = person_rules.is_new(person)
        conditions.check(person_row(organisation_id, person_id), 0 if person is None or new else person.version)
        refused = await people_changes.save(connection, organisation_id, [wanted], current, actor)
        if refused:
            raise refused[person_id]
        return new, await _detail(connection, organisation_id, type_, person_id)

    return await in_transaction(pool, organisation_id, work)


async def _detail(connection: Connection, organisation_id: int, type_: str, person_id: int) -> Document:
    document = await people_pages.person_detail(connection, organisation_id, type_, person_id)
    if document is None:
        raise PersonNotFound
    return document


async def remove_person(
    pool: Pool,
    organisation_id: int,
    type_: str,
    person_id: int,
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
) -> None:
    """Ends the link: the records stay, nothing new can be enrolled, and what has not begun is cancelled.

    Raises `PersonNotFound`.
    """

    async def work(connection: Connection) -> None:
        leaving = await people_changes.lock_leaving(connection, organisation_id, [person_id])
        current = present(leaving.people.get(person_id), type_)
        conditions.check(person_row(organisation_id, person_id), current.version)
        await people_changes.end(connection, organisation_id, leaving, actor)

    await in_transaction(pool, organisation_id, work)


def present(person: EmployeeState | None, type_: str) -> EmployeeState:
    """The person; raises `PersonNotFound` for one who is not there or of the other type."""
    if person is None:
        raise PersonNotFound
    if person.removed or person.type != type_:
        raise PersonNotFound(person.merged_into)
    return person
