"""Answers that go out while they are made (decision 23)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from shared.http.responses import Caching

CUT_BEHIND: Final = 64 * 1024
"""Bytes that a reader of news may be behind: what is older than that is no news."""


@dataclass(slots=True)
class Push:
    """A way past `chunks` for news that go to a thousand readers in the same moment: a call, and no task for each."""

    write: Callable[[bytes], None] | None = None
    """Sends one chunk between two of the others, or cuts a reader who is too far behind. None before the stream begins
    and after its end."""


@dataclass(slots=True)
class Streamed:
    """What a handler of a `streamed` route may answer in place of an `Answer`.

    `chunks` is asked for the next one when there is room for it, and closed when the stream ends, however it does; one
    that raises ends it in the middle, and the client sees an incomplete message. What is held before the first chunk is
    asked for is given back by `Slot.when_closed`: a HEAD asks for none.

    Without `cut_behind` a reader who is slow holds the chunks up, and is cut when nothing moves for `STALL_TIMEOUT`.
    With it nobody waits, and a reader with more than so many bytes unsent is cut.
    """

    chunks: AsyncIterator[bytes]
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_behind: int | None = None
    push: Push | None = None
    """Only with `cut_behind`: nobody waits for a reader."""
    caching: Caching = Caching.NEVER


ENDING = web.AppKey("ending", asyncio.Event)
"""Set once the process ends: streams that have an end of their own take it now, the others are cut a little later."""
