"""Headers of requests and responses that operations have in common, as components."""

from http import HTTPStatus
from typing import Any, Final

from documents.routes import routes_with_event_cursors
from shared.http import feed_cursor
from shared.http.routing import Route
from shared.service.idempotency import OF_IDEMPOTENCY

Schema = dict[str, Any]


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/headers/{name}"}


ETAG: Final = _reference("ETag")
LOCATION: Final = _reference("Location")
RETRY_AFTER: Final = _reference("Retry-After")
WWW_AUTHENTICATE: Final = _reference("WWW-Authenticate")
EVENT_CURSOR: Final = _reference("X-Event-Cursor")
REPLAYED: Final = _reference("Idempotency-Replayed")
_COMMON: Final = {"X-Request-Id": _reference("X-Request-Id")}
_COUNT: Final = {"type": "integer", "minimum": 0}
_OF_LIMITS: Final = {
    name: _reference(name)
    for name in (
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
        "RateLimit-Policy",
        "RateLimit",
    )
}

HEADERS: Final[dict[str, Schema]] = {
    "X-Request-Id": {
        "description": "Identifies the request in logs, audit trails and events.",
        "required": True,
        "schema": {"type": "string", "minLength": 8, "maxLength": 128},
    },
    "ETag": {
        "description": "Identifies the row and its version, for `If-Match` and `If-None-Match`. Opaque.",
        "required": True,
        "schema": {"type": "string"},
    },
    "X-Event-Cursor": {
        "description": "On the first step of a walk and an export: `after` of the feed of events, for later changes.",
        "schema": {"type": "string", "minLength": feed_cursor.LENGTH, "maxLength": feed_cursor.LENGTH},
    },
    "Location": {
        "description": "The address of the new row.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Idempotency-Replayed": {
        "description": "`true` where the response is that of an earlier request with the same `Idempotency-Key`.",
        "schema": {"type": "string", "const": "true"},
    },
    "Retry-After": {
        "description": "So many seconds later it can be tried again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "RFC 6750, section 3: which token is needed.",
        "required": True,
        "schema": {"type": "string"},
    },
    "X-RateLimit-Limit": {"description": "Requests in a minute.", "schema": {"type": "integer", "minimum": 1}},
    "X-RateLimit-Remaining": {"description": "How many are left now.", "schema": _COUNT},
    "X-RateLimit-Reset": {
        "description": "When all of them are there again, in seconds since the epoch.",
        "schema": _COUNT,
    },
    "RateLimit-Policy": {
        "description": 'The limit, as in draft-ietf-httpapi-ratelimit-headers: `"default";q=60;w=60`.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left of it, in the same form: `"default";r=59;t=60`.',
        "schema": {"type": "string"},
    },
}


def headers_of_answer(route: Route[Any, Any], status: int) -> dict[str, Schema]:
    """Of a good answer."""
    headers = dict(_COMMON)
    if not route.is_public:
        headers |= _OF_LIMITS
    if route.tags(status):
        headers["ETag"] = ETAG
        headers |= {"Location": LOCATION} if status == HTTPStatus.CREATED else {}
    if status == HTTPStatus.ACCEPTED:
        headers["Location"] = LOCATION
    if route in routes_with_event_cursors():
        headers["X-Event-Cursor"] = EVENT_CURSOR
    if takes_idempotency_key(route):
        headers["Idempotency-Replayed"] = REPLAYED
    return headers


def headers_of_refusal(status: int) -> dict[str, Schema]:
    """Those of the limit are in every answer to a good token."""
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return {**_COMMON, "WWW-Authenticate": WWW_AUTHENTICATE}
        case HTTPStatus.FORBIDDEN:
            return {**_COMMON, "WWW-Authenticate": WWW_AUTHENTICATE, **_OF_LIMITS}
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE:
            return {**_COMMON, "Retry-After": RETRY_AFTER, **_OF_LIMITS}
    return {**_COMMON, **_OF_LIMITS}


def takes_idempotency_key(route: Route[Any, Any]) -> bool:
    return any(refusal in route.refusals for refusal in OF_IDEMPOTENCY)
