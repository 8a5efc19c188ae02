"""Delivery's routes (contract, sections 8 and 9)."""

import json
from typing import Any

from services.delivery.representations import FeedPage
from services.delivery.schemas import FeedQuery
from services.delivery.store import feed
from shared.auth.internal_token import EVENTS
from shared.errors import ValidationFailed
from shared.http import feed_cursor
from shared.http.feed_cursor import FeedPlace
from shared.http.models import Body
from shared.http.responses import Answer, Caching
from shared.http.routing import Call, Route
from shared.service.chassis import READER


async def list_events(call: Call[FeedQuery, Body]) -> Answer:
    """`next` moves on to where nothing can be added any more, so that it stays young while nothing happens."""
    after = _place(call)
    read = feed.page(call.organisation_id, (after.position, after.id), call.query.limit)
    events, has_more, position, event_id, horizon = await call.app[READER].read(read)
    reached = FeedPlace(position, event_id) if has_more else FeedPlace(horizon, 0)
    following = feed_cursor.encode(call.organisation_id, max(reached, after))
    rest = f'"next": {json.dumps(following)}, "has_more": {json.dumps(has_more)}'
    return Answer(f'{{"success": true, "data": [{events}], {rest}}}', caching=Caching.REVALIDATED)


def _place(call: Call[FeedQuery, Body]) -> FeedPlace:
    """Raises `ValidationFailed` for the cursor of another organisation."""
    if call.query.after is None:
        return FeedPlace(0, 0)
    organisation, place = feed_cursor.decode(call.query.after)
    if organisation != feed_cursor.organisation_digest(call.organisation_id):
        raise ValidationFailed({"after": ["Must be a cursor of this organisation's feed."]})
    return place


ROUTES: list[Route[Any, Any]] = [
    Route(
        "GET",
        "/api/v1/events",
        list_events,
        {200: FeedPage},
        permissions=[EVENTS],
        query=FeedQuery,
        summary="List events",
        description="Every event of the organisation, each once, in an order in which none can be missed.",
    ),
]
