"""Client tokens (contract, section 2): a JWS by an accepted algorithm and key, with claims of the right types.

PyJWT verifies the signature alone. What a header may say and what a claim must be is checked here, because it
lets pass `exp` as text, an empty `sub`, duplicate claims and any size.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.claims import Claims, read_claims
from gateway.keys import KeySource
from gateway.settings import Algorithm
from shared.errors import MalformedJson, TokenInvalid, TokenMissing
from shared.http.body import parse_json
from shared.identity import INTERNAL, LEEWAY, LIFETIME, Caller, mint_internal_token

MAX_TOKEN_BYTES = 8 * 1024
_COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]{1,8192}\.[A-Za-z0-9_-]{1,8192}\.[A-Za-z0-9_-]{1,8192}\Z")


class Header(BaseModel):
    """The JOSE header. `jku`, `jwk`, `x5u` and `x5c` are never looked at: a token does not bring its own key."""

    model_config = ConfigDict(strict=True, extra="ignore")

    alg: str
    kid: str | None = None
    typ: str = "JWT"
    crit: None = None
    """An extension that must be understood (RFC 7515, section 4.1.11); none is."""


@dataclass(slots=True)
class ClientToken:
    """A verified token: for whom it speaks, until when, and the internal token that goes on for it."""

    caller: Caller
    id: str
    expires_at: int
    rate_limit: int | None
    _internal: str = field(default="", repr=False)
    _minted_at: float = 0.0

    @property
    def rate_key(self) -> str:
        return f"rate:{self.caller.organisation_id}:{self.caller.subject}"

    def internal(self, secret: str) -> str:
        """The internal token; a new one once half of the last one's life is over."""
        now = time.time()
        if now - self._minted_at >= LIFETIME / 2:
            self._internal, self._minted_at = mint_internal_token(self.caller, secret), now
        return self._internal


def bearer_token(authorization: Sequence[str]) -> str:
    """The token in the request's `Authorization` headers (RFC 6750); raises `TokenMissing` or `TokenInvalid`."""
    if len(authorization) > 1:
        raise TokenInvalid("There is more than one Authorization header.")
    scheme, _, token = (authorization[0] if authorization else "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing
    return token.strip()


class ClientTokenVerifier:
    """Verifies tokens and remembers those that passed, until they expire or the keys change."""

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str,
        audience: str,
        algorithms: frozenset[Algorithm],
        secret: str | None = None,
        remembered: int = 10_000,
    ) -> None:
        self._source = keys
        self._issuer = issuer
        self._audience = audience
        self._algorithms = algorithms
        self._secret = secret
        self._remembered = remembered
        self._tokens: OrderedDict[str, ClientToken] = OrderedDict()
        self._verified_with = keys.keys

    async def verify(self, token: str) -> ClientToken:
        """Raises `TokenInvalid`, `TokenExpired`, or `Unavailable` when the keys cannot be had."""
        known = self._known(token)
        if known is not None:
            return known
        if len(token) > MAX_TOKEN_BYTES or not _COMPACT_JWS.match(token):
            raise TokenInvalid
        payload = await self._signed_payload(token)
        verified = _client_token(read_claims(payload, self._issuer, self._audience, time.time()))
        self._remember(token, verified)
        return verified

    def _known(self, token: str) -> ClientToken | None:
        if self._source.keys is not self._verified_with:
            self._verified_with = self._source.keys
            self._tokens.clear()
        known = self._tokens.get(token)
        if known is None or time.time() >= known.expires_at + LEEWAY:
            return None
        self._tokens.move_to_end(token)
        return known

    def _remember(self, token: str, verified: ClientToken) -> None:
        self._tokens[token] = verified
        if len(self._tokens) > self._remembered:
            self._tokens.popitem(last=False)

    async def _signed_payload(self, token: str) -> bytes:
        header = _header(token)
        if header.alg not in self._algorithms:
            raise TokenInvalid("The token's algorithm is not accepted.")
        key = await self._key(header)
        try:
            payload: bytes = jwt.PyJWS().decode(token, key, algorithms=[header.alg])
        except (jwt.PyJWTError, ValueError):
            raise TokenInvalid from None
        return payload

    async def _key(self, header: Header) -> Any:
        """The secret for HS256 and nothing else; for the others the key that `kid` names, if it is one for `alg`."""
        if header.alg == "HS256":
            if self._secret is None:
                raise TokenInvalid("The token's algorithm is not accepted.")
            return self._secret
        key = await self._source.find(header.kid) if header.kid else None
        if key is None or key.algorithm != header.alg:
            raise TokenInvalid("The token's key is not known.")
        return key.material


def _header(token: str) -> Header:
    encoded = token.partition(".")[0]
    try:
        members = parse_json(jwt.utils.base64url_decode(encoded))
        header = Header.model_validate(members)
    except (MalformedJson, ValidationError, ValueError):
        raise TokenInvalid from None
    if header.typ.lower().removeprefix("application/") not in ("jwt", "at+jwt"):
        raise TokenInvalid
    return header


def _client_token(claims: Claims) -> ClientToken:
    caller = Caller(
        organisation_id=claims.org,
        subject=claims.sub,
        name=claims.name,
        user_type=claims.user_type,
        permissions=frozenset(claims.permissions) - {INTERNAL},
        employee_id=claims.employee_id,
    )
    return ClientToken(caller, claims.jti, claims.exp, claims.rate_limit)
