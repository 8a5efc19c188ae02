"""Request bodies: JSON read strictly (RFC 8259), before any model sees it (contract, section 1).

What a body may hold is counted before anything is built from it, so that no body takes long, whatever is in it.
"""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final, TypeVar

from aiohttp import StreamReader, web
from pydantic import BaseModel

from shared.errors import BadRequest, PayloadTooLarge
from shared.http.body_budget import BODY_BUDGET, Reservation
from shared.http.errors import RequestTimeout, UnsupportedMediaType
from shared.http.input import QueryReader, body_of
from shared.http.models import JSON_TYPE, MAX_BODY_BYTES, USUAL_LIMITS, Body, BodyLimits, Query, media_types
from shared.http.request import READ_AHEAD, Request
from shared.time_spent import spend
from shared.validation.strict_json import parse_json

Model = TypeVar("Model", bound=BaseModel)

BODY_TIMEOUT = 10.0
"""Seconds a client gets to send its body; without it a dripped one would never end."""
_NO_QUERY: Final = QueryReader(Query)
_NO_INPUT_LIMITS: Final = BodyLimits(8 * 1024, 100)
_UTF_8: Final = frozenset({"charset=utf-8", 'charset="utf-8"'})


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The whole body, of at most `limit` bytes; raises `PayloadTooLarge`, or what reading it from the stream raises."""
    if request.stream is not None:
        return await _read_stream(request, request.stream, limit)
    if len(request.content) > limit:
        raise PayloadTooLarge
    return request.content


async def _read_stream(request: Request, stream: web.Request, limit: int) -> bytes:
    """Reserves memory for as many bytes as are announced before it reads any.

    Raises `PayloadTooLarge`, `Overloaded`, `RequestTimeout`, or `BadRequest` for a body that ends early.
    """
    announced = stream.content_length or 0
    if announced > limit:
        raise PayloadTooLarge
    budget, caller = stream.app[BODY_BUDGET], request.caller
    request.reservation = Reservation(budget.strangers if caller is None else budget.users, caller or "")
    request.reservation.cover(announced)
    began = perf_counter()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await _received(stream.content, request.reservation, limit)
    except TimeoutError:
        raise RequestTimeout from None
    except (web.RequestPayloadError, ConnectionError):
        raise BadRequest("The request body is incomplete.") from None
    finally:
        spend("body", began)


async def _received(content: StreamReader, reservation: Reservation, limit: int) -> bytes:
    """A body without an announced length reserves memory as it grows."""
    content.set_read_chunk_size(READ_AHEAD)
    parts: list[bytes] = []
    received = 0
    try:
        while part := await content.readany():
            received += len(part)
            if received > limit:
                raise PayloadTooLarge
            reservation.cover(received)
            parts.append(part)
        return b"".join(parts)
    finally:
        parts.clear()  # a body that ended early lives as long as the traceback of its error


async def read_model(request: Request, model: type[Model], limits: BodyLimits = USUAL_LIMITS) -> Model:
    """The JSON object of the body; raises `ValidationFailed` and what `read_json` raises."""
    return body_of(model, await read_json(request, limits, media_types(model)))


async def require_no_input(request: Request) -> None:
    """For what needs no input: it takes no query, and no body or an empty object.

    Raises `ValidationFailed`, and what `read_json` raises.
    """
    _NO_QUERY.read(request.target.query)
    if request.has_body:
        await read_model(request, Body, _NO_INPUT_LIMITS)


async def read_json(request: Request, limits: BodyLimits = USUAL_LIMITS, types: Sequence[str] = (JSON_TYPE,)) -> Any:
    """The request's body, of one of the media types, as Python values, fractions as `Decimal`.

    Raises `UnsupportedMediaType`, `MalformedJson`, `TooManyValues`, and what `read_body` raises.
    """
    if not is_media_type(request.headers.get("Content-Type", ""), *types) or "Content-Encoding" in request.headers:
        raise _unsupported(request, types)
    return parse_json(await read_body(request, limits.max_bytes), limits.max_values)


def _unsupported(request: Request, types: Sequence[str]) -> UnsupportedMediaType:
    """The answer to a PATCH names the types in a header as well (RFC 5789, section 2.2)."""
    headers = accept_patch(types) if request.method == "PATCH" else {}
    return UnsupportedMediaType(f"The body must be {' or '.join(types)}.", headers=headers)


def accept_patch(types: Sequence[str]) -> dict[str, str]:
    """RFC 5789, section 3.1."""
    return {"Accept-Patch": ", ".join(types)}


def is_media_type(content_type: str, *wanted: str) -> bool:
    """Whether it is one of these types, with no parameter but a charset of UTF-8 (RFC 8259, section 11).

    Parameters may be empty (RFC 9110, section 5.6.6): `application/json; charset=utf-8;` is one.
    """
    media_type, *parameters = [part.strip(" \t") for part in content_type.lower().split(";")]
    named = [parameter for parameter in parameters if parameter]
    return media_type in wanted and (not named or (len(named) == 1 and named[0] in _UTF_8))
