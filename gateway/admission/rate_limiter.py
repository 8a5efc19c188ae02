"""Counts requests: over all processes in Redis, in this process alone while Redis is unavailable."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from redis.asyncio import Redis

from gateway.admission.redis_client import REDIS_ERRORS, Availability
from gateway.admission.redis_script import RedisScript
from gateway.admission.revocation import Revocations, revocation_key
from gateway.admission.sliding_window import WINDOW_MS, Decision, Window, decide
from shared.concurrency.batcher import Batcher
from shared.concurrency.lru import LruCache
from shared.errors import TokenInvalid
from shared.metrics.tally import SECONDS, SIZES, Tally

_SCRIPT = Path(__file__).with_name("sliding_window.lua")
_FIELDS = 5
"""Numbers the script returns for each request."""


class Hit(NamedTuple):
    """One request to count. `token_id` and `expires_at` are those of its token, empty where it has none."""

    key: str
    limit: int
    token_id: str = ""
    expires_at: int = 0


class LocalWindows:
    """The windows as this process knows them; past `remembered` the least recently used is dropped."""

    def __init__(self, length: int, remembered: int = 50_000) -> None:
        self._length = length
        self._windows: LruCache[str, Window] = LruCache(remembered)

    def count(self, hit: Hit) -> Decision:
        decision = decide(self._windows.get(hit.key), _now(), hit.limit, self._length)
        self._windows.put(hit.key, decision.window)
        return decision

    def would_admit(self, hit: Hit) -> bool:
        """Counts nothing."""
        return decide(self._windows.get(hit.key), _now(), hit.limit, self._length).admitted

    def learn(self, key: str, window: Window, ahead: int) -> None:
        """Takes over what Redis counted: losing Redis must not give everyone a new window.

        This process's clock is `ahead` of that of Redis by so many milliseconds.
        """
        start, current, previous = window
        self._windows.put(key, Window(start + ahead, current, previous))


class Limiter:
    """One call of the script counts all requests that wait together, and says which tokens are revoked."""

    def __init__(
        self, redis: Redis, availability: Availability, revocations: Revocations, *, length: int = WINDOW_MS
    ) -> None:
        self._script = RedisScript(redis, _SCRIPT.read_text(encoding="utf-8"))
        self.availability = availability
        self._revocations = revocations
        self._length = length
        self._local = LocalWindows(length)
        self._batcher: Batcher[Hit, Decision] = Batcher(self._count, name="count in Redis")
        self.sizes, self.durations = Tally(SIZES), Tally(SECONDS)
        """Of the calls."""

    def close(self) -> None:
        self._script.close()

    def would_admit(self, hit: Hit) -> bool:
        """Whether there is room for it, as far as this process knows; counts nothing and asks nobody."""
        return self._local.would_admit(hit)

    async def hit(self, hit: Hit) -> Decision:
        """Counts a request, or not if it is refused; raises `TokenInvalid` when its token is revoked."""
        if hit.token_id and self._revocations.is_known(hit.token_id):
            raise _revoked()
        if not self.availability:
            return self._local.count(hit)
        return await self._batcher.submit(hit)

    async def _count(self, hits: Sequence[Hit]) -> list[Decision | Exception]:
        try:
            numbers = await self._ask_redis(hits)
        except REDIS_ERRORS as error:
            self.availability.lost(error)
            return [self._local.count(hit) for hit in hits]
        now, rest = numbers[0], numbers[1:]
        ahead = _now() - now
        return [
            self._outcome(hit, now, ahead, rest[at : at + _FIELDS])
            for hit, at in zip(hits, range(0, len(rest), _FIELDS), strict=True)
        ]

    async def _ask_redis(self, hits: Sequence[Hit]) -> list[int]:
        keys = [key for hit in hits for key in (hit.key, revocation_key(hit.token_id))]
        limits = [hit.limit for hit in hits]
        self.sizes.observe(len(hits))
        began = time.perf_counter()
        try:
            numbers: list[int] = await self._script.run(keys, [self._length, *limits])
        finally:
            self.durations.observe(time.perf_counter() - began)
        return numbers

    def _outcome(self, hit: Hit, now: int, ahead: int, numbers: Sequence[int]) -> Decision | Exception:
        revoked, admitted, *window = numbers
        if revoked:
            self._revocations.remember(hit.token_id, hit.expires_at)
            return _revoked()
        known = Window(*window)
        self._local.learn(hit.key, known, ahead)
        return Decision(bool(admitted), hit.limit, known, now, self._length)


def _revoked() -> TokenInvalid:
    return TokenInvalid("The token was revoked.", reason="revoked")


def _now() -> int:
    return int(time.time() * 1000)
