"""The claims of a client token (contract, section 2)."""

from typing import Annotated

from pydantic import Field

from shared.auth.claims import CallerClaims, Word
from shared.auth.internal_token import read_as, require_current
from shared.errors import TokenInvalid

MAX_RATE_LIMIT = 1_000_000


class Claims(CallerClaims):
    aud: str | list[str]
    jti: Word
    rate_limit: Annotated[int, Field(ge=1, le=MAX_RATE_LIMIT)] | None = None


def read_claims(payload: bytes, issuer: str, audience: str, now: float) -> Claims:
    """The claims of a token whose signature is good; raises `TokenInvalid` or `TokenExpired`."""
    claims = read_as(Claims, payload)
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != issuer or audience not in audiences:
        reason = "issuer" if claims.iss != issuer else "audience"
        raise TokenInvalid("The token's issuer or audience is not accepted.", reason=reason)
    require_current(claims, now)
    return claims
