"""How late the event loop is: where the gateway itself has too much to do, its requests wait unseen before the loop."""

import asyncio
import time
from typing import Final

TICK: Final = 0.02
LATE: Final = 0.005
"""Seconds of lag on average with which the loop counts as late; an idle one has less than a tenth of that."""
_WEIGHT: Final = 1 / 8


class LoopLag:
    """Measured by a timer that fires when its turn comes, and not when it is due."""

    def __init__(self) -> None:
        self._seconds = 0.0

    @property
    def is_late(self) -> bool:
        return self._seconds > LATE

    async def watch(self) -> None:
        """Runs for as long as the process does."""
        while True:
            due = time.monotonic() + TICK
            await asyncio.sleep(TICK)
            self._seconds += (time.monotonic() - due - self._seconds) * _WEIGHT
