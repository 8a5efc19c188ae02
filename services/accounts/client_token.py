"""What the client's own token says beside the internal one that the gateway made from it."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import jwt
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from shared.auth.internal_token import bearer_token
from shared.errors import TokenInvalid, TokenMissing


def _family(value: object) -> UUID | None:
    """None for whatever else an outside provider calls a session."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore")

    iss: str = ""
    sid: Annotated[UUID | None, BeforeValidator(_family)] = None


@dataclass(frozen=True, slots=True)
class ClientToken:
    """Who issued it, and the family of refresh tokens that it came with, if we did."""

    issuer: str
    family: UUID | None


def client_token(authorization: str) -> ClientToken:
    """From the `Authorization` that the gateway has verified and passed on: its signature is not looked at again."""
    try:
        token = bearer_token([authorization])
        claims = _Claims.model_validate_json(jwt.utils.base64url_decode(token.split(".")[1]))
    except (TokenMissing, TokenInvalid, ValidationError, ValueError, IndexError):
        return ClientToken("", None)
    return ClientToken(claims.iss, claims.sid)
