"""The keys that verify client tokens, and those that the built-in issuer signs them with."""

from pathlib import Path
from typing import Protocol

from shared.auth.jwk import Key, Keys, PrivateKeySet, parse_private_keys
from shared.auth.key_changes import record_issuer_keys
from shared.auth.watched_file import WatchedFile


class KeySource(Protocol):
    """Where the keys come from that tokens are verified with."""

    @property
    def keys(self) -> Keys:
        """The current keys; a new object after every change."""

    async def find(self, key_id: str) -> Key | None:
        """The key with this `kid`, fetched if necessary; raises `Unavailable` when it cannot be found out."""


class IssuerKeys(WatchedFile[PrivateKeySet]):
    """The built-in issuer's keys; the file is read again when it changes, so keys rotate without a restart."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, parse_private_keys, record_issuer_keys)

    @property
    def keys(self) -> Keys:
        return self.contents.keys

    async def find(self, key_id: str) -> Key | None:
        # Another process may have begun to sign with a key that this one has not seen yet.
        return self.keys.get(key_id) or self.current().keys.get(key_id)


class NoKeys:
    """For gateways that accept only tokens signed with a shared secret."""

    def __init__(self) -> None:
        self.keys: Keys = {}

    async def find(self, key_id: str) -> Key | None:
        return None
