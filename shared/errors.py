"""The errors that clients can receive; `shared.http.responses` converts them to responses (contract, section 1)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

MAX_ERRORS: Final = 20
"""Maximum number of reasons in a response; with `MAX_NAME` and `MAX_REASON` it keeps error responses under 64 KB."""
MAX_NAME: Final = 100
MAX_REASON: Final = 300
"""Maximum lengths of a field name, which the client chooses, and of a reason."""


def shortened(text: str, most: int = MAX_NAME) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


class ApiError(Exception):
    """An error that is reported to the client.

    `message` is for people and `code` for programs; `details` are further members of the body.
    """

    status: ClassVar[int] = 500
    code: str = "internal_error"
    message: str = "An internal error occurred. Quote the request id when you report it."
    meaning: ClassVar[str] = "A defect. Nothing of the inside is shown; the request id identifies it in the log."
    """When clients receive the code. Of errors that share one, the first class of the family says it for all."""
    remedy: ClassVar[str] = "Report it with its X-Request-Id. Repeat the request only if that is safe."
    """What the client should do."""
    members: ClassVar[Mapping[str, Any]] = {}
    """The `details` it can have, each with its JSON Schema."""

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        self.message = message or self.message
        self.code = code or self.code
        self.headers = dict(headers or {})
        self.details = dict(details or {})
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """What the client reads, as JSON values."""
        return {"success": False, "message": self.message, "code": self.code, **self.details}


class MalformedJson(ApiError):
    status = 400
    code = "malformed_json"
    message = "The body is not valid JSON."


class BadRequest(ApiError):
    """The request is not valid HTTP (RFC 9112), or its target is unsafe."""

    status = 400
    code = "bad_request"
    message = "The request is malformed."


class TokenMissing(ApiError):
    """RFC 6750, section 3: the challenge to a request without credentials has no error code."""

    status = 401
    code = "token_missing"
    message = "A bearer token is required."
    reason = "missing"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"WWW-Authenticate": 'Bearer realm="muster"'})


class TokenInvalid(ApiError):
    """`reason` is for the security log; the client receives only `message`."""

    status = 401
    code = "token_invalid"
    message = "The token is not valid."
    reason = "malformed"

    def __init__(self, message: str | None = None, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason or self.reason
        self.headers["WWW-Authenticate"] = (
            f'Bearer realm="muster", error="invalid_token", error_description="{self.message}"'
        )


class TokenExpired(TokenInvalid):
    code = "token_expired"
    message = "The token has expired."
    reason = "expired"


class PermissionDenied(ApiError):
    status = 403
    code = "permission_denied"

    def __init__(self, permission: str) -> None:
        """RFC 6750, section 3.1; a requirement that is no scope, such as a user type, is not in the challenge."""
        scope = "" if " " in permission else f', scope="{permission}"'
        self.permission = permission
        challenge = f'Bearer realm="muster", error="insufficient_scope"{scope}'
        super().__init__(f"This needs the permission {permission}.", headers={"WWW-Authenticate": challenge})


class NotFound(ApiError):
    status = 404
    code = "not_found"
    message = "Not found."


class MethodNotAllowed(ApiError):
    status = 405
    code = "method_not_allowed"
    message = "This resource does not support this method."

    def __init__(self, allowed: Iterable[str]) -> None:
        methods = set(allowed)
        if "GET" in methods:
            methods.add("HEAD")
        super().__init__(headers={"Allow": ", ".join(sorted(methods))})


class RequestTimeout(ApiError):
    """RFC 9110, section 15.5.9: the connection is closed after this answer."""

    status = 408
    code = "request_timeout"
    message = "The request body was not received in time."

    def __init__(self) -> None:
        super().__init__(headers={"Connection": "close"})


class Conflict(ApiError):
    status = 409
    code = "conflict"
    message = "The current state of the record does not allow this."


class IdempotencyInFlight(Conflict):
    code = "idempotency_in_flight"
    message = "The first request with this Idempotency-Key is still running."


class PreconditionFailed(ApiError):
    """RFC 9110, section 15.5.13: the record was changed after the client read it."""

    status = 412
    code = "precondition_failed"
    message = "The record has changed since you read it."


class PreconditionRequired(ApiError):
    """RFC 6585, section 3: what cannot be undone says which version of the record it is about."""

    status = 428
    code = "precondition_required"
    message = "This change needs If-Match with the ETag of the record, because it cannot be undone."


class PayloadTooLarge(ApiError):
    status = 413
    code = "payload_too_large"
    message = "The body is too large."


class TooManyValues(PayloadTooLarge):
    """A 413 like that for too many bytes: the same data in several requests is accepted."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body has more than {limit:,} JSON values. Send it in several requests.")


