"""Who is asking: the caller behind a request, carried between processes by the internal JWT.

The gateway mints it from a client's token, the services verify it (architecture, decision 6). It lives for
seconds, so that a copied one is soon worthless, and has an audience of its own, so that no client token
passes for it.
"""

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import jwt
from pydantic import Field, ValidationError, model_validator

from shared.claims import CallerClaims, UserType
from shared.errors import MalformedJson, PermissionDenied, TokenExpired, TokenInvalid, TokenMissing, TooManyValues
from shared.http.body import parse_json
from shared.http.fields import MAX_ID
from shared.jws import read_header, signed_payload

AUDIENCE = "internal"
ISSUER = "muster-gateway"
ALGORITHM = "HS256"
LIFETIME = 60
"""Seconds an internal token is good for; longer than any request may take."""
LEEWAY = 30
"""Seconds two machines' clocks may differ (FAULTS.md)."""

API_ACCESS = "api.access"
VIEW = "training.view"
ENROLL = "training.enroll"
ENROLL_SELF = "training.enroll.self"
RECORD = "training.record"
MANAGE = "training.manage"
INTERNAL = "internal.call"
"""Opens what services ask of each other. The gateway lets no client have it, whatever a token says."""


EVERY_ORGANISATION = 0
"""In place of an organisation's id, when one service asks another about the rows of all of them."""


class InternalClaims(CallerClaims):
    """What an internal token says: by the gateway, for services alone."""

    iss: Literal["muster-gateway"]
    aud: Literal["internal"]
    org: Annotated[int, Field(ge=EVERY_ORGANISATION, le=MAX_ID)]

    @model_validator(mode="after")
    def _of_one_organisation(self) -> Self:
        if self.org == EVERY_ORGANISATION and INTERNAL not in self.permissions:
            raise ValueError("only services ask about every organisation")
        return self


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified client: contract, section 2. `employee_id` is the person the user is, if they are one."""

    organisation_id: int
    subject: str
    name: str
    user_type: UserType
    permissions: frozenset[str]
    employee_id: int | None = None

    def may(self, *permissions: str) -> bool:
        """Whether any one of the permissions is held."""
        return not self.permissions.isdisjoint(permissions)

    def require(self, *permissions: str) -> None:
        """Raises `PermissionDenied`, naming the first, unless any one of the permissions is held."""
        if not self.may(*permissions):
            raise PermissionDenied(permissions[0])


def mint_internal_token(caller: Caller, secret: str) -> str:
    """A token for the services, good for `LIFETIME` seconds."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + LIFETIME,
        "sub": caller.subject,
        "org": caller.organisation_id,
        "name": caller.name,
        "user_type": caller.user_type,
        "permissions": sorted(caller.permissions),
    }
    if caller.employee_id is not None:
        claims["employee_id"] = caller.employee_id
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def bearer_token(authorization: Sequence[str]) -> str:
    """The token in the request's `Authorization` headers (RFC 6750); raises `TokenMissing` or `TokenInvalid`."""
    if len(authorization) > 1:
        raise TokenInvalid("There is more than one Authorization header.")
    scheme, _, token = (authorization[0] if authorization else "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing
    return token.strip()


class InternalTokenVerifier:
    """Reads internal tokens; remembers those it verified, since a gateway sends one token many times."""

    def __init__(self, secret: str, remembered: int = 10_000) -> None:
        self._secret = secret
        self._remembered = remembered
        self._callers: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    def verify(self, token: str) -> Caller:
        """The caller a token speaks for; raises `TokenInvalid` or `TokenExpired`."""
        known = self._callers.get(token)
        if known is not None and time.time() < known[1]:
            return known[0]
        claims = self._claims(token)
        caller = _caller(claims)
        self._remember(token, caller, claims.exp + LEEWAY)
        return caller

    def _remember(self, token: str, caller: Caller, until: float) -> None:
        """Forgets those whose time is over, the oldest first: each client gets a new one twice a minute.

        None is remembered for longer than the gateway's last: it would keep those behind it.
        """
        now = time.time()
        self._callers.pop(token, None)
        while self._callers and (len(self._callers) >= self._remembered or self._oldest_until() <= now):
            self._callers.popitem(last=False)
        self._callers[token] = (caller, min(until, now + LIFETIME + LEEWAY))

    def _oldest_until(self) -> float:
        return next(iter(self._callers.values()))[1]

    def _claims(self, token: str) -> InternalClaims:
        """Only the gateway holds the secret, yet a claim of the wrong type must end in 401 and not in a 500."""
        if read_header(token).alg != ALGORITHM:
            raise TokenInvalid("The token's algorithm is not accepted.", reason="algorithm")
        payload = signed_payload(token, self._secret, ALGORITHM)
        try:
            claims = InternalClaims.model_validate(parse_json(payload))
        except (MalformedJson, TooManyValues, ValidationError):
            raise TokenInvalid("The token's claims are not valid.", reason="claims") from None
        now = time.time()
        if max(claims.iat, claims.nbf) > now + LEEWAY:
            raise TokenInvalid("The token is not valid yet.", reason="not_yet_valid")
        if claims.exp <= now - LEEWAY:
            raise TokenExpired
        return claims


def _caller(claims: InternalClaims) -> Caller:
    return Caller(
        organisation_id=claims.org,
        subject=claims.sub,
        name=claims.name,
        user_type=claims.user_type,
        permissions=frozenset(claims.permissions),
        employee_id=claims.employee_id,
    )
