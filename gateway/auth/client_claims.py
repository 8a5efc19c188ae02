"""The claims of a client token (contract, section 2), of whatever provider."""

from typing import Annotated, Any, Protocol

from pydantic import Field, ValidationError

from gateway.auth.claim_map import ClaimMap, ClaimRefused
from shared.auth.claims import CallerClaims, Moment, Word
from shared.auth.internal_token import PLATFORM, read_as
from shared.errors import MalformedJson, TokenExpired, TokenInvalid, TooManyValues
from shared.validation.strict_json import parse_json

MAX_RATE_LIMIT = 1_000_000
_IN_A_MAP = {
    "org": "organisation",
    "sub": "subject",
    "jti": "token_id",
    "employee_id": "person",
    "company_ids": "companies",
}
"""What a map calls our claims."""
MAX_AGE = 31 * 86_400
"""Seconds for which cut-offs are kept (`gateway.admission.cutoffs`): an older token of an outside provider could have
outlived its own."""


class OutsideClaims(CallerClaims):
    """Providers need not give their tokens an id (RFC 9068, section 2.2, wants one)."""

    aud: str | list[str]
    jti: Word | None = None
    rate_limit: Annotated[int, Field(ge=1, le=MAX_RATE_LIMIT)] | None = None
    sid: Any = None
    """The session of the user that it was issued in, if it was."""


class Claims(OutsideClaims):
    """Those of our own tokens."""

    jti: Word


class ClaimReader(Protocol):
    """Reads the claims of one provider's tokens; raises `TokenInvalid`."""

    def __call__(self, payload: bytes) -> OutsideClaims: ...


def own_claims(payload: bytes) -> OutsideClaims:
    return read_as(Claims, payload)


def outside_claims(payload: bytes) -> OutsideClaims:
    """Of the one provider that speaks as we do, and whose tokens say what they may; but it is no operator of ours."""
    claims = read_as(OutsideClaims, payload)
    return claims.model_copy(update={"permissions": [name for name in claims.permissions if name != PLATFORM]})


def mapped_claims(claim_map: ClaimMap) -> ClaimReader:
    def read(payload: bytes) -> OutsideClaims:
        translated = claim_map.translated(members_of(payload))
        try:
            return OutsideClaims.model_validate(translated)
        except ValidationError as error:
            first = str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
            raise ClaimRefused(_IN_A_MAP.get(first, first)) from None

    return read


def members_of(payload: bytes) -> dict[str, Any]:
    """Raises `TokenInvalid`."""
    try:
        members = parse_json(payload)
    except (MalformedJson, TooManyValues):
        members = None
    if not isinstance(members, dict):
        raise TokenInvalid("The token's claims are not valid.", reason="claims")
    return members


def require_audience(claims: OutsideClaims, audience: str) -> None:
    """Raises `TokenInvalid`."""
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if audience not in audiences:
        raise TokenInvalid("The token's issuer or audience is not accepted.", reason="audience")


def require_recent(issued_at: Moment, now: float) -> None:
    """Raises `TokenExpired`."""
    if issued_at <= now - MAX_AGE:
        raise TokenExpired
