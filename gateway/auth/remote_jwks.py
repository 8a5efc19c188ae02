"""The key set of an outside identity provider, read over HTTP (RFC 7517, section 5)."""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from math import ceil

import aiohttp

from shared.auth.jwk import MAX_KEYS, Key, KeyInvalid, Keys, public_key
from shared.auth.key_changes import record_key_change
from shared.errors import MalformedJson, TooManyValues, Unavailable
from shared.validation.strict_json import parse_json

log = logging.getLogger(__name__)

FETCH_TIMEOUT = 3.0
MAX_BYTES = 256 * 1024
MAX_MISSING = 1000
"""Key ids that the provider is known not to have: so many are remembered."""
REFRESH_PAUSE = 300.0
"""Seconds after which the set is read again by itself: a key that the provider withdrew must stop counting."""


class KeysUnavailable(Unavailable):
    """The key of a token cannot be checked; not the client's fault, so no 401."""

    message = "The identity provider's keys cannot be read right now. Try again soon."


class KeySetUnreadable(Exception):
    """The provider's response is not a key set."""


@dataclass(eq=False)
class RemoteKeySet:
    """The provider's public keys. One request at a time, one in each cooldown; the last valid set stays in use."""

    session: aiohttp.ClientSession
    url: str
    cooldown: float
    keys: Keys = field(default_factory=dict)
    _flight: asyncio.Task[None] | None = None
    _asked_at: float | None = None
    _read_once: bool = False
    _asked_for: set[str] = field(default_factory=set)
    _missing: set[str] = field(default_factory=set)
    """Requested, and not in the set."""

    async def has_been_read(self) -> bool:
        return self._read_once

    async def find(self, key_id: str) -> Key | None:
        """The key with this `kid`, `None` if the provider has none; raises `KeysUnavailable` while none can be read.

        A key may be newer than the set, so one is only called unknown if the set was read after it was asked for.
        """
        if key_id not in self.keys:
            if len(self._asked_for) < MAX_MISSING:
                self._asked_for.add(key_id)
            await self._refresh()
        key = self.keys.get(key_id)
        if key is None and key_id not in self._missing:
            raise KeysUnavailable(retry_after=max(1, ceil(self._cooldown_left())))
        return key

    async def keep_fresh(self) -> None:
        """Runs for as long as the process does."""
        while True:
            await self._refresh()
            await asyncio.sleep(REFRESH_PAUSE if self._read_once else self.cooldown)

    async def _refresh(self) -> None:
        """Joins the request under way, or starts one unless the cooldown lasts."""
        if self._flight is None:
            if self._cooldown_left() > 0:
                return
            self._asked_at = time.monotonic()
            self._flight = asyncio.create_task(self._fetch())
            self._flight.add_done_callback(self._landed)
        # A client that goes away must not take the request with it that others wait for.
        await asyncio.shield(self._flight)

    def _cooldown_left(self) -> float:
        return 0.0 if self._asked_at is None else self._asked_at + self.cooldown - time.monotonic()

    def _landed(self, _: asyncio.Task[None]) -> None:
        self._flight = None

    async def _fetch(self) -> None:
        asked_for, self._asked_for = self._asked_for, set()
        try:
            keys = _parsed(await self._download())
        except (aiohttp.ClientError, TimeoutError, OSError, KeySetUnreadable) as error:
            log.warning("key set cannot be fetched, keeping the last good one: %r", error)
            return
        first, self._read_once = not self._read_once, True
        missing = asked_for | self._missing | set(self.keys)
        self._missing = (missing if len(missing) <= MAX_MISSING else asked_for) - set(keys)
        if set(keys) != set(self.keys) or any(keys[name].jwk != self.keys[name].jwk for name in keys):
            if not first:
                record_key_change(self.keys, keys, "identity provider")
            self.keys = keys

    async def _download(self) -> bytes:
        timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT)
        async with self.session.get(self.url, timeout=timeout, allow_redirects=False) as response:
            if response.status != 200:
                raise KeySetUnreadable(f"the provider answered {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise KeySetUnreadable("the key set is too large")
        return bytes(body)


def _parsed(body: bytes) -> Keys:
    try:
        members = parse_json(body)
    except (MalformedJson, TooManyValues) as error:
        raise KeySetUnreadable(error.message) from None
    jwks = members.get("keys") if isinstance(members, dict) else None
    if not isinstance(jwks, list) or len(jwks) > MAX_KEYS:
        raise KeySetUnreadable("the answer is not a JWK set of reasonable size")
    keys = [key for jwk in jwks if isinstance(jwk, dict) and (key := _usable(jwk)) is not None]
    return {key.id: key for key in keys}


def _usable(jwk: dict[str, object]) -> Key | None:
    """A provider's set may hold keys for other uses; they are passed over (RFC 7517, section 5)."""
    try:
        return public_key(jwk)
    except KeyInvalid as error:
        log.info("ignoring a key of the key set: %s", error)
        return None
