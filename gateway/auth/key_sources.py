"""Where public keys come from that verify tokens, unless they are fetched (`gateway.auth.remote_jwks`)."""

import logging
from pathlib import Path
from typing import Any, Protocol

from shared.auth.jwk import MAX_KEYS, Key, KeyInvalid, Keys, public_key
from shared.auth.key_changes import record_key_change
from shared.auth.watched_file import WatchedFile
from shared.errors import MalformedJson, TooManyValues
from shared.validation.strict_json import parse_json

log = logging.getLogger(__name__)

_PRIVATE_MEMBERS = frozenset({"d", "k"})


class KeySource(Protocol):
    """Where the keys come from that tokens are verified with."""

    @property
    def keys(self) -> Keys:
        """The current keys; a new object after every change."""

    async def find(self, key_id: str) -> Key | None:
        """The key with this `kid`, fetched if necessary; raises `Unavailable` when it cannot be found out."""


class KeySetUnreadable(ValueError):
    """What should be a key set is none; says why."""


class FileKeys(WatchedFile[Keys]):
    """A public key set in a file, which is read again when it changes: keys rotate without a restart."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, parse_public_keys, _record_change)

    @property
    def keys(self) -> Keys:
        return self.contents

    async def find(self, key_id: str) -> Key | None:
        return self.contents.get(key_id) or self.current().get(key_id)


class NoKeys:
    """For tokens that are signed with a shared secret alone."""

    def __init__(self) -> None:
        self.keys: Keys = {}

    async def find(self, key_id: str) -> Key | None:
        return None


def parse_key_set(text: str | bytes) -> Keys:
    """The usable keys of a provider's set; raises `KeySetUnreadable`."""
    keys = [key for jwk in _jwks(text) if isinstance(jwk, dict) and (key := _usable(jwk)) is not None]
    return {key.id: key for key in keys}


def parse_public_keys(text: str) -> Keys:
    """The same of a file that an operator put here; raises `KeySetUnreadable` also if it holds no key, or a secret."""
    if any(isinstance(jwk, dict) and not _PRIVATE_MEMBERS.isdisjoint(jwk) for jwk in _jwks(text)):
        raise KeySetUnreadable("it holds a private key: put its public half here, and leave the rest to the issuer")
    keys = parse_key_set(text)
    if not keys:
        raise KeySetUnreadable("it holds no key for signatures by EdDSA, ES256 or RS256")
    return keys


def _jwks(text: str | bytes) -> list[Any]:
    try:
        members = parse_json(text if isinstance(text, bytes) else text.encode())
    except (MalformedJson, TooManyValues) as error:
        raise KeySetUnreadable(error.message) from None
    jwks = members.get("keys") if isinstance(members, dict) else None
    if not isinstance(jwks, list) or len(jwks) > MAX_KEYS:
        raise KeySetUnreadable("it is not a JWK set of reasonable size")
    return jwks


def _usable(jwk: dict[str, Any]) -> Key | None:
    """A provider's set may hold keys for other uses; they are passed over (RFC 7517, section 5)."""
    try:
        return public_key(jwk)
    except KeyInvalid as error:
        log.info("ignoring a key of the key set: %s", error)
        return None


def _record_change(before: Keys, after: Keys) -> None:
    record_key_change(before, after, "file")
