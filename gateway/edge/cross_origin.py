"""What pages of other origins may send, and read of the answers, where `CORS_ORIGINS` names them."""

from collections.abc import Collection
from typing import Final

from gateway.upstream.headers import REQUEST_HEADERS
from shared.http.cors import Cors

_METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_HEADERS: Final = REQUEST_HEADERS | {
    "authorization",
    "last-event-id",
    "traceparent",
    "tracestate",
    "x-request-id",
    "x-trace",
}
_EXPOSED: Final = (
    "Accept-Patch",
    "Allow",
    "Content-Disposition",
    "Date",
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "WWW-Authenticate",
    "X-Event-Cursor",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
)
"""Beside those that every page may read, such as `Content-Type`. `Date` lets it compute with `X-RateLimit-Reset`."""


def cors_for(origins: Collection[str]) -> Cors | None:
    """None where no origin is named: then nothing is different from an API that knows nothing of CORS."""
    return Cors(origins, methods=_METHODS, headers=_HEADERS, exposed=_EXPOSED) if origins else None
