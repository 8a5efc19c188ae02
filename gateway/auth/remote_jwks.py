"""The key set of an identity provider, read over HTTP (RFC 7517, section 5), ours or an outside one."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from math import ceil

import aiohttp

from gateway.auth.key_sources import KeySetUnreadable, parse_key_set
from gateway.auth.metadata import key_set_address
from shared.auth.jwk import Key, Keys
from shared.auth.key_changes import record_key_change
from shared.errors import Unavailable

log = logging.getLogger(__name__)

FETCH_TIMEOUT = 3.0
MAX_BYTES = 256 * 1024
WORTH_WAITING = 0.25
"""Seconds: better than a 503."""
TIMER_STEP = 0.002
"""By less than so many seconds a timer may be early."""
MAX_MISSING = 1000
"""Key ids that the provider is known not to have: so many are remembered."""
REFRESH_PAUSE = 300.0
"""Seconds after which the set is read again by itself: a key that the provider withdrew must stop counting."""


class KeysUnavailable(Unavailable):
    """The key of a token cannot be checked; not the client's fault, so no 401."""

    message = "The identity provider's keys cannot be read right now. Try again soon."


@dataclass(eq=False)
class RemoteKeySet:
    """The provider's public keys. One request at a time, one in each cooldown; the last valid set stays in use."""

    session: aiohttp.ClientSession
    url: str
    """Of the key set, or of the issuer's metadata, which says where that is."""
    cooldown: float
    _: KW_ONLY
    issuer: str
    described: bool = False
    """Whether `url` is that of the issuer's metadata."""
    pause: float = REFRESH_PAUSE
    headers: Callable[[], Mapping[str, str]] = dict
    """Those of each request."""
    keys: Keys = field(default_factory=dict)
    _problem: str | None = None
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
            await self._look_for(key_id)
        key = self.keys.get(key_id)
        if key is None and key_id not in self._missing:
            raise KeysUnavailable(retry_after=max(1, ceil(self._cooldown_left())))
        return key

    async def keep_fresh(self) -> None:
        """Runs for as long as the process does."""
        while True:
            await self._refresh()
            await asyncio.sleep(self.pause if self._read_once else self.cooldown)

    async def _look_for(self, key_id: str) -> None:
        """A second time where the request under way had begun before, or a cooldown that is nearly over was met."""
        self._note_asked(key_id)
        await self._refresh()
        left = self._cooldown_left()
        if key_id in self.keys or key_id in self._missing or left > WORTH_WAITING:
            return
        await asyncio.sleep(max(0.0, left) + TIMER_STEP)
        self._note_asked(key_id)
        await self._refresh()

    def _note_asked(self, key_id: str) -> None:
        if len(self._asked_for) < MAX_MISSING:
            self._asked_for.add(key_id)

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
            keys = parse_key_set(await self._download(await self._address()))
        except (aiohttp.ClientError, TimeoutError, OSError, KeySetUnreadable) as error:
            self._note(str(error) or type(error).__name__)
            return
        self._note(None)
        first, self._read_once = not self._read_once, True
        missing = asked_for | self._missing | set(self.keys)
        self._missing = (missing if len(missing) <= MAX_MISSING else asked_for) - set(keys)
        if set(keys) != set(self.keys) or any(keys[name].jwk != self.keys[name].jwk for name in keys):
            if not first:
                record_key_change(self.keys, keys, "identity provider")
            self.keys = keys

    def _note(self, problem: str | None) -> None:
        """One line for each reason why the keys cannot be read, and one when they can again."""
        if problem == self._problem:
            return
        if problem is not None:
            log.warning("the keys of %s cannot be read, keeping the last good ones: %s", self.issuer, problem)
        else:
            log.warning("the keys of %s can be read again", self.issuer)
        self._problem = problem

    async def _address(self) -> str:
        """Where the keys are; raises what `_download` raises."""
        return key_set_address(await self._download(self.url), self.issuer, self.url) if self.described else self.url

    async def _download(self, url: str) -> bytes:
        timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT)
        headers = self.headers()
        async with self.session.get(url, timeout=timeout, headers=headers, allow_redirects=False) as response:
            if response.status != 200:
                raise KeySetUnreadable(f"{url} answered {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise KeySetUnreadable(f"{url} answered with more than {MAX_BYTES // 1024} KiB")
        return bytes(body)
