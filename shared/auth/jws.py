"""Signed tokens (RFC 7515, compact serialization): strict headers, and a signature verified by one algorithm and key.

PyJWT verifies only the signature: it accepts duplicate members, any `typ` and any size.
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
    """The JOSE header. `jku`, `jwk`, `x5u` and `x5c` are ignored: a token cannot supply its own key."""

    model_config = ConfigDict(strict=True, extra="ignore")

    alg: str
    kid: str | None = None
    typ: str = "JWT"
    crit: None = None
    """Extensions that must be understood (RFC 7515, section 4.1.11); none is supported."""


def read_header(token: str) -> Header:
    """The header of an unverified token; raises `TokenInvalid`."""
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
    """The payload, if its signature is valid for this key and algorithm; raises `TokenInvalid`."""
    try:
        payload: bytes = _JWS.decode(token, key, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError):
        raise TokenInvalid(reason="signature") from None
    return payload
