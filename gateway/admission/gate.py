"""Who gets in: token, rate limit, revocation and `api.access`, in this order (contract, sections 1 and 2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from gateway.admission.cutoffs import CutOffs
from gateway.admission.rate_limiter import Hit, Limiter
from gateway.admission.revocation import Revocations
from gateway.admission.sliding_window import Decision
from gateway.auth.client_token import ClientToken, ClientTokenVerifier
from gateway.auth.remote_jwks import KeysUnavailable
from shared.auth.internal_token import API_ACCESS, bearer_token
from shared.errors import PermissionDenied, RateLimited, TokenInvalid, TokenMissing
from shared.http.request import Request
from shared.security_log import SecurityEvent, record

LOGOUTS = 10
"""A minute, beyond the user's rate limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Per minute: requests of a user, and requests of an address without a valid token."""

    user: int
    address: int


@dataclass(slots=True)
class Limited:
    """How many requests were refused so far because a user, or an address without a token, sent too many."""

    user: int = 0
    address: int = 0


@dataclass(slots=True)
class Admission:
    """A counted request with a valid token; `decision` says whether it may go on, and what the response says about
    the limit."""

    token: ClientToken
    decision: Decision
    address: Callable[[], str]
    """The client's, for the security log: determined only when a request is refused."""
    limited: "Limited"

    def require(self) -> ClientToken:
        """The token; raises `RateLimited`, or `PermissionDenied` without `api.access`."""
        if not self.decision.admitted:
            self.limited.user += 1
            self._record(SecurityEvent.RATE_LIMITED, reason="user")
            raise RateLimited(self.decision.retry_after)
        return self.require_access()

    def require_access(self) -> ClientToken:
        """The token, whatever the limit says; raises `PermissionDenied` without `api.access`."""
        if not self.token.caller.may(API_ACCESS):
            self._record(SecurityEvent.PERMISSION_DENIED, permission=API_ACCESS)
            raise PermissionDenied(API_ACCESS)
        return self.token

    def _record(self, event: SecurityEvent, **fields: str) -> None:
        _record_of(self.token, event, self.address(), **fields)


