"""The claims of a client token, each of its type and within its bounds (contract, section 2; RFC 7519)."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from shared.errors import MalformedJson, TokenExpired, TokenInvalid
from shared.http.body import parse_json
from shared.http.fields import MAX_ID, Text
from shared.identity import LEEWAY, UserType

MAX_TIME = 253_402_300_799
"""The last second of the year 9999."""


def _visible(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must not contain control characters")
    return value


Word = Annotated[Text, Field(min_length=1, max_length=255), AfterValidator(_visible)]
Moment = Annotated[int, Field(ge=0, le=MAX_TIME)]
"""Seconds since the epoch, whole ones."""
Id = Annotated[int, Field(ge=1, le=MAX_ID)]


class Claims(BaseModel):
    """Strict: a boolean is no integer and digits in quotes are none either."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    iss: str
    aud: str | list[str]
    sub: Word
    org: Id
    exp: Moment
    iat: Moment
    nbf: Moment = 0
    jti: Word
    name: Annotated[Text, Field(max_length=255)] = ""
    user_type: UserType
    permissions: Annotated[list[Annotated[Word, Field(max_length=100)]], Field(max_length=100)] = []
    employee_id: Id | None = None
    rate_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


def read_claims(payload: bytes, issuer: str, audience: str, now: float) -> Claims:
    """The claims of a token whose signature is good; raises `TokenInvalid` or `TokenExpired`."""
    try:
        claims = Claims.model_validate(parse_json(payload))
    except (MalformedJson, ValidationError):
        raise TokenInvalid("The token's claims are not valid.") from None
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != issuer or audience not in audiences:
        raise TokenInvalid("The token's issuer or audience is not accepted.")
    if max(claims.iat, claims.nbf) > now + LEEWAY:
        raise TokenInvalid("The token is not valid yet.")
    if claims.exp <= now - LEEWAY:
        raise TokenExpired
    return claims
