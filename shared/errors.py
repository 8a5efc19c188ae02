"""The errors that clients can receive; `shared.http.responses` converts them to responses (contract, section 1)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

MAX_ERRORS: Final = 20
"""Maximum number of reasons in a response; with `MAX_NAME` and `MAX_REASON` it keeps error responses under 64 KB."""
MAX_NAME: Final = 100
MAX_REASON: Final = 300
"""Maximum lengths of a field name, which the client chooses, and of a reason."""


_ABBREVIATIONS: Final = {"id": "ID", "json": "JSON", "uri": "URI"}
_ERRORS: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
}


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
    """All further members that its body can have, each with its JSON Schema. None of them is always there."""

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

    def problem(self) -> dict[str, Any] | None:
        """The same as problem details (RFC 9457); `None` where another specification gives the body its form.

        `type` is a reference relative to the address that the client asked.
        """
        return {
            "type": f"/docs/errors#{self.code}",
            "title": _title(self.code),
            "status": self.status,
            "detail": self.message,
            "code": self.code,
            **self.details,
        }


def _title(code: str) -> str:
    """The same for every problem of a type, as RFC 9457 has it: `Session full`."""
    words = [_ABBREVIATIONS.get(word, word) for word in code.split("_")]
    return " ".join([words[0][0].upper() + words[0][1:], *words[1:]])


class MalformedJson(ApiError):
    status = 400
    code = "malformed_json"
    message = "The body is not valid JSON."
    meaning = (
        "The body is not JSON or not UTF-8, repeats a key in an object, nests too deeply, or has a number of too many"
        " digits."
    )
    remedy = "Send the body as a JSON library writes it: one object, in UTF-8, each key once."


class BadRequest(ApiError):
    """The request is not valid HTTP (RFC 9112), or its target is unsafe."""

    status = 400
    code = "bad_request"
    message = "The request is malformed."
    meaning = (
        "The request is malformed: its syntax, its target, its `Host`, or a body that ends before its declared length."
    )
    remedy = (
        "Check code that builds requests by hand, and proxies that change them. Do not repeat the request as it is."
    )


class TokenMissing(ApiError):
    """RFC 6750, section 3: the challenge to a request without credentials has no error code."""

    status = 401
    code = "token_missing"
    message = "A bearer token is required."
    meaning = "There is no bearer token."
    remedy = "Send `Authorization: Bearer <token>`, with a token from login or from `/oauth/token`."
    reason = "missing"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"WWW-Authenticate": 'Bearer realm="muster"'})


class TokenInvalid(ApiError):
    """`reason` is for the security log; the client receives only `message`."""

    status = 401
    code = "token_invalid"
    message = "The token is not valid."
    meaning = (
        "The token is malformed, wrongly signed, from another issuer or for another audience, not valid yet, or"
        " revoked; or there is more than one `Authorization` header."
    )
    remedy = "Get a new token: log in again, or ask `/oauth/token`."
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
    meaning = "The token has expired."
    remedy = "Get a new token: with the refresh token, by logging in again, or from `/oauth/token`."
    reason = "expired"


class PermissionDenied(ApiError):
    status = 403
    code = "permission_denied"
    meaning = "The token is valid, and lacks the permission that `message` names."
    remedy = "Use a token with that permission. Whoever manages users and clients can grant it."

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
    meaning = "There is no such route, or the organisation has no such row. What the caller may not see looks the same."
    remedy = "Check the address and the id. A row may have been deleted."


class Conflict(ApiError):
    status = 409
    code = "conflict"
    message = "The current state of the record does not allow this."
    meaning = (
        "The state of the record forbids the change, or somebody else changed it at the same time; `message` says"
        " which."
    )
    remedy = "Read the record again, and decide by its state. After a concurrent change the same request can succeed."


class IdempotencyInFlight(Conflict):
    code = "idempotency_in_flight"
    message = "The first request with this Idempotency-Key is still running."
    meaning = "The first request with this `Idempotency-Key` is still running."
    remedy = "Wait a moment, and send the request again with the same key."


class PreconditionFailed(ApiError):
    """RFC 9110, section 15.5.13: the record was changed after the client read it."""

    status = 412
    code = "precondition_failed"
    message = "The record has changed since you read it."
    meaning = "`If-Match` or `If-None-Match` does not hold: the record was changed since it was read."
    remedy = "Read the record again, apply the change to what it is now, and send its new `ETag`."


class PreconditionRequired(ApiError):
    """RFC 6585, section 3: what cannot be undone says which version of the record it is about."""

    status = 428
    code = "precondition_required"
    message = "This change needs If-Match with the ETag of the record, because it cannot be undone."
    meaning = "The change cannot be undone, and the request has no `If-Match`."
    remedy = "Read the record, and send its `ETag` in `If-Match`."


class PayloadTooLarge(ApiError):
    status = 413
    code = "payload_too_large"
    message = "The body is too large."
    meaning = (
        "The body has more than 1 MiB or more than 10,000 JSON values; for login and `/oauth/token` more than 8 KiB or"
        " 100 values; the file of an import more than 64 MiB, as it is sent or unpacked."
    )
    remedy = "Send the data in several requests."


class TooManyValues(PayloadTooLarge):
    """A 413 like that for too many bytes: the same data in several requests is accepted."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body has more than {limit:,} JSON values. Send it in several requests.")