class UriTooLong(ApiError):
    status = 414
    code = "uri_too_long"
    message = "The request target is too long."


class UnsupportedMediaType(ApiError):
    status = 415
    code = "unsupported_media_type"
    message = "The body must be application/json."


class ValidationFailed(ApiError):
    """`errors` maps each invalid field (an item of a list is dotted: `employee_ids.1`) to its reasons.

    At most `MAX_ERRORS` reasons are listed; `errors_omitted` is the number of the others. `omitted` is the number that
    the caller has already left out of `errors`.
    """

    status = 422
    code = "validation_failed"
    message = "The given data was invalid."

    def __init__(
        self,
        errors: Mapping[str, Sequence[str]] | None = None,
        *,
        message: str | None = None,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        omitted: int = 0,
    ) -> None:
        super().__init__(message, code=code, details=details)
        if not errors:
            return
        listed: dict[str, list[str]] = {}
        each = [(name, reason) for name, reasons in errors.items() for reason in reasons]
        for name, reason in each[:MAX_ERRORS]:
            listed.setdefault(shortened(name), []).append(shortened(reason, MAX_REASON))
        self.details["errors"] = listed
        omitted += len(each[MAX_ERRORS:])
        if omitted:
            self.details["errors_omitted"] = omitted
            self.message = f"{self.message} {omitted:,} more {'error is' if omitted == 1 else 'errors are'} not listed."


class IdempotencyKeyReused(ValidationFailed):
    code = "idempotency_key_reused"
    message = "This Idempotency-Key was used with another body."


class RateLimited(ApiError):
    """`retry_after` is in whole seconds."""

    status = 429
    code = "rate_limited"
    message = "Too many requests."

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            f"Too many requests. Try again in {retry_after} seconds.",
            headers={"Retry-After": str(retry_after)},
        )


class HeadersTooLarge(ApiError):
    """RFC 6585, section 5."""

    status = 431
    code = "headers_too_large"
    message = "The request's headers are too large."


class MethodNotImplemented(ApiError):
    """RFC 9110, section 15.6.2: no resource supports the method, so there is no `Allow` header."""

    status = 501
    code = "method_not_implemented"
    message = "This method is not supported by any resource."


class UpstreamFailed(ApiError):
    status = 502
    code = "upstream_failed"
    message = "The upstream service closed the connection before its response was complete."


class Unavailable(ApiError):
    """Nothing was changed, or the outcome is unknown; `retry_after` is in whole seconds."""

    status = 503
    code = "upstream_unavailable"
    message = "The service is not available right now. Try again soon."

    def __init__(self, message: str | None = None, *, code: str | None = None, retry_after: int = 1) -> None:
        super().__init__(message, code=code, headers={"Retry-After": str(retry_after)})
        self.retry_after = retry_after


class Overloaded(Unavailable):
    """Rejected before any work was done, because the limit of concurrent requests is reached."""

    message = "The service is busy. Try again soon."


class UpstreamTimeout(ApiError):
    status = 504
    code = "upstream_timeout"
    message = "The upstream service did not respond in time."


class DeadlinePassed(UpstreamTimeout):
    """The deadline has passed, so the work was not started, or was a read."""

    message = "The deadline of this request was exceeded before its work began. Nothing was changed."
