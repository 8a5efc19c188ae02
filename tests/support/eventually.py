"""Waiting for what happens a little later: polling with a deadline, never a sleep of fixed length."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE = 20.0
NEVER = 25.0
"""Seconds, more than `DEADLINE`, for a loop that a test must not wait for; not an hour, since the loops of the system
that other tests share sleep as long."""
INTERVAL = 0.02


async def eventually(attempt: Callable[[], Awaitable[T]], *, deadline: float = DEADLINE) -> T:
    """Calls `attempt` until it neither raises AssertionError nor returns a false value; then its result."""
    end = time.monotonic() + deadline
    while True:
        try:
            result = await attempt()
            assert result
        except AssertionError:
            if time.monotonic() >= end:
                raise
        else:
            return result
        await asyncio.sleep(INTERVAL)
