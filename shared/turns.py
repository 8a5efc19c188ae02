"""Turns at something of which there are few, and how long to wait for one."""

import asyncio
import logging
import time
from collections import OrderedDict
from typing import Final

from shared.errors import Overloaded

log = logging.getLogger(__name__)

LOOK: Final = 0.05
"""Seconds between two looks at whether those who have their turn get on."""
LOOKS: Final = 2
"""In a row that see nobody's turn end, after which nobody waits on. One would blame them for a process that stood still
itself: its look is over before it has heard of those who ended meanwhile."""


class Turns:
    """`count` have their turn at once, the others wait in order of arrival for as long as those before them get on."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self._ended = 0
        self._stood_still_at = -1
        """How many had ended when that was last told of."""

    async def begin(self, most: float) -> None:
        """Waits for a turn, which the caller has to `end`.

        Raises `Overloaded` when none comes within `most` seconds, and soon when nobody's turn ends.
        """
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            await self._wait(turn, time.monotonic() + most)
        except BaseException:
            self._waiting.pop(turn, None)
            if turn.done():
                self.end()  # it came in the same moment
            raise

    def end(self) -> None:
        """Hands the turn on to the one who has waited longest."""
        self._ended += 1
        if self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            turn.set_result(None)
        else:
            self._free += 1

    async def _wait(self, turn: "asyncio.Future[None]", end: float) -> None:
        still = 0
        while still < LOOKS and (left := end - time.monotonic()) > 0:
            ended = self._ended
            await asyncio.wait((turn,), timeout=min(left, LOOK))
            if turn.done():
                return
            still = still + 1 if self._ended == ended else 0
        if still == LOOKS:
            self._tell_once()
        raise Overloaded

    def _tell_once(self) -> None:
        """Not for each of those who are refused: many lines would slow down the process that is in trouble."""
        if self._stood_still_at != self._ended:
            self._stood_still_at = self._ended
            log.warning("nobody's turn ends, so those who wait are refused", extra={"waiting": len(self._waiting)})
