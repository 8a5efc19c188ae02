"""Tokens that count no more, although their time is not over."""

import time
from collections import OrderedDict
from itertools import islice

from redis.asyncio import Redis

from gateway.redis_client import REDIS_ERRORS, Availability, within
from shared.identity import LEEWAY

CHUNK = 500


def revocation_key(token_id: str) -> str:
    """The Redis key that exists once the token with this `jti` is revoked."""
    return f"revoked:{token_id}"


class Revocations:
    """Kept in Redis for all processes, and those known here in memory too, so that they hold without Redis.

    Past `remembered` the ones known longest are forgotten here; Redis still has them.
    """

    def __init__(self, redis: Redis, availability: Availability, remembered: int = 100_000) -> None:
        self._redis = redis
        self._availability = availability
        self._remembered = remembered
        self._known: OrderedDict[str, int] = OrderedDict()
        availability.on_return(self._write_known)

    async def revoke(self, token_id: str, expires_at: int) -> None:
        """From now on the token is refused; one revoked while Redis is away is told to it on its return."""
        self.remember(token_id, expires_at)
        if self._availability:
            try:
                await self._write({token_id: expires_at})
            except REDIS_ERRORS as error:
                self._availability.lost(error)

    def remember(self, token_id: str, expires_at: int) -> None:
        self._known[token_id] = expires_at
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)

    def is_known(self, token_id: str) -> bool:
        """Whether this process knows of the revocation; only Redis knows of all."""
        return token_id in self._known

    async def _write_known(self) -> None:
        """A Redis that came back may have lost everything."""
        now = int(time.time())
        for token_id in [token_id for token_id, until in self._known.items() if until + LEEWAY <= now]:
            del self._known[token_id]
        known = iter(self._known.copy().items())
        while chunk := dict(islice(known, CHUNK)):
            await self._write(chunk)

    async def _write(self, revocations: dict[str, int]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for token_id, expires_at in revocations.items():
                pipeline.set(revocation_key(token_id), 1, exat=expires_at + LEEWAY)
            await within(pipeline.execute())
