"""Redis: how the gateway connects, and how it goes on while Redis is away (FAULTS.md)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

TIMEOUT = 0.05
"""Seconds one call may take: the most that a request waits for a Redis that is frozen."""
PROBE_PAUSE = 0.5
"""Seconds between two looks whether Redis is back."""
CONNECTIONS = 8

REDIS_ERRORS = (RedisError, OSError, TimeoutError)


def redis_client(url: str) -> Redis:
    """Never repeats a call by itself: a count that was repeated would be a wrong one."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=TIMEOUT,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


class Availability:
    """Whether Redis can be asked. While it cannot, a look in the background finds out when it can again."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lost = asyncio.Event()
        self._on_return: list[Callable[[], Awaitable[None]]] = []

    def __bool__(self) -> bool:
        return not self._lost.is_set()

    def on_return(self, action: Callable[[], Awaitable[None]]) -> None:
        """Has `action` done once Redis is back, before anybody else asks it."""
        self._on_return.append(action)

    def lost(self, error: Exception) -> None:
        if self:
            log.warning("Redis is away, limits go on in this process alone: %r", error)
            self._lost.set()

    async def watch(self) -> None:
        """Runs for as long as the process does."""
        while True:
            await self._lost.wait()
            if await self._is_back():
                self._lost.clear()
                log.warning("Redis is back")
            else:
                await asyncio.sleep(PROBE_PAUSE)

    async def _is_back(self) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT):
                # A write: one that is out of memory, or a replica, answers a PING as if all were well.
                await self._redis.set("probe", 1, px=1000)
            for action in self._on_return:
                await action()
        except REDIS_ERRORS:
            return False
        return True