class ValidationFailed(ApiError):
    """`errors` maps each invalid field (an item of a list is dotted: `employee_ids.1`) to its reasons.

    At most `MAX_ERRORS` reasons are listed; `errors_omitted` is the number of the others. `omitted` is the number that
    the caller has already left out of `errors`.
    """

    status = 422
    code = "validation_failed"
    message = "The given data was invalid."
    meaning = (
        "Values are wrong. `errors` names each field with its reasons; an item of a list is dotted (`employee_ids.1`),"
        " and `body` is the input as a whole."
    )
    remedy = "Correct the named fields. The same request is refused again."
    members: ClassVar[Mapping[str, Any]] = {"errors": _ERRORS, "errors_omitted": {"type": "integer", "minimum": 1}}

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
    meaning = "The `Idempotency-Key` was used before, with another body."
    remedy = "Use a new key for each new request. Repeat a key only with the same body."


class RateLimited(ApiError):
    """`retry_after` is in whole seconds."""

    status = 429
    code = "rate_limited"
    message = "Too many requests."
    meaning = (
        "There were too many requests of the user, or too many of the address without a valid token; or too many wrong"
        " passwords or secrets."
    )
    remedy = "Wait as many seconds as `Retry-After` says, and spread requests by the `RateLimit` headers."

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            f"Too many requests. Try again in {retry_after} seconds.",
            headers={"Retry-After": str(retry_after)},
        )


class UpstreamFailed(ApiError):
    status = 502
    code = "upstream_failed"
    message = "The upstream service closed the connection before its response was complete."
    meaning = "The service behind the gateway did not complete its response. What it had begun may be done."
    remedy = "Repeat a read. Repeat a change with the same `Idempotency-Key`, or read first what became of it."


class Unavailable(ApiError):
    """Nothing was changed, or the outcome is unknown; `retry_after` is in whole seconds."""

    status = 503
    code = "upstream_unavailable"
    message = "The service is not available right now. Try again soon."
    meaning = (
        "A service, its database or the identity provider is unavailable, or overloaded, for everybody or for this"
        " organisation."
    )
    remedy = "Repeat the request after as many seconds as `Retry-After` says, a change with its `Idempotency-Key`."

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
    meaning = "The service took too long."
    remedy = "Repeat a read. Repeat a change with the same `Idempotency-Key`, or read first what became of it."


class DeadlinePassed(UpstreamTimeout):
    """The deadline has passed, so the work was not started, or was a read."""

    message = "The deadline of this request was exceeded before its work began. Nothing was changed."
