"""How a program says who it is at the token endpoint (RFC 6749, section 2.3.1)."""

import base64
import re
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import unquote_plus

from pydantic import ConfigDict, Field, model_validator

from services.accounts.oauth_errors import ClientRefused, InvalidRequest
from shared.http.models import Body, Query

MAX_LENGTH: Final = 4096
_VISIBLE: Final = re.compile(r"[\x20-\x7e]*\Z")
_NOT_BASIC: Final = "The Authorization header has no credentials of the scheme Basic."

Parameter = Annotated[str, Field(max_length=MAX_LENGTH, pattern=r"^[\x20-\x7E]*$")]
"""A parameter of RFC 6749 (appendix A): visible ASCII characters and spaces."""


class NoParameters(Query):
    """Addresses are logged and remembered, so nothing of a token request may be in one (section 2.3.1)."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="after")
    def _none(self) -> "NoParameters":
        if self.model_extra:
            raise ValueError("parameters belong in the body, not in the address")
        return self


class TokenRequest(Body):
    """The form of a token request. Parameters that are not known are ignored (section 3.2)."""

    model_config = ConfigDict(extra="ignore")

    grant_type: Parameter | None = None
    scope: Parameter | None = None
    refresh_token: Parameter | None = Field(default=None, repr=False)
    client_id: Parameter | None = None
    client_secret: Parameter | None = Field(default=None, repr=False)
    client_assertion: Parameter | None = Field(default=None, repr=False)
    client_assertion_type: Parameter | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    client_id: str
    client_secret: str


def credentials_of(authorization: str, request: TokenRequest) -> Credentials:
    """Who the client says it is; raises `ClientRefused`, or `InvalidRequest` where it says so in two ways."""
    asserted = request.client_assertion is not None or request.client_assertion_type is not None
    if sum((bool(authorization), request.client_secret is not None, asserted)) > 1:
        raise InvalidRequest("The client authenticates in more than one way.")
    if asserted:
        raise ClientRefused("Client assertions are not supported. Use client_secret_basic or client_secret_post.")
    if authorization:
        return _basic(authorization, request.client_id)
    if request.client_id is None or request.client_secret is None:
        raise ClientRefused("Client id and secret are required: by HTTP Basic, or as client_id and client_secret.")
    return Credentials(request.client_id, request.client_secret)


def _basic(authorization: str, client_id: str | None) -> Credentials:
    """Raises `ClientRefused`, or `InvalidRequest` where the body names another client."""
    credentials = parse_basic(authorization)
    if client_id is not None and client_id != credentials.client_id:
        raise InvalidRequest("client_id is not the client that authenticates by HTTP Basic.")
    return credentials


def parse_basic(authorization: str) -> Credentials:
    """Both parts are form-encoded within the header's base64 (RFC 6749, section 2.3.1); raises `ClientRefused`."""
    scheme, _, encoded = authorization.strip().partition(" ")
    if scheme.lower() != "basic" or len(encoded) > MAX_LENGTH:
        raise ClientRefused(_NOT_BASIC)
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:  # neither base64 nor UTF-8
        raise ClientRefused(_NOT_BASIC) from None
    name, colon, secret = pair.partition(":")
    parts = [unquote_plus(part) for part in (name, secret)]
    if not colon or not all(map(_VISIBLE.match, parts)):
        raise ClientRefused(_NOT_BASIC)
    return Credentials(*parts)
