"""The claims of a client token (contract, section 2)."""

from typing import Annotated

from pydantic import Field, ValidationError

from shared.auth.claims import CallerClaims, Word
from shared.auth.internal_token import LEEWAY
from shared.errors import MalformedJson, TokenExpired, TokenInvalid, TooManyValues
from shared.validation.strict_json import parse_json

MAX_RATE_LIMIT = 1_000_000


class Claims(CallerClaims):
    aud: str | list[str]
    jti: Word
    rate_limit: Annotated[int, Field(ge=1, le=MAX_RATE_LIMIT)] | None = None


def read_claims(payload: bytes, issuer: str, audience: str, now: float) -> Claims:
    """The claims of a token whose signature is good; raises `TokenInvalid` or `TokenExpired`."""
    try:
        claims = Claims.model_validate(parse_json(payload))
    except (MalformedJson, TooManyValues, ValidationError):
        raise TokenInvalid("The token's claims are not valid.", reason="claims") from None
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != issuer or audience not in audiences:
        reason = "issuer" if claims.iss != issuer else "audience"
        raise TokenInvalid("The token's issuer or audience is not accepted.", reason=reason)
    if max(claims.iat, claims.nbf) > now + LEEWAY:
        raise TokenInvalid("The token is not valid yet.", reason="not_yet_valid")
    if claims.exp <= now - LEEWAY:
        raise TokenExpired
    return claims