@dataclass(frozen=True, slots=True)
class Gate:
    """Admits requests: every request with a token passes here."""

    verifier: ClientTokenVerifier
    limiter: Limiter
    revocations: Revocations
    cut_offs: CutOffs
    limits: Limits
    limited: Limited = field(default_factory=Limited)

    async def admit(self, authorization: Sequence[str], address: str) -> Admission:
        """Raises `TokenMissing`, `TokenInvalid` or `TokenExpired`, or `RateLimited` for an address with too many.

        Raises `KeysUnavailable` where the token cannot be verified.
        """
        try:
            token = await self.verifier.verify(bearer_token(authorization))
        except KeysUnavailable:
            await self._require_room_for(address)
            raise
        except (TokenMissing, TokenInvalid) as error:
            await self._require_room_for(address)
            record(SecurityEvent.TOKEN_REFUSED, reason=error.reason, address=address)
            raise
        return await self.admit_token(token, lambda: address)

    def known_token(self, token: str) -> ClientToken | None:
        """The token, if it was verified before and is still valid."""
        return self.verifier.known(token)

    def known_token_in(self, authorization: Sequence[str]) -> ClientToken | None:
        """The token in a request's `Authorization` headers, if it was verified before and is still valid."""
        try:
            return self.verifier.known(bearer_token(authorization))
        except (TokenMissing, TokenInvalid):
            return None

    async def admit_token(self, token: ClientToken, address: Callable[[], str]) -> Admission:
        """For a verified token; raises `TokenInvalid` when it was revoked, or `RateLimited` as above."""
        try:
            return Admission(token, await self.limiter.hit(self._hit(token)), address, self.limited)
        except TokenInvalid as error:
            await self._require_room_for(address())
            _record_of(token, SecurityEvent.TOKEN_REFUSED, address(), reason=error.reason)
            raise

    async def count_unadmitted(self, reason: str, authorization: Sequence[str], address: str) -> Decision | None:
        """Counts a request that is refused before admission: for its user where it has a valid token, otherwise for its
        address. The user's decision; raises `RateLimited` for an address with too many."""
        decision = await self._counted_for_user(authorization, address)
        if decision is None:
            await self._require_room_for(address)
        elif not decision.admitted:
            self.limited.user += 1
            record(SecurityEvent.RATE_LIMITED, reason="user", address=address)
            return decision
        record(SecurityEvent.REQUEST_REFUSED, reason=reason, address=address)
        return decision

    async def _counted_for_user(self, authorization: Sequence[str], address: str) -> Decision | None:
        """None without a valid token. A token that was not verified before is verified only while its address may send
        requests without one: strangers cannot have more of them verified."""
        token = self.known_token_in(authorization)
        try:
            if token is None and self.limiter.would_admit(self._hit_of(address)):
                token = await self.verifier.verify(bearer_token(authorization))
            return None if token is None else await self.limiter.hit(self._hit(token))
        except (TokenMissing, TokenInvalid, KeysUnavailable):
            return None

    async def require_logout(self, admission: Admission) -> ClientToken:
        """The token, even when its user's limit is used up: a thief must not keep the owner from revoking it that way.

        Raises `RateLimited` past `LOGOUTS` of those in a minute, or `PermissionDenied`.
        """
        if not admission.decision.admitted:
            further = await self.limiter.hit(Hit(f"{admission.token.rate_key}:logout", LOGOUTS))
            if not further.admitted:
                self.limited.user += 1
                record(SecurityEvent.RATE_LIMITED, reason="logout", address=admission.address())
                raise RateLimited(admission.decision.retry_after)  # from then on none of these is needed
        return admission.require_access()

    async def revoke(self, token: ClientToken, address: str) -> None:
        await self.revocations.revoke(token.id, token.expires_at)
        _record_of(token, SecurityEvent.TOKEN_REVOKED, address, token_id=token.id)

    async def require_room_to_read(self, kind: str, address: str) -> None:
        """Counts a request without a token for what is of this kind, apart from all others of the address; raises
        `RateLimited`."""
        decision = await self.limiter.hit(Hit(f"rate:{kind}:{address}", self.limits.address))
        if not decision.admitted:
            self.limited.address += 1
            record(SecurityEvent.RATE_LIMITED, reason=kind, address=address)
            raise RateLimited(decision.retry_after)

    def _hit(self, token: ClientToken) -> Hit:
        """Raises `TokenInvalid` for a token that was cut off."""
        if token.checked != self.cut_offs.version:
            self.cut_offs.check(token)
        return Hit(token.rate_key, token.rate_limit or self.limits.user, token.id, token.expires_at)

    def _hit_of(self, address: str) -> Hit:
        return Hit(f"rate:address:{address}", self.limits.address)

    async def _require_room_for(self, address: str) -> None:
        decision = await self.limiter.hit(self._hit_of(address))
        if not decision.admitted:
            self.limited.address += 1
            record(SecurityEvent.RATE_LIMITED, reason="address", address=address)
            raise RateLimited(decision.retry_after)


def _record_of(token: ClientToken, event: SecurityEvent, address: str, **fields: str) -> None:
    caller = token.caller
    record(event, subject=caller.subject, organisation_id=caller.organisation_id, address=address, **fields)


def client_address(trusted_proxies: int, request: Request) -> str:
    """The address that a client is limited by; the last `trusted_proxies` ones are those of our own proxies."""
    return client_network(request.peer, request.headers.getall("X-Forwarded-For", []), trusted_proxies)


def client_network(peer: str, forwarded_for: Sequence[str], trusted_proxies: int) -> str:
    """The address that a client's limit is counted for; of IPv6 the /64, within which a client can have any address.

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
