"""Request bodies: JSON read strictly (RFC 8259), before any model sees it (contract, section 1).

What a body may hold is counted before anything is built from it, so that no body takes long, whatever is in it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import StreamReader, web

from shared.errors import (
    BadRequest,
    PayloadTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
)
from shared.http.body_budget import Reservation, reserve
from shared.http.models import MAX_BODY_BYTES, USUAL_LIMITS, BodyLimits
from shared.validation.strict_json import parse_json

BODY_TIMEOUT = 10.0
"""Seconds a client gets to send its body; without it a dripped one would never end."""
READ_AHEAD: Final = 32 * 1024
"""Bytes that may wait for their reader once there is room for them."""
_JSON_TYPE: Final = "application/json"
_UTF_8: Final = frozenset({"charset=utf-8", 'charset="utf-8"'})


async def read_body(request: web.Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The whole body, of at most `limit` bytes; room for as many as are announced is reserved before any is read.

    Raises `PayloadTooLarge`, `Overloaded`, `RequestTimeout`, or `BadRequest` for one that breaks off.
    """
    announced = request.content_length or 0
    if announced > limit:
        raise PayloadTooLarge
    reservation = reserve(request, announced)
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await _received(request.content, reservation, limit)
    except TimeoutError:
        raise RequestTimeout from None
    except (web.RequestPayloadError, ConnectionError):
        raise BadRequest("The body broke off.") from None


async def _received(content: StreamReader, reservation: Reservation, limit: int) -> bytes:
    """One whose length nobody has announced reserves as it grows."""
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
        parts.clear()  # a body that broke off lives as long as the traceback that tells of it


async def read_json(request: web.Request, limits: BodyLimits = USUAL_LIMITS) -> Any:
    """The request's body as Python values, fractions as `Decimal`.

    Raises `UnsupportedMediaType`, `MalformedJson`, `TooManyValues`, and what `read_body` raises.
    """
    _require_json(request.headers)
    return parse_json(await read_body(request, limits.max_bytes), limits.max_values)


def json_of(headers: Mapping[str, str], body: bytes, limits: BodyLimits = USUAL_LIMITS) -> Any:
    """The same for a body that is there already."""
    _require_json(headers)
    if len(body) > limits.max_bytes:
        raise PayloadTooLarge
    return parse_json(body, limits.max_values)


def _require_json(headers: Mapping[str, str]) -> None:
    if not is_json(headers.get("Content-Type", "")) or "Content-Encoding" in headers:
        raise UnsupportedMediaType


def is_json(content_type: str) -> bool:
    """`application/json`, with no parameter but a charset of UTF-8 (RFC 8259, section 11).

    Parameters may be empty (RFC 9110, section 5.6.6): `application/json; charset=utf-8;` is one.
    """
    media_type, *parameters = [part.strip(" \t") for part in content_type.lower().split(";")]
    named = [parameter for parameter in parameters if parameter]
    return media_type == _JSON_TYPE and (not named or (len(named) == 1 and named[0] in _UTF_8))
