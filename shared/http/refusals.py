"""How a request can be refused: what the shape of a route alone can cause, and what the route itself declares."""

from typing import Any, Final

from shared.errors import (
    ApiError,
    BadRequest,
    MalformedJson,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    RateLimited,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
    Unavailable,
    UpstreamFailed,
    UpstreamTimeout,
    ValidationFailed,
)
from shared.http.errors import HeadersTooLarge, RequestTimeout, TooManyStreams, UnsupportedMediaType, UriTooLong
from shared.http.routing import Route

Refusals = tuple[type[ApiError], ...]

_OF_ANY_REQUEST: Final[Refusals] = (
    BadRequest,
    RateLimited,
    UriTooLong,
    HeadersTooLarge,
    ApiError,
    UpstreamFailed,
    Unavailable,
    UpstreamTimeout,
)
_WITHOUT_A_GOOD_TOKEN: Final[Refusals] = (TokenMissing, TokenInvalid, TokenExpired, PermissionDenied)
_OF_A_BODY: Final[Refusals] = (RequestTimeout, PayloadTooLarge)
_OF_JSON: Final[Refusals] = (MalformedJson, UnsupportedMediaType)


def refusals_of(route: Route[Any, Any]) -> Refusals:
    """Every kind of error that a client can receive from the route, each once.

    A route with `own_errors` declares itself how it refuses what it cannot read. Not among them: 405 and 501, which
    are of no operation, and 408 and 413 for a body where none belongs.
    """
    common = list(_OF_ANY_REQUEST)
    if route.own_errors is None:
        common.append(ValidationFailed)
    if not route.is_public:
        common += _WITHOUT_A_GOOD_TOKEN
    if route.method != "GET":  # even where it needs no body, an empty object is read
        common += _OF_A_BODY
        common += () if route.form else _OF_JSON
    if route.streamed or route.exports:
        common.append(TooManyStreams)
    if "{id}" in route.path:
        common.append(NotFound)
    return tuple(dict.fromkeys((*common, *route.refusals)))
