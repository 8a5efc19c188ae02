"""How late the event loop is: when the gateway itself is overloaded, its requests wait for the loop, in no queue."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

MEASURE_INTERVAL: Final = 0.02
LATE_SECONDS: Final = 0.005
"""Average lag above which the loop counts as late; an idle one has less than a tenth of that."""
_WEIGHT: Final = 1 / 8


class LoopLag:
    """Measured by how late a timer fires; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds = 0.0

    @property
    def is_late(self) -> bool:
        return self._seconds > LATE_SECONDS

    async def watch(self) -> None:
        """Runs for as long as the process does."""
        while True:
            due = self._clock() + MEASURE_INTERVAL
            await asyncio.sleep(MEASURE_INTERVAL)
            self._seconds += (self._clock() - due - self._seconds) * _WEIGHT
