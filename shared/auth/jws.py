"""Signed tokens (RFC 7515, compact): what a header may say, and a signature that one algorithm and key verify.

PyJWT verifies the signature alone: it would let pass duplicate members, any `typ` and any size.
"""

import re
from typing import Any

import jwt
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import MalformedJson, TokenInvalid, TooManyValues
from shared.validation.strict_json import parse_json

MAX_TOKEN_BYTES = 8 * 1024
_JWS = jwt.PyJWS()
_COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]{1,8192}\.[A-Za-z0-9_-]{1,8192}\.[A-Za-z0-9_-]{1,8192}\Z")


class Header(BaseModel):
    """The JOSE header. `jku`, `jwk`, `x5u` and `x5c` are never looked at: a token does not bring its own key."""

    model_config = ConfigDict(strict=True, extra="ignore")

    alg: str
    kid: str | None = None
    typ: str = "JWT"
    crit: None = None
    """An extension that must be understood (RFC 7515, section 4.1.11); none is."""


def read_header(token: str) -> Header:
    """The header of a token nobody has verified yet; raises `TokenInvalid`."""
    if len(token) > MAX_TOKEN_BYTES or not _COMPACT_JWS.match(token):
        raise TokenInvalid
    try:
        members = parse_json(jwt.utils.base64url_decode(token.partition(".")[0]))
        header = Header.model_validate(members)
    except (MalformedJson, TooManyValues, ValidationError, ValueError):
        raise TokenInvalid from None
    if header.typ.lower().removeprefix("application/") not in ("jwt", "at+jwt"):
        raise TokenInvalid
    return header


def signed_payload(token: str, key: Any, algorithm: str) -> bytes:
    """What was signed with this key by this algorithm; raises `TokenInvalid`."""
    try:
        payload: bytes = _JWS.decode(token, key, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError):
        raise TokenInvalid(reason="signature") from None
    return payload
