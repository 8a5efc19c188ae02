"""How many requests may be at one service at once, and the queue of those that wait for their turn.

Each service has its own, so that a frozen one fills its own and leaves the others' alone.
"""

import asyncio
import time
from collections import OrderedDict
from typing import Final, NamedTuple

from gateway.loop_lag import LoopLag
from gateway.overload import AverageWait, Overload
from shared.errors import Overloaded

_WEIGHT: Final = 1 / 32
"""Of the newest interval in their average."""
TICK: Final = 0.02
"""Seconds between two looks for those who have waited for too long."""
_LONGEST_INTERVAL: Final = 1.0
"""Seconds; a pause in which nobody came says nothing about how fast the next ones are served."""


class _Wait(NamedTuple):
    """Times of the monotonic clock."""

    since: float
    until: float


class Arrival:
    """A request that was let in and has not asked for its turn yet; it counts until it `end`s."""

    def __init__(self, bulkhead: "Bulkhead") -> None:
        self._bulkhead: Bulkhead | None = bulkhead
        bulkhead.arriving += 1

    def end(self) -> None:
        """Can be said twice."""
        if self._bulkhead is not None:
            self._bulkhead.has_arrived()
            self._bulkhead = None


class Bulkhead:
    """`limit` requests have their turn at once, `waiting` more may wait for it, in order of arrival."""

    def __init__(self, limit: int, waiting: int, overload: Overload, lag: LoopLag) -> None:
        self._limit = limit
        self._most_waiting = waiting
        self._overload = overload
        self._lag = lag
        self._running = 0
        self._waiting: OrderedDict[asyncio.Future[None], _Wait] = OrderedDict()
        self._sweep: asyncio.TimerHandle | None = None
        self._interval = 0.0
        self._average_wait = AverageWait()
        self._full_until = 0.0
        self._began = time.monotonic()
        self._loop = asyncio.get_running_loop()  # once: looking for it is a system call
        self.arriving = 0
        """Requests that have not asked for their turn yet: where the gateway itself is slow, they are many."""

    def arrival(self) -> Arrival | None:
        """To be asked for each newcomer before anything else is done for it; None: it has to be refused."""
        return Arrival(self) if self._has_room() else None

    def _has_room(self) -> bool:
        if time.monotonic() < self._full_until:
            return False
        wait = self._wait()
        average = self._average_wait.with_newcomer(wait)
        if not self._is_full() and not self._overload.refuses(wait, average):
            return True
        # Waits only grow until somebody goes on, so there is no need to look again for each newcomer.
        self._full_until = time.monotonic() + TICK
        return False

    def has_arrived(self) -> None:
        """One that was let in has asked for its turn, or never will."""
        self.arriving -= 1
        self._full_until = 0.0

    def turn(self, timeout: float) -> "Turn":
        """Waits for a turn and holds it; raises `Overloaded` when none comes within `timeout` seconds."""
        return Turn(self, timeout)

    async def begin(self, timeout: float) -> None:
        """A turn that has to be `end`ed; raises `Overloaded`."""
        if self._running < self._limit:
            self._running += 1
        else:
            await self._wait_for_turn(timeout)
        self._note_beginning()

    def end(self) -> None:
        """Hands the turn on to the one who has waited longest."""
        self._full_until = 0.0
        while self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                turn.set_result(None)
                return
        self._running -= 1

    def _note_beginning(self) -> None:
        now = time.monotonic()
        self._interval += (min(now - self._began, _LONGEST_INTERVAL) - self._interval) * _WEIGHT
        self._began = now

    def _is_full(self) -> bool:
        return self._running >= self._limit and len(self._waiting) >= self._most_waiting

    def _wait(self) -> float:
        """Seconds a newcomer has to expect: as long as those before it take, and no less than the first has waited.

        Where the loop is late, those that have their turn wait for the loop as well. As many as can have their turn
        at once are always let in: fewer could not show how fast they are served.
        """
        before = self.arriving + len(self._waiting)
        if before + self._running < self._limit:
            return 0.0
        expected = (before + self._running if self._lag.is_late else before) * self._interval
        if not self._waiting:
            return expected
        return max(expected, time.monotonic() - next(iter(self._waiting.values())).since)

    async def _wait_for_turn(self, timeout: float) -> None:
        if self._is_full():
            raise Overloaded
        turn: asyncio.Future[None] = self._loop.create_future()
        now = time.monotonic()
        self._waiting[turn] = _Wait(now, now + timeout)
        if self._sweep is None:
            self._sweep = self._loop.call_later(TICK, self._give_up_late)
        try:
            await turn
        except asyncio.CancelledError:
            self._waiting.pop(turn, None)
            if not turn.cancelled() and turn.exception() is None:
                self.end()  # the turn came in the same moment
            raise

    def _give_up_late(self) -> None:
        """One timer for all who wait: one for each would cost as much as its turn."""
        now = time.monotonic()
        for turn in [turn for turn, wait in self._waiting.items() if wait.until <= now and not turn.done()]:
            del self._waiting[turn]
            turn.set_exception(Overloaded())
        self._sweep = self._loop.call_later(TICK, self._give_up_late) if self._waiting else None


class Turn:
    """Entered, it is one at a service; a class, since a generator costs four times as much on the hot path."""

    __slots__ = ("_bulkhead", "_timeout")

    def __init__(self, bulkhead: Bulkhead, timeout: float) -> None:
        self._bulkhead = bulkhead
        self._timeout = timeout

    async def __aenter__(self) -> None:
        await self._bulkhead.begin(self._timeout)

    async def __aexit__(self, *_: object) -> None:
        self._bulkhead.end()
