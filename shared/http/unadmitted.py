"""Requests that are refused before anybody was asked whose they are: counted like all others, and logged at a bounded
rate."""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiohttp import web

from shared.errors import ApiError

log = logging.getLogger(__name__)

LINES_PER_SECOND: Final = 5

Count = Callable[[str, Sequence[str], Sequence[str]], Awaitable[None]]
"""Takes the address at the other end of the connection, and the values of `Authorization` and `X-Forwarded-For`;
raises `RateLimited`."""
COUNT_UNADMITTED = web.AppKey[Count]("count_unadmitted")
COUNTED = web.RequestKey("counted", bool)
"""Whoever counts a request by itself says so here."""


class BoundedLog:
    """At most `LINES_PER_SECOND` lines a second; the next second's first line says how many more there were."""

    def __init__(self) -> None:
        self._second = 0
        self._lines = 0

    def write(self, kind: str, peer: str) -> None:
        second = int(time.monotonic())
        if second != self._second:
            unsaid = max(0, self._lines - LINES_PER_SECOND)
            self._second, self._lines = second, 0
            if unsaid:
                log.info("%s more requests were refused unadmitted", unsaid)
        self._lines += 1
        if self._lines <= LINES_PER_SECOND:
            log.info("refused unadmitted: %s from %s", kind, peer)


_LOG: Final = BoundedLog()


async def refused_unadmitted(app: web.Application, error: ApiError, request: web.BaseRequest) -> ApiError:
    """What the request is refused with: this error, or another where its address has had too many."""
    peer, count = request.remote or "", app.get(COUNT_UNADMITTED)
    _LOG.write(error.code, peer)
    if count is None:
        return error
    # What was no HTTP has no headers.
    authorization, forwarded_for = (
        request.headers.getall(name, []) if request.headers else [] for name in ("Authorization", "X-Forwarded-For")
    )
    try:
        await count(peer, authorization, forwarded_for)
    except ApiError as limited:
        return limited
    return error


def is_unadmitted(request: web.BaseRequest, error: ApiError) -> bool:
    """Whether a refusal concerns the request alone, and nobody has counted it. A refusal for lack of room must stay
    cheap, and one by a limit is counted already."""
    return COUNTED not in request and ((error.status < 500 and error.status != 429) or error.status == 501)
