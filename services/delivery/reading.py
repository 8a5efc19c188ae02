"""Reading the feed, and waiting for what comes next (contract, section 8)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.delivery.errors import CursorExpired
from services.delivery.store.feed import Page
from services.delivery.watch import FeedWatch
from shared.http.feed_cursor import FeedPlace

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""Seconds before a reader looks again when it was woken for nothing that it wants; doubled each time."""

BEGINNING = FeedPlace(0, 0)


@dataclass(frozen=True, slots=True)
class Step:
    """What an answer shows, and where the next one goes on."""

    events: str
    shown: int
    next: FeedPlace
    has_more: bool


def step(page: Page, after: FeedPlace) -> Step:
    """`next` is never behind `after`, and moves on to the horizon where nothing follows.

    Raises `CursorExpired` for a place before what was dropped, or ahead of all that has happened.
    """
    floor = FeedPlace(page.floor_position, page.floor_id)
    if BEGINNING < after < floor or after > FeedPlace(page.horizon, 0):
        raise CursorExpired
    if page.reached_position is None or page.reached_id is None:
        return Step(page.events, page.shown, FeedPlace(page.horizon, 0), has_more=False)
    return Step(page.events, page.shown, FeedPlace(page.reached_position, page.reached_id), has_more=True)


Look = Callable[[FeedPlace], Awaitable[Step]]


async def wait_for_step(watch: FeedWatch, organisation_id: int, after: FeedPlace, look: Look, seconds: float) -> Step:
    """The first step that has events; after so many seconds the last one that had none."""
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    pause = 0.0
    with watch.reader(organisation_id) as woken:
        await watch.ready()
        while True:
            woken.clear()
            found = await look(after)
            if found.shown or found.has_more or watch.has_ended:
                return found
            await asyncio.sleep(max(0.0, min(pause, end - clock())))
            pause = min(2 * pause or FIRST_PAUSE, LONGEST_PAUSE)
            if not await _set_within(woken, end - clock()):
                return found
            after = found.next


async def _set_within(woken: asyncio.Event, seconds: float) -> bool:
    if seconds <= 0:
        return False
    try:
        async with asyncio.timeout(seconds):
            await woken.wait()
    except TimeoutError:
        return False
    return True
