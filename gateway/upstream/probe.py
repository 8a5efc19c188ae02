"""What others say of their health: asked when somebody wants to know, and not more often than once a second."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from gateway.upstream.upstream import PROBE_TIMEOUT

KEPT_FOR: Final = 1.0
"""Seconds: anybody may ask for the gateway's health, and as often as they like."""


class Probe:
    """One question, whose answer is kept for a while; whoever comes while it is asked waits for the same answer."""

    def __init__(self, ask: Callable[[], Awaitable[bool]], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._asking = asyncio.Lock()
        self._answer = False
        self._until = clock()

    async def __call__(self) -> bool:
        async with self._asking:
            if self._clock() >= self._until:
                self._answer = await self._ask()
                self._until = self._clock() + KEPT_FOR
            return self._answer


async def is_ready(session: aiohttp.ClientSession, origin: str) -> bool:
    """Whether the service at `origin` can work."""
    try:
        async with session.get(f"{origin}/health/ready", timeout=PROBE_TIMEOUT, allow_redirects=False) as response:
            return response.status == 200
    except (aiohttp.ClientError, OSError):  # a TimeoutError is one
        return False
