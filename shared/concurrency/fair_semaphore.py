"""Turns at something of which there are few, and how long to wait for one."""

import asyncio
import logging
import time
from typing import Final

from shared.concurrency.fairness import FairTurns, Organisation, Waiter
from shared.errors import Overloaded

log = logging.getLogger(__name__)

LOOK: Final = 0.05
"""Seconds between two looks at whether those who have their turn get on."""
LOOKS: Final = 2
"""In a row that see nobody's turn end, after which nobody waits on. One would blame them for a process that stood still
itself: its look is over before it has heard of those who ended meanwhile."""


class Turns:
    """`count` have their turn at once, of one organisation at most `count - reserved`.

    The others wait, for as long as those before them get on: one of each organisation in turn, and in order of arrival
    within one. `queue` bounds how many of one organisation wait, `queues` how many of all; an organisation of which
    nobody waits may always have one. Whoever finds no place is refused after `pause` seconds, in the words of
    `refusal`: a client that asks again at once costs the others more than one that waits. `looks`: as LOOKS, where
    turns take longer.
    """

    def __init__(
        self,
        count: int,
        reserved: int = 0,
        *,
        queue: int | None = None,
        queues: int | None = None,
        pause: float = 0.0,
        looks: int | None = None,
        refusal: str | None = None,
    ) -> None:
        self._turns = FairTurns(count, count - reserved)
        self._queue = queue
        self._queues = queues
        self._pause = pause
        self._looks = looks
        self._refusal = refusal
        self._ended = 0
        self._stood_still_at = -1
        """How many had ended when that was last told of."""

    @property
    def waiting(self) -> int:
        return len(self._turns.waiting)

    async def begin(self, most: float, organisation: Organisation = None) -> None:
        """Waits for a turn, which the caller has to `end`.

        Raises `Overloaded` when none comes within `most` seconds, and soon when nobody's turn ends or as many wait as
        may.
        """
        if self._turns.take(organisation):
            return
        if not self._has_room(organisation):
            await asyncio.sleep(min(self._pause, most))
            raise Overloaded(self._refusal)
        waiter = Waiter(asyncio.get_running_loop().create_future(), organisation, most)
        self._turns.waiting.add(organisation, waiter)
        try:
            await self._wait(waiter)
        except BaseException:
            self._turns.leave(waiter)
            raise

    def end(self, organisation: Organisation = None) -> None:
        """Hands the turn on; `organisation` as it began."""
        self._ended += 1
        self._turns.give_back(organisation)

    def _has_room(self, organisation: Organisation) -> bool:
        waiting = self._turns.waiting
        own = waiting.count_of(organisation)
        if self._queue is not None and own >= self._queue:
            return False
        return self._queues is None or not own or len(waiting) < self._queues

    async def _wait(self, waiter: Waiter) -> None:
        still, looks = 0, LOOKS if self._looks is None else self._looks
        while still < looks and (left := waiter.until - time.monotonic()) > 0:
            ended = self._ended
            await asyncio.wait((waiter.turn,), timeout=min(left, LOOK))
            if waiter.turn.done():
                return
            still = still + 1 if self._ended == ended else 0
        if still == looks:
            self._tell_once()
        raise Overloaded(self._refusal)

    def _tell_once(self) -> None:
        """Not for each of those who are refused: many lines would slow down the process that is in trouble."""
        if self._stood_still_at != self._ended:
            self._stood_still_at = self._ended
            log.warning("nobody's turn ends, so those who wait are refused", extra={"waiting": self.waiting})
