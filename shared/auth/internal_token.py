"""The caller of a request, carried between processes by the internal JWT.

The gateway issues it from a client's token, and each service issues tokens for its own calls (`shared.auth.signing`). A
service accepts it only from an issuer that may grant its permissions (`shared.auth.trust`). It expires within seconds,
so a stolen one is soon useless.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from shared.auth.claims import CallerClaims, InternalClaims, UserType
from shared.auth.jws import read_header, signed_payload
from shared.auth.trust import GATEWAY, TrustedKey, TrustedKeys, may_grant
from shared.auth.watched_file import WatchedFile
from shared.concurrency.lru import LruCache
from shared.errors import MalformedJson, PermissionDenied, TokenExpired, TokenInvalid, TokenMissing, TooManyValues
from shared.validation.strict_json import parse_json

C = TypeVar("C", bound=CallerClaims)

ALGORITHM = "EdDSA"
LIFETIME = 60
"""Seconds for which an internal token is valid; longer than any request may take."""
LEEWAY = 30
"""Seconds by which the clocks of two machines may differ (docs/faults.md)."""

API_ACCESS = "api.access"
VIEW = "training.view"
VIEW_SELF = "training.view.self"
VIEW_COMPANY = "training.view.company"
ENROLL = "training.enroll"
ENROLL_SELF = "training.enroll.self"
ENROLL_COMPANY = "training.enroll.company"
RECORD = "training.record"
MANAGE = "training.manage"
ACCOUNTS = "accounts.manage"
"""Users and programs of the organisation."""
EVENTS = "events.view"
"""The feed of all events, which have all of the organisation's rows in them."""
WEBHOOKS = "webhooks.manage"
"""Where events are sent to."""
PLATFORM = "platform.manage"
"""Organisations themselves; no role of an organisation has it."""
SCOPES = (
    API_ACCESS,
    VIEW,
    VIEW_SELF,
    VIEW_COMPANY,
    ENROLL,
    ENROLL_SELF,
    ENROLL_COMPANY,
    RECORD,
    MANAGE,
    ACCOUNTS,
    EVENTS,
    WEBHOOKS,
    PLATFORM,
)
"""All that a client's token may carry, in the order of the contract, section 2: the scopes of OAuth."""
CLIENT_PERMISSIONS = frozenset(SCOPES)


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified client (contract, section 2).

    `employee_id` is the user's own employee record, if there is one; `company_ids` are those whose people are theirs to
    look after.
    """

    organisation_id: int
    subject: str
    name: str
    user_type: UserType
    permissions: frozenset[str]
    employee_id: int | None = None
    company_ids: tuple[int, ...] = ()

    def may(self, *permissions: str) -> bool:
        """Whether the caller has at least one of the permissions."""
        return not self.permissions.isdisjoint(permissions)

    def require(self, *permissions: str) -> None:
        """Raises `PermissionDenied`, which names the first, unless the caller has at least one of the permissions."""
        if not self.may(*permissions):
            raise PermissionDenied(permissions[0])


def bearer_token(authorization: Sequence[str]) -> str:
    """The token of the `Authorization` headers (RFC 6750); raises `TokenMissing` or `TokenInvalid`."""
    if len(authorization) > 1:
        raise TokenInvalid("There is more than one Authorization header.")
    scheme, _, token = (authorization[0] if authorization else "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing
    return token.strip()


class InternalTokenVerifier:
    """Verifies the internal tokens sent to one service, and caches them, since the gateway sends each many times."""

    def __init__(self, audience: str, trusted: WatchedFile[TrustedKeys], remembered: int = 10_000) -> None:
        self._audience = audience
        self._trusted = trusted
        self._verified_with = trusted.contents
        self._callers: LruCache[str, tuple[Caller, float]] = LruCache(remembered)

    def verify(self, token: str) -> Caller:
        """The caller of a token; raises `TokenInvalid` or `TokenExpired`."""
        if self._trusted.contents is not self._verified_with:
            self._verified_with = self._trusted.contents
            self._callers.clear()
        known = self._callers.get(token)
        if known is not None and time.time() < known[1]:
            return known[0]
        claims = self._claims(token)
        caller = caller_of(claims)
        self._remember(token, caller, claims.exp + LEEWAY)
        return caller

    def _remember(self, token: str, caller: Caller, until: float) -> None:
        """Evicts expired tokens, the least recently used first: each client gets a new one twice a minute.

        No token is cached for longer than the gateway's tokens last: it would block the eviction of those after it.
        """
        now = time.time()
        self._callers.drop_oldest_while(lambda known: known[1] <= now)
        self._callers.put(token, (caller, min(until, now + LIFETIME + LEEWAY)))

    def _claims(self, token: str) -> InternalClaims:
        """The claims of a token whose signature and issuer were verified."""
        header = read_header(token)
        if header.alg != ALGORITHM:
            raise TokenInvalid("The token's algorithm is not accepted.", reason="algorithm")
        trusted = self._key(header.kid)
        claims = read_as(InternalClaims, signed_payload(token, trusted.key.material, ALGORITHM))
        self._require_granted(trusted.issuer, claims)
        require_current(claims, time.time())
        return claims

    def _key(self, key_id: str | None) -> TrustedKey:
        """Raises `TokenInvalid`. Reads the file again first, since another process may already sign with a new key."""
        trusted = self._trusted.contents.get(key_id or "") or self._trusted.current().get(key_id or "")
        if trusted is None:
            raise TokenInvalid("The token is signed with an unknown key.", reason="unknown_key")
        return trusted

    def _require_granted(self, issuer: str, claims: InternalClaims) -> None:
        """Checks that the holder of the key may grant these permissions at this service; raises `TokenInvalid`."""
        if claims.iss != issuer or claims.aud != self._audience:
            reason = "issuer" if claims.iss != issuer else "audience"
            raise TokenInvalid("The token's issuer or audience is not accepted.", reason=reason)
        of_itself = issuer == GATEWAY or (claims.sub, claims.user_type) == (issuer, "service")
        if not of_itself or not may_grant(issuer, self._audience, claims.permissions):
            raise TokenInvalid("The token's issuer may not grant this.", reason="grant")


def read_as(model: type[C], payload: bytes) -> C:
    """A claim of the wrong type must result in a 401, not a 500, whoever signed it."""
    try:
        return model.model_validate(parse_json(payload))
    except (MalformedJson, TooManyValues, ValidationError):
        raise TokenInvalid("The token's claims are not valid.", reason="claims") from None


def require_current(claims: CallerClaims, now: float) -> None:
    """Raises `TokenInvalid` before their time and `TokenExpired` after it."""
    if max(claims.iat, claims.nbf) > now + LEEWAY:
        raise TokenInvalid("The token is not valid yet.", reason="not_yet_valid")
    if claims.exp <= now - LEEWAY:
        raise TokenExpired


def caller_of(claims: CallerClaims) -> Caller:
    """The caller whom the claims describe; `claims_of` is the other way."""
    return Caller(
        organisation_id=claims.org,
        subject=claims.sub,
        name=claims.name,
        user_type=claims.user_type,
        permissions=frozenset(claims.permissions),
        employee_id=claims.employee_id,
        company_ids=tuple(claims.company_ids),
    )


def claims_of(caller: Caller) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "sub": caller.subject,
        "org": caller.organisation_id,
        "name": caller.name,
        "user_type": caller.user_type,
        "permissions": sorted(caller.permissions),
    }
    if caller.employee_id is not None:
        claims["employee_id"] = caller.employee_id
    if caller.company_ids:
        claims["company_ids"] = list(caller.company_ids)
    return claims
