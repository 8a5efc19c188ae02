"""Redis: how the gateway connects, and how it goes on while Redis is unavailable (docs/faults.md)."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

TIMEOUT = 0.04
"""Seconds one call may take; a request that meets a frozen Redis is answered within 50 ms (docs/faults.md)."""
SLICES = 5
SOCKET_TIMEOUT = 1.0
"""Seconds after which redis-py gives up a socket by itself; `within` is faster."""
PROBE_INTERVAL = 0.5
"""Seconds between two checks whether Redis is back."""
CONNECTIONS = 8

REDIS_ERRORS = (RedisError, OSError, TimeoutError)

Outcome = TypeVar("Outcome")


class _OfOwnAuthority(SSLConnection):
    """redis-py's own trusts the system's authorities beside the ones it is given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if self.ca_certs is None:
            return
        context = ssl.create_default_context(cafile=self.ca_certs)
        if self.certfile is not None:
            context.load_cert_chain(self.certfile, self.keyfile)
        self.ssl_context.context = context


def redis_client(url: str) -> Redis:
    """Never repeats a call by itself: a count that was repeated would be a wrong one."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=TIMEOUT,
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=SOCKET_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )
    if pool.connection_class is SSLConnection:
        pool.connection_class = _OfOwnAuthority
    return Redis.from_pool(pool)


async def within(call: Awaitable[Outcome]) -> Outcome:
    """The outcome of a call to Redis; raises `TimeoutError` after `TIMEOUT` seconds.

    The time is waited for in slices. Where the event loop itself was held up for longer, the answer has come but
    nobody has read it; one single timer would then end the call, just when all depends on the limits.
    """
    task = asyncio.ensure_future(call)
    task.add_done_callback(_noticed)
    try:
        for _ in range(SLICES):
            if (await asyncio.wait({task}, timeout=TIMEOUT / SLICES))[0]:
                return task.result()
    finally:
        task.cancel()
    raise TimeoutError(f"no answer within {TIMEOUT} s")


def _noticed(task: "asyncio.Future[Any]") -> None:
    """A call that was given up may fail afterwards: nobody needs to know."""
    if not task.cancelled():
        task.exception()


class Availability:
    """Whether Redis is available. While it is not, a check in the background finds out when it is again."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lost = asyncio.Event()
        self.failures = 0
        """Calls so far."""

    def __bool__(self) -> bool:
        return not self._lost.is_set()

    def lost(self, error: Exception) -> None:
        """To be called for each call that failed."""
        self.failures += 1
        if self:
            reason = f"{type(error).__name__}: {error}"  # redis-py's own form of its errors leaves the reason out
            log.warning("Redis is unavailable, rate limits are kept in this process only: %s", reason)
            self._lost.set()

    async def answers(self) -> bool:
        """Whether it counts, and is there at this moment."""
        try:
            return bool(self) and bool(await within(self._redis.ping()))
        except REDIS_ERRORS:
            return False

    async def connect(self) -> None:
        """Opens the first connection, so that no request has to wait for it."""
        try:
            await self._redis.ping()
        except REDIS_ERRORS as error:
            self.lost(error)

    async def watch(self, on_return: Callable[[], Awaitable[None]]) -> None:
        """Calls `on_return` once Redis is back, before anybody else uses it. Runs for as long as the process does."""
        while True:
            await self._lost.wait()
            if await self._is_back(on_return):
                self._lost.clear()
                log.warning("Redis is available again")
            else:
                await asyncio.sleep(PROBE_INTERVAL)

    async def _is_back(self, on_return: Callable[[], Awaitable[None]]) -> bool:
        try:
            # A write: one that is out of memory, or a replica, answers a PING as if all were well.
            await within(self._redis.set("probe", 1, px=1000))
            await on_return()
        except REDIS_ERRORS:
            return False
        return True
