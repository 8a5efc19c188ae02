"""Access tokens: a JWT by RFC 9068, with the claims of the contract, section 2."""

from datetime import datetime
from typing import Any

from services.accounts.roles import ROLES
from services.accounts.users import User
from shared.auth.internal_token import Caller, claims_of
from shared.observability import new_uuid

ACCESS_TOKEN = "at+jwt"  # noqa: S105 - a media type
"""The header `typ` of access tokens (RFC 9068, section 2.1)."""


def access_token(
    caller: Caller,
    *,
    issuer: str,
    audience: str,
    now: int,
    ttl: int,
    not_before: datetime | None = None,
    rate_limit: int | None = None,
    **further: Any,
) -> dict[str, Any]:
    """The claims of a token that is good for `ttl` seconds; a negative `ttl` makes one that has expired.

    `not_before` is when tokens of this subject were last cut off: tokens of that second are refused, so this one is of
    the next. `rate_limit` is in requests a minute, None for the gateway's default.
    """
    issued = now if not_before is None else max(now, int(not_before.timestamp()) + 1)
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "iat": min(issued, now + ttl),
        "exp": now + ttl,
        "jti": str(new_uuid()),
        **claims_of(caller),
        **further,
    }
    if rate_limit is not None:
        claims["rate_limit"] = rate_limit
    return claims


def caller_of_user(user: User) -> Caller:
    """Whom a user's token speaks for."""
    return Caller(
        user.organisation_id,
        str(user.id),
        user.name,
        user.user_type,
        ROLES[user.role],
        user.employee_id,
        user.company_ids,
    )
