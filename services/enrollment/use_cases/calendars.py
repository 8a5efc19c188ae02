"""What becomes of calendars' addresses, one transaction each, and what is read under them."""

from services.enrollment import calendars as rules
from services.enrollment.calendars import Calendar, Occurrence
from services.enrollment.errors import CalendarNotFound, CalendarOfNobody
from services.enrollment.representations_calendars import calendar_row
from services.enrollment.schemas_calendars import CalendarFields
from services.enrollment.store import calendar_events
from services.enrollment.store import calendars as store
from shared.auth.sight import EVERYBODY, Sight
from shared.http.conditional import Conditions, Document
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION


async def create(
    connection: Connection, organisation_id: int, fields: CalendarFields, digest: str, actor: Actor, sight: Sight
) -> Document:
    """The new calendar, whose secret has this SHA-256. Raises `CalendarOfNobody` or `TooManyCalendars`."""
    rules.check_in_sight(sight, fields)
    if fields.kind == "person" and not await store.is_present(connection, organisation_id, fields.id):
        raise CalendarOfNobody(fields.kind)
    rules.check_room(await store.count_alone(connection, organisation_id, fields))
    row_id = await store.insert(connection, organisation_id, fields, digest, actor)
    return await _document(connection, organisation_id, row_id)


async def revoke(
    connection: Connection, place: tuple[int, int], actor: Actor, sight: Sight, conditions: Conditions
) -> bool:
    """The calendar opens nothing from now on; whether it did before. `place` is its organisation and its id.

    Raises `CalendarNotFound` or `PreconditionFailed`.
    """
    found = await store.lock(connection, *place, sight)
    if found is None:
        raise CalendarNotFound
    version, is_revoked = found
    conditions.check(calendar_row(*place), version)
    if not is_revoked:
        await store.revoke(connection, *place, actor)
    return not is_revoked


async def read(pool: Pool, digest: str) -> tuple[Calendar, list[Occurrence]]:
    """What the calendar shows now; raises `CalendarNotFound`."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        calendar = await store.of_digest(connection, digest)
        if calendar is None:
            raise CalendarNotFound
        return calendar, await calendar_events.occurrences(connection, calendar)


async def _document(connection: Connection, organisation_id: int, row_id: int) -> Document:
    document = await store.detail(connection, organisation_id, row_id, EVERYBODY)
    if document is None:
        raise CalendarNotFound
    return document
