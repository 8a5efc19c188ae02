"""Who is asking: the caller behind a request, carried between processes by the internal JWT.

The gateway mints it from a client's token, the services verify it (architecture, decision 6). It lives for
seconds, so that a copied one is soon worthless, and has an audience of its own, so that no client token
passes for it.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Literal, get_args

import jwt

from shared.errors import PermissionDenied, TokenExpired, TokenInvalid

UserType = Literal["staff", "contractor", "service"]
_USER_TYPES: dict[str, UserType] = {name: name for name in get_args(UserType)}

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
        self._callers[token] = (caller, claims["exp"] + LEEWAY)
        if len(self._callers) > self._remembered:
            self._callers.popitem(last=False)
        return caller

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "org"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except (jwt.InvalidTokenError, ValueError):  # a surrogate in the token is a UnicodeEncodeError
            raise TokenInvalid from None
        return claims


def _caller(claims: dict[str, Any]) -> Caller:
    """Only the gateway holds the secret, yet a claim of the wrong type must end in 401 and not in a 500."""
    organisation_id, permissions = claims["org"], claims.get("permissions")
    employee_id, user_type = claims.get("employee_id"), _USER_TYPES.get(str(claims.get("user_type")))
    if (
        type(organisation_id) is not int
        or type(claims["exp"]) is not int  # PyJWT reads digits in quotes too
        or not isinstance(permissions, list)
        or user_type is None
        or not (employee_id is None or type(employee_id) is int)
    ):
        raise TokenInvalid
    return Caller(
        organisation_id=organisation_id,
        subject=str(claims["sub"]),
        name=str(claims.get("name", "")),
        user_type=user_type,
        permissions=frozenset(map(str, permissions)),
        employee_id=employee_id,
    )
