"""Which issuers may sign internal tokens, and which permissions each may grant (decision 14).

A service has only the public keys of its callers: if it is compromised, it can act as no one but itself.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from shared.auth.jwk import MAX_KEY_ID, Key, KeyInvalid, PrivateKeySet, parse_private_keys, public_key

GATEWAY = "muster-gateway"
INTERNAL = "internal."
"""Prefix of the permissions that only services grant each other. The gateway refuses clients that claim one."""
SEATS = "internal.seats"
"""Permission to agree on what closes a session or takes places away, and to say at once what has changed."""
FETCH_SESSION = "internal.sessions"
"""Permission to fetch a session whose event has not arrived yet."""
STATES = "internal.states"
"""Permission to read current rows of all organisations, for `verify` and `rebuild`."""
KNOWN = "internal.known"
"""Permission to read what rows of an organisation said at a moment."""
PUBLIC = "internal.public"
"""Permission to pass on what anybody may ask without a token."""
REVOCATIONS = "internal.revocations"
"""Permission to read which tokens are refused before they expire."""
POSITION = "internal.position"
"""Permission to ask up to where events are in the feed, or in all queues."""
LIVE = "internal.live"
"""Permission to follow the seats of sessions, for all who watch them at one gateway."""
CALENDARS = "internal.calendars"
"""Permission to read a calendar whose secret somebody has, of whichever organisation."""
OF_GATEWAY = frozenset({PUBLIC, REVOCATIONS, LIVE, CALENDARS})
"""What the gateway asks in its own name, of every organisation: no client is of organisation 0."""

_FEED = {"delivery": frozenset({POSITION})}
GRANTS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "catalog": {"enrollment": frozenset({SEATS, STATES, POSITION}), **_FEED},
    "enrollment": {"catalog": frozenset({FETCH_SESSION, STATES, POSITION}), **_FEED},
    "accounts": {},
    "delivery": {},
    "history": {
        "catalog": frozenset({STATES, POSITION, KNOWN}),
        "enrollment": frozenset({STATES, POSITION, KNOWN}),
        **_FEED,
    },
}
"""The permissions that each service may use at each other service."""
SIGNERS = (GATEWAY, *GRANTS)


def is_internal(permission: str) -> bool:
    """Whether the permission is reserved for services."""
    return permission.startswith(INTERNAL)


def may_grant(issuer: str, audience: str, permissions: Collection[str]) -> bool:
    """Whether this issuer may grant these permissions at that service; the gateway any permission of clients."""
    if issuer == GATEWAY:
        return OF_GATEWAY.issuperset(name for name in permissions if is_internal(name))
    return GRANTS.get(issuer, {}).get(audience, frozenset()).issuperset(permissions)


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key and the one issuer whose tokens it verifies."""

    issuer: str
    key: Key


TrustedKeys = Mapping[str, TrustedKey]
"""By their `kid`."""


def parse_internal_keys(text: str) -> PrivateKeySet:
    """A private JWK set whose first key signs internal tokens; raises `KeyInvalid`."""
    keys = parse_private_keys(text)
    _require_suitable(keys.keys[keys.key_id])
    return keys


def parse_trusted_keys(text: str) -> TrustedKeys:
    """Public JWK sets by their issuers' names, as `{"muster-gateway": {"keys": […]}, …}`; raises `KeyInvalid`.

    Unknown issuers are ignored, since a later version may have more.
    """
    try:
        sets = json.loads(text)
        jwks = [(issuer, jwk) for issuer in SIGNERS if issuer in sets for jwk in sets[issuer]["keys"]]
        if any("d" in jwk for _, jwk in jwks):
            raise KeyInvalid("a private key has no place among the trusted ones")
        trusted = [TrustedKey(issuer, public_key(jwk)) for issuer, jwk in jwks]
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError):
        raise KeyInvalid("the file does not hold JWK sets by the names of their issuers") from None
    by_id = {each.key.id: each for each in trusted}
    if not trusted or len(by_id) != len(trusted):
        raise KeyInvalid("there must be keys, each with a kid of its own")
    for each in trusted:
        _require_suitable(each.key)
    return by_id


def _require_suitable(key: Key) -> None:
    if key.algorithm != "EdDSA" or len(key.id) > MAX_KEY_ID:
        raise KeyInvalid(f"internal tokens are signed by Ed25519, with a kid of at most {MAX_KEY_ID} characters")
