"""Delivery's routes (contract, sections 8 and 9)."""

import json
from typing import Any

from services.delivery import api_webhook_messages, api_webhooks
from services.delivery.errors import CursorExpired
from services.delivery.reading import BEGINNING, Step, step, wait_for_step
from services.delivery.representations import FeedPage, Position
from services.delivery.schemas import FeedQuery
from services.delivery.store import feed
from services.delivery.store.feed import Page
from services.delivery.watch import FEED_WATCH
from shared.auth.internal_token import EVENTS
from shared.auth.trust import POSITION
from shared.concurrency.deadline import time_left
from shared.errors import ValidationFailed
from shared.http import feed_cursor
from shared.http.feed_cursor import FeedPlace
from shared.http.models import Body, Query
from shared.http.responses import Answer, Caching
from shared.http.routing import Call, Route
from shared.postgres.pool import connected
from shared.service.chassis import POOL, READER
from shared.service.positions import POSITION_PATH

MARGIN = 1.0
"""Seconds that a reader who has waited leaves to the answer, of what the request may take."""


async def list_events(call: Call[FeedQuery, Body]) -> Answer:
    """`next` moves on to where nothing can be added any more, so that it stays young while nothing happens."""
    query, after = call.query, _place(call)

    async def look(place: FeedPlace) -> Step:
        read = feed.page(call.organisation_id, place, query.wanted, query.limit)
        return step(Page._make(await call.app[READER].read(read)), place)

    seconds = min(query.wait, time_left(query.wait + MARGIN) - MARGIN)
    if seconds > 0:
        found = await wait_for_step(call.app[FEED_WATCH], call.organisation_id, after, look, seconds)
    else:
        found = await look(after)
    following = json.dumps(feed_cursor.encode(call.organisation_id, found.next))
    rest = f'"next": {following}, "has_more": {json.dumps(found.has_more)}'
    return Answer(f'{{"success": true, "data": [{found.events}], {rest}}}', caching=Caching.REVALIDATED)


def _place(call: Call[FeedQuery, Body]) -> FeedPlace:
    """Raises `ValidationFailed` for the cursor of another organisation."""
    if call.query.after is None:
        return BEGINNING
    organisation, place = feed_cursor.decode(call.query.after)
    if organisation != feed_cursor.organisation_digest(call.organisation_id):
        raise ValidationFailed({"after": ["Must be a cursor of this organisation's feed."]})
    return place


async def position(call: Call[Query, Body]) -> Answer:
    """For services that say which events their lists have in them."""
    async with connected(call.app[POOL]) as connection:
        below, _ = await feed.horizon(connection)
    return Answer(json.dumps({"position": below}))


ROUTES: list[Route[Any, Any]] = [
    Route(
        "GET",
        "/api/v1/events",
        list_events,
        {200: FeedPage},
        permissions=[EVENTS],
        query=FeedQuery,
        streamed=True,
        summary="List events",
        description=(
            "Every event of the organisation, each once, in an order in which none can be missed. Ask again with `next`"
            " as `after`: at once while `has_more` is true, else with `wait`, which answers as soon as there is an"
            " event. Events are kept for 30 days."
        ),
        refusals=[CursorExpired],
    ),
    Route(
        "GET",
        POSITION_PATH,
        position,
        {200: Position},
        permissions=[POSITION],
        summary="Read the position below which no event is added any more",
    ),
    *api_webhooks.ROUTES,
    *api_webhook_messages.ROUTES,
]
