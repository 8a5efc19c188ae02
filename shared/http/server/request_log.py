"""One line in the log for each request that was slow or failed, with the same fields everywhere.

A flood must not slow down a process that is in trouble: lines over the limit are counted, and one line says how many.
"""

import asyncio
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any, Final

from shared.http.request import METHODS, Request
from shared.http.server.response_bytes import ResponseBytes
from shared.http.server.response_stream import ResponseStream
from shared.metrics.requests import OTHER
from shared.time_spent import Spent, in_seconds

log = logging.getLogger(__name__)

SLOW: Final = 1.0
"""Seconds from which on a request is slow, unless it is set otherwise."""
FAILED: Final = 500
"""The status from which on a request has failed."""
WINDOW: Final = 1.0
"""Seconds in which lines are counted."""
LINES: Final = 5
"""In a window."""
MOST_REASONS: Final = 50
"""Different ones that are counted at once; further ones are `OTHER`."""
MOST_BYTES: Final = 65_536
"""Of the body of an error: a longer one is none of ours."""
_SLOW_ALONE: Final = "slow"
_CODE: Final = re.compile(r"[a-z_]{1,64}\Z")


class RequestLog:
    """`slow` is in seconds; 0 for none that is slow. `clock` gives seconds."""

    def __init__(self, slow: float = SLOW, clock: Callable[[], float] = time.monotonic) -> None:
        self._slow = slow or inf
        self._clock = clock
        self._ends = -inf
        self._written = 0
        self._left_out: Counter[str] = Counter()
        self._report: asyncio.TimerHandle | None = None

    def is_notable(self, status: int, seconds: float) -> bool:
        """Whether it may have failed, or been slow: what nearly no request does."""
        return status >= FAILED or seconds >= self._slow

    def write(
        self, request: Request, response: ResponseBytes | ResponseStream, code: str | None, seconds: float, spent: Spent
    ) -> None:
        """The line of a notable request, or its count; nothing of what has a slot and so may take long.

        `code` is that of an error of this process: one that was passed on has its own.
        """
        has_failed = response.status >= FAILED
        if not has_failed and request.slot is not None:
            return
        if code is None and isinstance(response, ResponseBytes):
            code = code_of(response)
        if not self._has_room():
            self.leave_out(code or (OTHER if has_failed else _SLOW_ALONE))
            return
        fields = _fields(request, response.status, code, seconds, spent)
        if has_failed:
            log.warning("a request failed", extra=fields)
        else:
            log.warning("a request was slow", extra=fields)

    def leave_out(self, reason: str) -> None:
        """For a request whose line would cost more than its answer."""
        if self._report is None:
            self._report = asyncio.get_running_loop().call_later(WINDOW, self.flush)
        known = reason in self._left_out or len(self._left_out) < MOST_REASONS
        self._left_out[reason if known else OTHER] += 1

    def flush(self) -> None:
        """Says how many were left out; also called when the process ends."""
        if self._report is not None:
            self._report.cancel()
            self._report = None
        if self._left_out:
            count, reasons = self._left_out.total(), dict(self._left_out)
            self._left_out.clear()
            log.warning("requests that failed or were slow have no line", extra={"count": count, "codes": reasons})

    def _has_room(self) -> bool:
        now = self._clock()
        if now >= self._ends:
            self._ends, self._written = now + WINDOW, 0
        self._written += 1
        return self._written <= LINES


def _fields(request: Request, status: int, code: str | None, seconds: float, spent: Spent) -> dict[str, Any]:
    """What is of the client's choice is in none of them; the request id and the trace are in every line."""
    method = "HEAD" if request.is_head else request.method
    return {
        "method": method if method in METHODS else OTHER,
        "route": request.route,
        "status": status,
        "code": code,
        "seconds": round(seconds, 6),
        "spent": in_seconds(spent),
    }


def code_of(response: ResponseBytes) -> str | None:
    """The code in the body of an error, if it is one of ours."""
    if response.status < 400 or len(response.body) > MOST_BYTES:
        return None
    try:
        found = json.loads(response.body)
    except ValueError:
        return None
    code = found.get("code") if isinstance(found, dict) else None
    return code if isinstance(code, str) and _CODE.match(code) else None
