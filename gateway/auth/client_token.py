"""Client tokens (contract, section 2): a JWS by an accepted algorithm and key, with claims of the right types."""

import time
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

from gateway.auth.client_claims import Claims, read_claims
from gateway.auth.issuer_keys import KeySource
from gateway.settings import Algorithm
from shared.auth.internal_token import LEEWAY, LIFETIME, Caller, caller_of
from shared.auth.jws import Header, read_header, signed_payload
from shared.auth.signing import InternalSigner
from shared.auth.trust import is_internal
from shared.concurrency.lru import LruCache
from shared.errors import TokenInvalid

MAX_CLIENT_TOKEN_BYTES = 7680
"""The internal token for it has the same strings in it, a longer signature and the name of its key: with this bound it
stays under the 8,190 bytes that a service accepts in one header."""


@dataclass(slots=True)
class ClientToken:
    """A verified token: its caller, when it expires, and the internal tokens signed for it."""

    caller: Caller
    id: str
    expires_at: int
    rate_limit: int | None
    rate_key: str = field(init=False)
    _internal: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)
    """By service, with the time each was signed."""

    def __post_init__(self) -> None:
        self.rate_key = f"rate:{self.caller.organisation_id}:{self.caller.subject}"

    def internal(self, signer: InternalSigner, service: str) -> str:
        """The internal token for a service; a new one once half of the last one's lifetime is over."""
        now, minted = time.time(), self._internal.get(service)
        if minted is None or now - minted[1] >= LIFETIME / 2:
            minted = self._internal[service] = signer.sign(self.caller, service), now
        return minted[0]


@dataclass(eq=False, repr=False)
class ClientTokenVerifier:
    """Verifies tokens and remembers those that passed, until they expire or the keys change."""

    source: KeySource
    _: KW_ONLY
    issuer: str
    audience: str
    algorithms: frozenset[Algorithm]
    secret: str | None = None
    remembered: int = 10_000

    def __post_init__(self) -> None:
        self._tokens: LruCache[str, ClientToken] = LruCache(self.remembered)
        self._verified_with = self.source.keys

    async def verify(self, token: str) -> ClientToken:
        """Raises `TokenInvalid`, `TokenExpired`, or `Unavailable` when the keys cannot be had."""
        known = self.known(token)
        if known is not None:
            return known
        payload = await self._signed_payload(token)
        verified = _client_token(read_claims(payload, self.issuer, self.audience, time.time()))
        self._tokens.put(token, verified)
        return verified

    def known(self, token: str) -> ClientToken | None:
        """The token, if it was verified before and has not expired; None if it has to be verified."""
        if self.source.keys is not self._verified_with:
            self._verified_with = self.source.keys
            self._tokens.clear()
        known = self._tokens.get(token)
        if known is None or time.time() < known.expires_at + LEEWAY:
            return known
        self._tokens.remove(token)
        return None

    async def _signed_payload(self, token: str) -> bytes:
        if len(token) > MAX_CLIENT_TOKEN_BYTES:
            raise TokenInvalid(f"The token is longer than {MAX_CLIENT_TOKEN_BYTES} bytes.")
        header = read_header(token)
        if header.alg not in self.algorithms:
            raise TokenInvalid("The token's algorithm is not accepted.", reason="algorithm")
        return signed_payload(token, await self._key(header), header.alg)

    async def _key(self, header: Header) -> Any:
        """The secret for HS256 and nothing else; for the others the key that `kid` names, if it is one for `alg`."""
        if header.alg == "HS256":
            if self.secret is None:
                raise TokenInvalid("The token's algorithm is not accepted.", reason="algorithm")
            return self.secret
        key = await self.source.find(header.kid) if header.kid else None
        if key is None or key.algorithm != header.alg:
            raise TokenInvalid("The token is signed with an unknown key.", reason="unknown_key")
        return key.material


def _client_token(claims: Claims) -> ClientToken:
    caller = caller_of(claims)
    permissions = frozenset(name for name in caller.permissions if not is_internal(name))
    return ClientToken(replace(caller, permissions=permissions), claims.jti, claims.exp, claims.rate_limit)
