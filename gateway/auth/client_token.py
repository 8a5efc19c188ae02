"""Client tokens (contract, section 2): a JWS by an accepted algorithm and key, with claims of the right types."""

import hashlib
import time
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

import jwt

from gateway.auth.client_claims import (
    ClaimReader,
    OutsideClaims,
    members_of,
    own_claims,
    require_audience,
    require_recent,
)
from gateway.auth.key_sources import KeySource
from gateway.auth.providers import Algorithm
from shared.auth.internal_token import LEEWAY, LIFETIME, Caller, caller_of, require_current
from shared.auth.jwk import Keys
from shared.auth.jws import Header, read_header, signed_payload
from shared.auth.signing import InternalSigner
from shared.auth.trust import is_internal
from shared.concurrency.lru import LruCache
from shared.errors import TokenInvalid

MAX_CLIENT_TOKEN_BYTES = 7680
"""The internal token for it has the same strings in it, a longer signature and the name of its key: with this bound it
stays under the 8,190 bytes that a service accepts in one header."""
NEVER_CHECKED = -1


@dataclass(slots=True)
class Speaker:
    """Somebody the gateway speaks for, and the internal tokens signed for them."""

    caller: Caller
    _internal: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False, kw_only=True)
    """By service, with the time each was signed."""

    def internal(self, signer: InternalSigner, service: str) -> str:
        """The internal token for a service; a new one once half of the last one's lifetime is over."""
        now, minted = time.time(), self._internal.get(service)
        if minted is None or now - minted[1] >= LIFETIME / 2:
            minted = self._internal[service] = signer.sign(self.caller, service), now
        return minted[0]


@dataclass(frozen=True, slots=True, eq=False)
class Provider:
    """Whose tokens are accepted, by which algorithms and keys, and what its claims mean."""

    issuer: str
    audience: str
    algorithms: frozenset[Algorithm]
    source: KeySource
    _: KW_ONLY
    secret: str | None = field(default=None, repr=False)
    read: ClaimReader = own_claims
    is_one_of_several: bool = False
    """Then its ids of tokens may be those of another one's, and it knows nothing of how long we keep cut-offs."""


@dataclass(slots=True)
class ClientToken(Speaker):
    """A verified token: its caller, who issued it and when, when it expires, and how it is counted."""

    id: str
    issuer: str
    issued_at: int
    expires_at: int
    rate_limit: int | None
    has_session: bool
    """Whether a logout has more to end than this token."""
    provider: Provider = field(repr=False)
    verified_with: Keys = field(repr=False)
    checked: int = NEVER_CHECKED
    """The version of the cut-offs that it was found to be none of."""
    rate_key: str = field(init=False)

    def __post_init__(self) -> None:
        self.rate_key = f"rate:{self.caller.organisation_id}:{self.caller.subject}"


class ClientTokenVerifier:
    """Verifies tokens of several providers, and remembers those that passed until they expire or the keys change."""

    def __init__(self, providers: Iterable[Provider], remembered: int = 10_000) -> None:
        self._providers = {provider.issuer: provider for provider in providers}
        self._tokens: LruCache[str, ClientToken] = LruCache(remembered)

    async def verify(self, token: str) -> ClientToken:
        """Raises `TokenInvalid`, `TokenExpired`, or `Unavailable` when the keys cannot be had."""
        known = self.known(token)
        if known is not None:
            return known
        if len(token) > MAX_CLIENT_TOKEN_BYTES:
            raise TokenInvalid(f"The token is longer than {MAX_CLIENT_TOKEN_BYTES} bytes.")
        header = read_header(token)
        provider = self._provider_of(token)
        payload = signed_payload(token, await _key(provider, header), header.alg)
        verified = _client_token(provider, payload)
        self._tokens.put(token, verified)
        return verified

    def known(self, token: str) -> ClientToken | None:
        """The token, if it was verified before and has not expired; None if it has to be verified."""
        known = self._tokens.get(token)
        if known is None:
            return None
        if known.verified_with is known.provider.source.keys and time.time() < known.expires_at + LEEWAY:
            return known
        self._tokens.remove(token)
        return None

    def _provider_of(self, token: str) -> Provider:
        """By what the token says of itself, which nobody has verified yet; raises `TokenInvalid`.

        Only that provider's keys can verify it, so a lie leads nowhere.
        """
        try:
            payload = jwt.utils.base64url_decode(token.split(".")[1])
        except ValueError:
            raise TokenInvalid from None
        issuer = members_of(payload).get("iss")
        provider = self._providers.get(issuer) if isinstance(issuer, str) else None
        if provider is None:
            raise TokenInvalid("The token's issuer or audience is not accepted.", reason="issuer")
        return provider


async def _key(provider: Provider, header: Header) -> Any:
    """The secret for HS256 and nothing else; for the others the key that `kid` names, if it is one for `alg`.

    Raises `TokenInvalid`, or `Unavailable` when the keys cannot be had.
    """
    if header.alg not in provider.algorithms or (header.alg == "HS256" and provider.secret is None):
        raise TokenInvalid("The token's algorithm is not accepted.", reason="algorithm")
    if header.alg == "HS256":
        return provider.secret
    key = await provider.source.find(header.kid) if header.kid else None
    if key is None or key.algorithm != header.alg:
        raise TokenInvalid("The token is signed with an unknown key.", reason="unknown_key")
    return key.material


def _client_token(provider: Provider, payload: bytes) -> ClientToken:
    """Raises `TokenInvalid` or `TokenExpired`."""
    claims, now = provider.read(payload), time.time()
    require_audience(claims, provider.audience)
    require_current(claims, now)
    if provider.is_one_of_several:
        require_recent(claims.iat, now)
    caller = caller_of(claims)
    permissions = frozenset(name for name in caller.permissions if not is_internal(name))
    return ClientToken(
        replace(caller, permissions=permissions),
        _id(provider, claims),
        provider.issuer,
        claims.iat,
        claims.exp,
        claims.rate_limit,
        claims.sid is not None,
        provider,
        provider.source.keys,
    )


def _id(provider: Provider, claims: OutsideClaims) -> str:
    """What a logout revokes. Without an id of its own it stands for all that were issued to the subject just then."""
    if claims.jti is None:
        return _digest(claims.iss, claims.sub, str(claims.iat))
    return _digest(claims.iss, claims.jti) if provider.is_one_of_several else claims.jti


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
