"""How a request can be refused: what the shape of a route alone can cause, and what the route itself declares."""

from typing import Any, Final

from shared.errors import (
    ApiError,
    BadRequest,
    HeadersTooLarge,
    MalformedJson,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    RateLimited,
    RequestTimeout,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
    Unavailable,
    UnsupportedMediaType,
    UpstreamFailed,
    UpstreamTimeout,
    UriTooLong,
    ValidationFailed,
)
from shared.http.routing import Route

Refusals = tuple[type[ApiError], ...]

_OF_ANY_REQUEST: Final[Refusals] = (
    BadRequest,
    ValidationFailed,
    RateLimited,
    UriTooLong,
    HeadersTooLarge,
    ApiError,
    UpstreamFailed,
    Unavailable,
    UpstreamTimeout,
)
_WITHOUT_A_GOOD_TOKEN: Final[Refusals] = (TokenMissing, TokenInvalid, TokenExpired, PermissionDenied)
_OF_A_BODY: Final[Refusals] = (MalformedJson, RequestTimeout, PayloadTooLarge, UnsupportedMediaType)


def refusals_of(route: Route[Any, Any]) -> Refusals:
    """Every kind of error that a client can receive from the route, each once."""
    common = list(_OF_ANY_REQUEST)
    if not route.is_public:
        common += _WITHOUT_A_GOOD_TOKEN
    if route.method != "GET":  # even where it needs no body, an empty object is read
        common += _OF_A_BODY
    if "{id}" in route.path:
        common.append(NotFound)
    return tuple(dict.fromkeys((*common, *route.refusals)))
