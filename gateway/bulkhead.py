"""How many requests may be at one service at once, and the queue of those that wait for their turn.

Each service has its own, so that a frozen one fills its own and leaves the others' alone.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from gateway.overload import Overload
from shared.errors import Overloaded

_WEIGHT: Final = 1 / 32
"""Of the newest turn in the average of how long turns last."""


class Bulkhead:
    """`limit` requests have their turn at once, `waiting` more may wait for it, in order of arrival."""

    def __init__(self, limit: int, waiting: int, overload: Overload) -> None:
        self._limit = limit
        self._most_waiting = waiting
        self._overload = overload
        self._running = 0
        self._waiting: OrderedDict[asyncio.Future[None], float] = OrderedDict()
        self._turn_lasts = 0.0

    @property
    def is_overloaded(self) -> bool:
        """Whether newcomers are being refused these seconds."""
        return self._overload.lasts

    def require_room(self) -> None:
        """To be asked for each newcomer before anything else is done for it; raises `Overloaded`."""
        if self._is_full() or self._overload.refuses(self._wait()):
            raise Overloaded

    @asynccontextmanager
    async def turn(self, timeout: float) -> AsyncIterator[None]:
        """Waits for a turn and holds it; raises `Overloaded` when none comes within `timeout` seconds."""
        await self._begin(timeout)
        began = time.monotonic()
        try:
            yield
            # How long a failure takes says nothing about the next turn.
            self._turn_lasts += (time.monotonic() - began - self._turn_lasts) * _WEIGHT
        finally:
            self._end()

    def _is_full(self) -> bool:
        return self._running >= self._limit and len(self._waiting) >= self._most_waiting

    def _wait(self) -> float:
        """Seconds that a newcomer has to expect: as long as the queue takes, and no less than the first has waited."""
        if self._running < self._limit or not self._waiting:
            return 0.0
        first = next(iter(self._waiting.values()))
        return max(len(self._waiting) * self._turn_lasts / self._limit, time.monotonic() - first)

    async def _begin(self, timeout: float) -> None:
        if self._running < self._limit:
            self._running += 1
            return
        if self._is_full():
            raise Overloaded
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = time.monotonic()
        try:
            async with asyncio.timeout(timeout):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            self._waiting.pop(turn, None)
            if not turn.cancelled():
                self._end()  # the turn came in the same moment
            if isinstance(error, TimeoutError):
                raise Overloaded from None
            raise

    def _end(self) -> None:
        """Hands the turn on to the one who has waited longest."""
        while self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                turn.set_result(None)
                return
        self._running -= 1
