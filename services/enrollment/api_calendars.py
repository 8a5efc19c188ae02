"""Enrollment's routes of calendars (contract, section 12)."""

import asyncio
import hashlib
import json
from typing import Any, Final

from services.enrollment.calendars import sight_of_calendars
from services.enrollment.errors import CalendarNotFound, CalendarOfNobody, TooManyCalendars
from services.enrollment.icalendar_text import CONTENT_TYPE, calendar_text
from services.enrollment.representations_calendars import CalendarItem, CalendarWithAddress
from services.enrollment.schemas_calendars import CalendarDigest, CalendarFields, CalendarQuery
from services.enrollment.store import calendars as store
from services.enrollment.use_cases import calendars as use_cases
from shared.auth.calendar_secrets import digest, new_secret
from shared.auth.internal_token import MANAGE, VIEW_SELF
from shared.auth.trust import CALENDARS
from shared.errors import PreconditionFailed
from shared.http.conditional import Document
from shared.http.models import Body, Query
from shared.http.representation import Done, Listed, Success, TextAnswer
from shared.http.request import client_origin
from shared.http.resource_responses import document, page
from shared.http.responses import Answer, Caching, success
from shared.http.routing import Call, Route
from shared.http.walks import require_own_cursor
from shared.postgres.batched_reads import PageRead
from shared.postgres.pool import Connection, connected, transaction
from shared.security_log import SecurityEvent, record
from shared.service.chassis import POOL, READER
from shared.service.event_cursor import cursor_of_walk
from shared.service.exports import Listing, exports_of, of_read
from shared.service.idempotency import OF_IDEMPOTENCY, run_once

PATH: Final = "/api/v1/calendars"
ONE: Final = PATH + "/{id}"
MANAGERS: Final = (MANAGE, VIEW_SELF)


def calendars_of(call: Call[Any, Body], query: CalendarQuery) -> PageRead:
    return store.page(call.organisation_id, query, sight_of_calendars(call.caller))


async def list_calendars(call: Call[CalendarQuery, Body]) -> Answer:
    require_own_cursor(call)
    headers = await cursor_of_walk(call)
    return page(call, *await call.app[READER].read(calendars_of(call, call.query)), headers=headers)


async def get_calendar(call: Call[Query, Body]) -> Answer:
    sight = sight_of_calendars(call.caller)
    async with connected(call.app[POOL]) as connection:
        calendar = await store.detail(connection, call.organisation_id, call.id, sight)
    if calendar is None:
        raise CalendarNotFound
    return document(calendar, call.conditions)


async def create_calendar(call: Call[Query, CalendarFields]) -> Answer:
    """What is kept for an `Idempotency-Key` has no secret: nobody can say it twice."""
    secret, sight = new_secret(), sight_of_calendars(call.caller)
    made: list[Document] = []

    async def work(connection: Connection) -> Answer:
        made.append(
            await use_cases.create(connection, call.organisation_id, call.body, digest(secret), call.actor, sight)
        )
        return _created(made[0], None)

    answer = await run_once(call.app[POOL], call.organisation_id, call.idempotency_key, work)
    if not made:
        return answer
    _record(call, "created", made[0].row.id)
    return _created(made[0], f"{client_origin(call.request)}/calendars/{secret}.ics")


async def revoke_calendar(call: Call[Query, Body]) -> Answer:
    place, sight = (call.organisation_id, call.id), sight_of_calendars(call.caller)
    async with transaction(call.app[POOL], [call.organisation_id]) as connection:
        is_new = await use_cases.revoke(connection, place, call.actor, sight, call.conditions)
    if is_new:
        _record(call, "revoked", call.id)
    return success(None, message="Calendar revoked")


async def read_calendar(call: Call[CalendarDigest, Body]) -> Answer:
    """For the gateway alone, which knows the secret."""
    calendar, occurrences = await use_cases.read(call.app[POOL], call.query.digest)
    text = await asyncio.to_thread(calendar_text, calendar, occurrences)
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    held = call.conditions.if_none_match or frozenset()
    is_held = bool(held & {etag, "*"})
    return Answer(
        "" if is_held else text, 304 if is_held else 200, {"ETag": etag}, Caching.CALENDAR, content_type=CONTENT_TYPE
    )


def _created(calendar: Document, address: str | None) -> Answer:
    data = json.dumps({**json.loads(calendar.text), "address": address}, ensure_ascii=False)
    headers = {"ETag": calendar.etag, "Location": f"{PATH}/{calendar.row.id}"}
    return success(data, message="Calendar created", status=201, headers=headers)


def _record(call: Call[Any, Any], reason: str, row_id: int) -> None:
    record(
        SecurityEvent.CALENDAR_CHANGED,
        reason=reason,
        subject=call.caller.subject,
        organisation_id=call.organisation_id,
        calendar=row_id,
    )


CALENDAR_ROUTES: list[Route[Any, Any]] = [
    Route(
        "GET",
        PATH,
        list_calendars,
        {200: Listed[CalendarItem]},
        permissions=MANAGERS,
        query=CalendarQuery,
        exports=exports_of(Listing(CalendarItem, of_read(calendars_of))),
        summary="List calendars",
    ),
    Route(
        "POST",
        PATH,
        create_calendar,
        {201: Success[CalendarWithAddress]},
        permissions=MANAGERS,
        body=CalendarFields,
        summary="Create calendar",
        description=(
            "Whoever has the `address` can read the calendar, without a token, until it is revoked. It is in this"
            " response alone."
        ),
        refusals=[CalendarOfNobody, TooManyCalendars, *OF_IDEMPOTENCY],
        tagged=True,
    ),
    Route(
        "GET",
        ONE,
        get_calendar,
        {200: Success[CalendarItem]},
        permissions=MANAGERS,
        summary="Get calendar",
        refusals=[CalendarNotFound],
        tagged=True,
    ),
    Route(
        "DELETE",
        ONE,
        revoke_calendar,
        {200: Done},
        permissions=MANAGERS,
        summary="Revoke calendar",
        description="Its address opens nothing any more. The row stays, and says who revoked it.",
        refusals=[CalendarNotFound, PreconditionFailed],
    ),
    Route(
        "GET",
        "/internal/calendars",
        read_calendar,
        {200: TextAnswer},
        permissions=[CALENDARS],
        query=CalendarDigest,
        summary="Read calendar of digest",
        refusals=[CalendarNotFound],
        tagged=True,
        media_type=CONTENT_TYPE.partition(";")[0],
    ),
]
