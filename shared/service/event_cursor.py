"""`X-Event-Cursor`: where in the feed whoever has read all of a list goes on (contract, section 8; decision 27)."""

import time

from aiohttp import web

from shared.errors import Unavailable
from shared.http import feed_cursor
from shared.http.feed_cursor import FeedPlace
from shared.http.pagination import PagedQuery
from shared.http.routing import B, Call, Q
from shared.messaging import followed
from shared.postgres.pool import Pool

HEADER = "X-Event-Cursor"
MAX_AGE = 1.0
"""Seconds. An older position is right too: who follows from it gets events that the rows already have in them."""


class AppliedPosition:
    """Every event below it was applied before it was read, so any row that is read afterwards has them in it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._position: int | None = None
        self._until = 0.0

    async def current(self) -> int | None:
        """None where nobody knows. One statement in `MAX_AGE` at most."""
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + MAX_AGE
            try:
                self._position = await followed.position(self._pool)
            except Unavailable:
                self._position = None
        return self._position


APPLIED_POSITION = web.AppKey("applied_position", AppliedPosition)


async def event_cursor(app: web.Application, organisation_id: int) -> dict[str, str]:
    """The header for what is read from now on; empty where there is no position to tell."""
    applied = app.get(APPLIED_POSITION)
    position = None if applied is None else await applied.current()
    return {} if position is None else {HEADER: feed_cursor.encode(organisation_id, FeedPlace(position, 0))}


async def cursor_of_walk(call: Call[Q, B]) -> dict[str, str]:
    """The same for the first step of a walk; the steps after it have none, nor has what is not of now."""
    query = call.query
    first = isinstance(query, PagedQuery) and query.cursor == "" and query.leads_on
    return await event_cursor(call.app, call.organisation_id) if first else {}
