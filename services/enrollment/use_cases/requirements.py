"""What an organisation asks of its people, written in one transaction each, with its event and audit trail."""

from typing import Any

from services.enrollment import requirements as rules
from services.enrollment.errors import RequirementNotFound
from services.enrollment.representations_requirements import requirement_row
from services.enrollment.schemas_requirements import RequirementFields
from services.enrollment.store import requirements as store
from services.enrollment.store.requirements import RequirementRow
from services.enrollment.use_cases import SOURCE
from shared.events.states import RequirementState
from shared.events.types import Event, RequirementRemoved, RequirementSaved
from shared.http.conditional import UNCONDITIONAL, Conditions, Document
from shared.messaging import outbox
from shared.postgres.audit import Actor, AuditEntry, differences
from shared.postgres.pool import Connection


async def create(
    connection: Connection, organisation_id: int, fields: RequirementFields, actor: Actor
) -> tuple[int, Document]:
    """The id and the representation of a new one. Raises `TooManyRequirements` and `NamedByRequirement`."""
    rules.check_room(await store.count_alone(connection, organisation_id))
    await check_named(connection, organisation_id, fields)
    row = await store.insert(connection, organisation_id, fields)
    await _announce(connection, row, RequirementSaved, differences(None, fields), actor)
    return row.id, await document_of(connection, row)


async def change(
    connection: Connection,
    organisation_id: int,
    requirement_id: int,
    patch: dict[str, Any],
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
) -> Document:
    """The requirement after the change.

    Raises `RequirementNotFound`, `PreconditionFailed`, `ValidationFailed` and `NamedByRequirement`.
    """
    row = checked(await store.lock(connection, organisation_id, requirement_id), conditions)
    fields = rules.changed_fields(row.fields, patch)
    if fields != row.fields:
        await check_named(connection, organisation_id, fields, row.fields)
        changes = differences(row.fields, fields)
        row = await store.change(connection, row, fields)
        await _announce(connection, row, RequirementSaved, changes, actor)
    return await document_of(connection, row)


async def remove(
    connection: Connection, organisation_id: int, requirement_id: int, actor: Actor, conditions: Conditions
) -> None:
    """It is asked of nobody any more. Raises what `checked` raises."""
    row = checked(await store.lock(connection, organisation_id, requirement_id), conditions)
    removed = await store.remove(connection, row)
    await _announce(connection, removed, RequirementRemoved, differences(row.fields, None), actor)


async def follow_merging(connection: Connection, organisation_id: int, person_id: int, into: int, actor: Actor) -> None:
    """What names a person who turned out to be another names that one from now on."""
    for row in await store.lock_naming(connection, organisation_id, person_id):
        fields = rules.naming_another(row.fields, person_id, into)
        after = await store.change(connection, row, fields)
        await _announce(connection, after, RequirementSaved, differences(row.fields, fields), actor)


def checked(row: RequirementRow | None, conditions: Conditions) -> RequirementRow:
    """Raises `RequirementNotFound` and `PreconditionFailed`."""
    if row is None:
        raise RequirementNotFound
    conditions.check(requirement_row(row.organisation_id, row.id), row.version)
    return row


async def check_named(
    connection: Connection, organisation_id: int, fields: RequirementFields, current: RequirementFields | None = None
) -> None:
    """Raises `NamedByRequirement`."""
    needs, people = fields.needs, fields.applies_to.employee_ids or []
    known = await store.known(connection, organisation_id, needs.course_ids, needs.label_ids, people)
    rules.check_named(fields, current, known)


async def document_of(connection: Connection, row: RequirementRow) -> Document:
    """As clients read it; raises `RequirementNotFound`."""
    found = await store.detail(connection, row.organisation_id, row.id)
    if found is None:
        raise RequirementNotFound
    return found


async def _announce(
    connection: Connection,
    row: RequirementRow,
    kind: type[Event[RequirementState]],
    changes: dict[str, Any],
    actor: Actor,
) -> None:
    state = rules.state_of(row.id, row.version, row.fields, row.created_at, removed=row.removed)
    event = kind(row.organisation_id, state, actor.trace)
    entry = AuditEntry("requirement", row.organisation_id, row.id, row.version, kind.type, actor, changes)
    await outbox.add(connection, SOURCE, [event], [entry])
