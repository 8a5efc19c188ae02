"""Who gets in: token, rate limit, revocation and `api.access`, in this order (contract, sections 1 and 2)."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from gateway.authentication import ClientToken, ClientTokenVerifier
from gateway.key_set import KeysUnavailable
from gateway.limiter import Hit, Limiter
from gateway.rate_limit import Decision
from gateway.revocation import Revocations
from shared.errors import RateLimited, TokenInvalid, TokenMissing
from shared.identity import API_ACCESS, bearer_token


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a minute: of a user, of an address without a good token, and attempts to log in."""

    user: int
    address: int
    login: int


@dataclass(frozen=True, slots=True)
class Admission:
    """A request whose token is good, counted; `decision` says whether it may go on and what its answer tells."""

    token: ClientToken
    decision: Decision

    def require(self) -> ClientToken:
        """The token; raises `RateLimited`, or `PermissionDenied` without `api.access`."""
        _require_admitted(self.decision)
        self.token.caller.require(API_ACCESS)
        return self.token


class Gate:
    """Every request with a token passes here."""

    def __init__(
        self, verifier: ClientTokenVerifier, limiter: Limiter, revocations: Revocations, limits: Limits
    ) -> None:
        self._verifier = verifier
        self._limiter = limiter
        self._revocations = revocations
        self._limits = limits

    async def admit(self, authorization: Sequence[str], address: str) -> Admission:
        """Raises `TokenMissing`, `TokenInvalid` or `TokenExpired`, or `RateLimited` for an address with too many.

        Raises `KeysUnavailable` where nobody can say whether the token is good.
        """
        try:
            token = await self._verifier.verify(bearer_token(authorization))
        except (TokenMissing, TokenInvalid, KeysUnavailable):
            await self._require_room(f"rate:address:{address}", self._limits.address)
            raise
        return await self.admit_token(token, lambda: address)

    def known_token(self, token: str) -> ClientToken | None:
        """The token, if it was verified before and is good still."""
        return self._verifier.known(token)

    def known_token_in(self, authorization: Sequence[str]) -> ClientToken | None:
        """That of a request's `Authorization` headers, if it was verified before and is good still."""
        try:
            return self._verifier.known(bearer_token(authorization))
        except (TokenMissing, TokenInvalid):
            return None

    async def admit_token(self, token: ClientToken, address: Callable[[], str]) -> Admission:
        """For a token that was verified; raises `TokenInvalid` when it was revoked, or `RateLimited` as above."""
        try:
            return Admission(token, await self._limiter.hit(self._hit(token)))
        except TokenInvalid:
            await self._require_room(f"rate:address:{address()}", self._limits.address)
            raise

    async def admit_login_from(self, address: str) -> None:
        """Counts an attempt to log in; raises `RateLimited`."""
        await self._require_room(f"rate:login-address:{address}", self._limits.login)

    async def admit_login_as(self, email: str) -> None:
        """Counts an attempt to log in as this user, known or not; raises `RateLimited`."""
        # A digest: Redis need not hold what people typed, of any length.
        digest = hashlib.sha256(email.casefold().encode()).hexdigest()
        await self._require_room(f"rate:login-email:{digest}", self._limits.login)

    async def revoke(self, token: ClientToken) -> None:
        await self._revocations.revoke(token.id, token.expires_at)

    def _hit(self, token: ClientToken) -> Hit:
        return Hit(token.rate_key, token.rate_limit or self._limits.user, token.id, token.expires_at)

    async def _require_room(self, key: str, limit: int) -> None:
        _require_admitted(await self._limiter.hit(Hit(key, limit)))


def _require_admitted(decision: Decision) -> None:
    if not decision.admitted:
        raise RateLimited(decision.retry_after)


def client_network(peer: str, forwarded_for: Sequence[str], trusted_proxies: int) -> str:
    """The address a client is limited by; an IPv6 client by its /64, within which it can have any address.

    Only the last `trusted_proxies` entries of `X-Forwarded-For` were written by proxies of our own.
    """
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",")] if trusted_proxies else []
    named = hops[-trusted_proxies] if len(hops) >= trusted_proxies > 0 else peer
    try:
        address = ip_address(named)
    except ValueError:
        return peer
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return str(getattr(address, "ipv4_mapped", None) or address)
