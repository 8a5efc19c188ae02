"""Reads the metrics of each process once a second, whatever the others do."""

import asyncio
import time
from collections import deque
from typing import Final

import aiohttp

from stack.metrics.differences import Reading, Window
from stack.metrics.exposition import parse
from stack.metrics.names import START_TIME, WANTED

INTERVAL: Final = 1.0
WINDOW: Final = 5.0
"""Seconds over which rates and quantiles are taken: those of one second jump."""
TIMEOUT: Final = aiohttp.ClientTimeout(total=3.0)
"""A process asks its database and its broker before it answers, and gives them two seconds."""
SILENT_AFTER: Final = 4.0
"""Seconds without an answer after which what a process said last is not shown any more."""
MAX_BYTES: Final = 8 * 1024 * 1024
ENCODING: Final = "utf-8"


class Readings:
    """What one process has answered during the last seconds."""

    def __init__(self) -> None:
        self._kept: deque[Reading] = deque()
        self.comparable = asyncio.Event()
        """Set once there have been two of one process."""

    def add(self, reading: Reading) -> None:
        """Forgets those that are no longer needed, and all of a process that was started anew."""
        if self._kept and _started(self._kept[-1]) != _started(reading):
            self._kept.clear()
        self._kept.append(reading)
        if len(self._kept) > 1:
            self.comparable.set()
        while len(self._kept) > 2 and self._kept[1].at <= reading.at - WINDOW:
            self._kept.popleft()

    def latest(self, now: float) -> Reading | None:
        """None when the process has not answered lately."""
        return self._kept[-1] if self._kept and self._kept[-1].at > now - SILENT_AFTER else None

    def window(self, now: float) -> Window | None:
        """None until there are two readings."""
        latest = self.latest(now)
        return Window(self._kept[0], latest) if latest and len(self._kept) > 1 else None


def _started(reading: Reading) -> float | None:
    return reading.metrics.total(START_TIME)


async def follow(http: aiohttp.ClientSession, url: str, readings: Readings) -> None:
    """Read until cancelled. A process that does not answer is asked again."""
    while True:
        due = time.monotonic() + INTERVAL
        await read(http, url, readings)
        await asyncio.sleep(max(due - time.monotonic(), 0.0))


async def read(http: aiohttp.ClientSession, url: str, readings: Readings) -> None:
    """Add what the process answers; nothing when it answers nothing that can be understood."""
    try:
        async with http.get(url, allow_redirects=False, timeout=TIMEOUT) as response:
            if response.status == 200:
                text = await _text(response)
                readings.add(Reading(time.monotonic(), parse(text, WANTED)))
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return


async def _text(response: aiohttp.ClientResponse) -> str:
    parts = bytearray()
    async for part in response.content.iter_any():
        parts += part
        if len(parts) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes of metrics")
    return parts.decode(ENCODING)
