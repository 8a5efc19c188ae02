"""What a change of a requirement would do: people are looked at in batches, and nothing is written."""

import asyncio
from datetime import datetime, tzinfo
from typing import Any, Final

from services.enrollment import requirements as rules
from services.enrollment.clearance import Requirement
from services.enrollment.clearance_preview import Change, Preview, change_at, moment_of
from services.enrollment.schemas_requirements import RequirementFields
from services.enrollment.store import clearance_preview as store
from services.enrollment.store import requirements as requirement_store
from services.enrollment.store.clearance_preview import Holder
from services.enrollment.use_cases.requirements import check_named, checked, document_of
from shared.http.conditional import Conditions, Document
from shared.postgres.pool import Connection

BATCH: Final = 1000
"""People whom one statement reads."""
MOST_PEOPLE: Final = 100_000
"""Whom one preview looks at: those who come first by their ids."""
LONGEST_SECONDS: Final = 5.0
"""After which no further batch is begun, so that the answer comes before the gateway gives up."""


async def of_new(connection: Connection, organisation_id: int, fields: RequirementFields) -> Preview:
    """Raises what creating it raises."""
    rules.check_room(await requirement_store.count(connection, organisation_id))
    await check_named(connection, organisation_id, fields)
    wanted = await requirement_store.wanted(connection, organisation_id, fields)
    others = await requirement_store.requirements(connection, organisation_id)
    moment = moment_of(wanted.requirement, wanted.now, wanted.zone)
    return await _preview(connection, organisation_id, None, wanted.requirement, others, moment, wanted.zone)


async def of_change(
    connection: Connection, organisation_id: int, requirement_id: int, patch: dict[str, Any], conditions: Conditions
) -> tuple[Preview, Document]:
    """And the requirement as it is. Raises what changing it raises."""
    row = checked(await requirement_store.find(connection, organisation_id, requirement_id), conditions)
    fields = rules.changed_fields(row.fields, patch)
    await check_named(connection, organisation_id, fields, row.fields)
    wanted = await requirement_store.wanted(connection, organisation_id, fields, row.created_at)
    before, others = await _split(connection, organisation_id, requirement_id)
    moment = moment_of(wanted.requirement, wanted.now, wanted.zone)
    preview = await _preview(connection, organisation_id, before, wanted.requirement, others, moment, wanted.zone)
    return preview, await document_of(connection, row)


async def of_removal(
    connection: Connection, organisation_id: int, requirement_id: int, conditions: Conditions
) -> Preview:
    """Raises what removing it raises."""
    row = checked(await requirement_store.find(connection, organisation_id, requirement_id), conditions)
    wanted = await requirement_store.wanted(connection, organisation_id, row.fields, row.created_at)
    before, others = await _split(connection, organisation_id, requirement_id)
    moment = moment_of(wanted.requirement, wanted.now, wanted.zone)
    return await _preview(connection, organisation_id, before, None, others, moment, wanted.zone)


async def _split(
    connection: Connection, organisation_id: int, requirement_id: int
) -> tuple[Requirement | None, list[Requirement]]:
    """The requirement, and all others."""
    found = await requirement_store.requirements(connection, organisation_id)
    this = next((each for each in found if each.id == requirement_id), None)
    return this, [each for each in found if each.id != requirement_id]


async def _preview(
    connection: Connection,
    organisation_id: int,
    before: Requirement | None,
    after: Requirement | None,
    others: list[Requirement],
    moment: datetime,
    zone: tzinfo,
) -> Preview:
    change = change_at(before, after, others, moment, zone)
    preview = Preview(moment)
    about = [each for each in (before, after) if each is not None]
    last = looked_at = 0
    clock = asyncio.get_running_loop().time
    until = clock() + LONGEST_SECONDS
    while people := await store.next_people(
        connection, organisation_id, about, change.courses(), moment, last, BATCH + 1
    ):
        batch = people[:BATCH]
        await _count(connection, organisation_id, change, batch, preview)
        looked_at, last = looked_at + len(batch), batch[-1][0].id
        if len(people) <= BATCH:
            break
        if looked_at >= MOST_PEOPLE or clock() >= until:
            preview.complete = False
            break
        await asyncio.sleep(0)  # others have their turn
    return preview


async def _count(
    connection: Connection, organisation_id: int, change: Change, batch: list[Holder], preview: Preview
) -> None:
    """Of the others only what decides for somebody is read: who stands as before loses and gains nothing."""
    turning = {}
    for person, courses in batch:
        preview.of += change.touches(person)
        preview.in_grace += change.is_in_grace(person, courses)
        before, after = change.turns(person, courses)
        if before != after:
            turning[person.id] = (person, before, after)
    if not turning:
        return
    held = await store.held(connection, organisation_id, list(turning), change.other_courses(), preview.at)
    for person, before, after in turning.values():
        preview.count((before, after), change.lacked_beside(person, held.get(person.id, frozenset())))
