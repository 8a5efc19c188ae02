"""OAuth's own errors (RFC 6749, section 5.2), which its clients read instead of the envelope."""

import re
from typing import Any, Final

from shared.errors import ApiError, BadRequest, ValidationFailed
from shared.http.errors import UnsupportedMediaType

_NOT_ALLOWED: Final = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
"""What `error_description` may not have (section 5.2)."""


class OAuthError(ApiError):
    """`code` is OAuth's `error`; the message is for the programmer of the client."""

    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(_NOT_ALLOWED.sub("?", message))

    def body(self) -> dict[str, Any]:
        return {"error": self.code, "error_description": self.message}

    def problem(self) -> None:
        """OAuth's clients read OAuth's form, whatever they accept."""


class InvalidRequest(OAuthError):
    code = "invalid_request"
    meaning = (
        "The form is missing, malformed, not UTF-8 or of another content type; a parameter is missing, given twice, has"
        " control characters or is in the address; or the client authenticates in more than one way."
    )
    remedy = "Send the parameters once each, as `application/x-www-form-urlencoded` in the body."


class UnsupportedGrantType(OAuthError):
    code = "unsupported_grant_type"
    meaning = "There is no such grant here."
    remedy = "Use `client_credentials` for a client, or `refresh_token` for somebody who signed in with a password."


class InvalidScope(OAuthError):
    code = "invalid_scope"
    meaning = "A permission in `scope` does not exist, or the client does not have it."
    remedy = "Ask for permissions that the client has, or leave `scope` out to get all of them."


class InvalidGrant(OAuthError):
    code = "invalid_grant"
    meaning = "The refresh token is unknown, used, expired or ended."
    remedy = "Sign in again. Of two programs that share a refresh token only the first gets a new one."


class ClientRefused(OAuthError):
    """The client did not prove who it is. RFC 9110 wants a challenge with every 401, whichever way it tried."""

    status = 401
    code = "invalid_client"
    meaning = (
        "There are no credentials of the client, or malformed ones; the client is unknown or the secret wrong; or the"
        " client is expired, revoked or of a suspended organisation."
    )
    remedy = (
        "Check the client id and the secret; `error_description` says when the client itself can no longer be used."
    )

    def __init__(self, message: str = "The client id or the secret is wrong.") -> None:
        super().__init__(message)
        self.headers["WWW-Authenticate"] = 'Basic realm="muster", charset="UTF-8"'


def oauth_error(error: ApiError) -> ApiError:
    """A request that cannot be read, in OAuth's form; what OAuth has no word for, such as a 503, stays as it is."""
    match error:
        case ValidationFailed():
            return InvalidRequest(_first_reason(error))
        case BadRequest() | UnsupportedMediaType():
            return InvalidRequest(error.message)
    return error


def _first_reason(error: ValidationFailed) -> str:
    errors: dict[str, list[str]] = error.details.get("errors", {})
    for name, reasons in errors.items():
        return reasons[0] if name == "body" else f"{name}: {reasons[0]}"
    return error.message
