"""OAuth's own errors (RFC 6749, section 5.2), which its clients read instead of the envelope."""

import re
from typing import Any, Final, Literal

from shared.errors import ApiError, BadRequest, UnsupportedMediaType, ValidationFailed

ErrorCode = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "unsupported_grant_type",
]

_NOT_ALLOWED: Final = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
"""What `error_description` may not have (section 5.2)."""


class OAuthError(ApiError):
    """`code` is OAuth's `error`; the message is for the programmer of the client."""

    status = 400

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(_NOT_ALLOWED.sub("?", message), code=code)

    def body(self) -> dict[str, Any]:
        return {"error": self.code, "error_description": self.message}

    def problem(self) -> None:
        """OAuth's clients read OAuth's form, whatever they accept."""


class ClientRefused(OAuthError):
    """The client did not prove who it is. RFC 9110 wants a challenge with every 401, whichever way it tried."""

    status = 401

    def __init__(self, message: str = "The client id or the secret is wrong.") -> None:
        super().__init__("invalid_client", message)
        self.headers["WWW-Authenticate"] = 'Basic realm="muster", charset="UTF-8"'


def oauth_error(error: ApiError) -> ApiError:
    """A request that cannot be read, in OAuth's form; what OAuth has no word for, such as a 503, stays as it is."""
    match error:
        case ValidationFailed():
            return OAuthError("invalid_request", _first_reason(error))
        case BadRequest() | UnsupportedMediaType():
            return OAuthError("invalid_request", error.message)
    return error


def _first_reason(error: ValidationFailed) -> str:
    errors: dict[str, list[str]] = error.details.get("errors", {})
    for name, reasons in errors.items():
        return reasons[0] if name == "body" else f"{name}: {reasons[0]}"
    return error.message
