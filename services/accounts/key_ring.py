"""What signs access tokens: the keys of the database, read again when they change."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.accounts.store import keys as key_store
from services.accounts.tokens import ACCESS_TOKEN
from shared.auth.jwk import PrivateKeySet, parse_private_keys
from shared.auth.secrets_at_rest import Sealer, SecretWrong
from shared.concurrency.backoff import Backoff
from shared.errors import Unavailable
from shared.messaging.retrying import retry_forever
from shared.postgres.pool import Pool, connected, transaction

log = logging.getLogger(__name__)

NO_ORGANISATION: tuple[int, ...] = ()
"""Keys are the installation's."""
CHECK_INTERVAL = 1.0
"""Seconds between two looks whether the keys have changed."""


class NoSigningKey(Unavailable):
    message = "Tokens cannot be signed right now. Try again soon."


@dataclass(eq=False)
class KeyRing:
    """Keys that are published, of which one signs."""

    pool: Pool
    sealer: Sealer
    _keys: PrivateKeySet | None = None
    _version: object = None

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWT with `typ: at+jwt`; raises `NoSigningKey`."""
        return self._current().sign(claims, typ=ACCESS_TOKEN)

    def published(self) -> str:
        """The public key set, as JSON text; raises `NoSigningKey`."""
        return self._current().published()

    def _current(self) -> PrivateKeySet:
        if self._keys is None:
            raise NoSigningKey
        return self._keys

    async def has_been_read(self) -> bool:
        return self._keys is not None

    async def follow(self) -> None:
        """Runs for as long as the process does, through any outage of the database."""
        await retry_forever(self._follow, "the reader of signing keys", longest_pause=CHECK_INTERVAL)

    async def _follow(self, backoff: Backoff) -> None:
        while True:
            try:
                await self.read()
                backoff.reset()
            except SecretWrong as error:
                log.error("the signing keys cannot be read, keeping the last ones: %s", error)
            await asyncio.sleep(CHECK_INTERVAL)

    async def read(self) -> None:
        """Makes the first key where there is none; raises `SecretWrong` where they have another secret."""
        async with connected(self.pool) as connection:
            version = await key_store.version(connection)
            if version is not None and version == self._version:
                return
        async with transaction(self.pool, NO_ORGANISATION) as connection:
            if version is None:
                await key_store.make_first(connection, self.sealer)
                version = await key_store.version(connection)
            # What changes in between is read again, since the version is the one before.
            self._keys = parse_private_keys(await key_store.key_set(connection, self.sealer))
            self._version = version
