"""Tokens that were revoked before they expire."""

import asyncio
import secrets
import time
from collections.abc import Collection
from contextlib import suppress
from itertools import islice

from redis.asyncio import Redis

from gateway.admission.redis_client import REDIS_ERRORS, Availability, within
from shared.auth.internal_token import LEEWAY
from shared.concurrency.lru import LruCache

CHUNK = 500
CHECK_INTERVAL = 0.5
"""Seconds between two checks whether Redis has lost what was written to it."""
CLOCK_SKEW_SECONDS = 600
"""Seconds that Redis keeps a revocation beyond the token's end, for its clock or a gateway's may be wrong."""
_GENERATION = "revocations:generation"
"""A key that stands for all that was written: a Redis that was emptied, or came back empty, has lost it too."""


def revocation_key(token_id: str) -> str:
    """The Redis key that exists once the token with this `jti` is revoked."""
    return f"revoked:{token_id}"


class Revocations:
    """Kept in Redis for all processes, and in memory here as far as they are known, so that they hold without Redis.

    Past `remembered` those recorded longest ago are dropped here; Redis still has them.
    """

    def __init__(self, redis: Redis, availability: Availability, remembered: int = 100_000) -> None:
        self._redis = redis
        self._availability = availability
        self._known: LruCache[str, int] = LruCache(remembered)
        self._generation: object = None

    async def revoke(self, token_id: str, expires_at: int) -> None:
        """From now on the token is refused; a revocation while Redis is unavailable is written once it is back."""
        self.remember(token_id, expires_at)
        if self._availability:
            try:
                await self._write({token_id: expires_at})
            except REDIS_ERRORS as error:
                self._availability.lost(error)

    def remember(self, token_id: str, expires_at: int) -> None:
        self._known.put(token_id, expires_at)

    def is_known(self, token_id: str) -> bool:
        """Whether this process knows of the revocation; only Redis knows of all."""
        return token_id in self._known

    async def among(self, token_ids: Collection[str]) -> set[str]:
        """Those of them that were revoked; as far as this process knows, while Redis is unavailable."""
        revoked = {token_id for token_id in token_ids if self.is_known(token_id)}
        asked = iter(sorted(set(token_ids) - revoked))
        try:
            while self._availability and (chunk := list(islice(asked, CHUNK))):
                found = await within(self._redis.mget([revocation_key(token_id) for token_id in chunk]))
                revoked |= {token_id for token_id, value in zip(chunk, found, strict=True) if value is not None}
        except REDIS_ERRORS as error:
            self._availability.lost(error)
        return revoked

    async def keep_written(self) -> None:
        """Writes those known here again whenever Redis has lost its data; runs for as long as the process does."""
        while True:
            if self._availability:
                with suppress(*REDIS_ERRORS):  # whoever needs an answer will notice
                    await self._write_what_was_lost()
            await asyncio.sleep(CHECK_INTERVAL)

    async def _write_what_was_lost(self) -> None:
        # Of the processes that find it gone, one names the next generation, and each of them writes what it knows.
        new = secrets.token_bytes(8)
        generation = await within(self._redis.set(_GENERATION, new, nx=True, get=True)) or new
        if generation != self._generation:
            await self.write_known()
            self._generation = generation

    async def write_known(self) -> None:
        """A Redis that came back may have lost everything."""
        now = int(time.time())
        for token_id, expires_at in self._known.items():
            if expires_at + LEEWAY <= now:
                self._known.remove(token_id)
        known = iter(self._known.items())
        while chunk := dict(islice(known, CHUNK)):
            await self._write(chunk)

    async def _write(self, revocations: dict[str, int]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for token_id, expires_at in revocations.items():
                pipeline.set(revocation_key(token_id), 1, exat=expires_at + LEEWAY + CLOCK_SKEW_SECONDS)
            await within(pipeline.execute())
