"""Request bodies: JSON read strictly (RFC 8259), before any model sees it (contract, section 1)."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from aiohttp import StreamReader, web

from shared.errors import BadRequest, MalformedJson, PayloadTooLarge, RequestTimeout, UnsupportedMediaType
from shared.http.body_budget import Reservation, reserve

MAX_BODY_BYTES = 1024 * 1024
BODY_TIMEOUT = 10.0
"""Seconds a client gets to send its body; without it a dripped one would never end."""
READ_AHEAD = 32 * 1024
"""Bytes that may wait for their reader once there is room for them."""
MAX_DEPTH = 32
MAX_DIGITS = 1000
"""Digits of one number, far beyond any that a field allows: what is merely too large is the field's to refuse."""


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


async def read_json(request: web.Request) -> Any:
    """The request's body as Python values, fractions as `Decimal`.

    Raises `UnsupportedMediaType`, `MalformedJson`, and what `read_body` raises.
    """
    _require_json(request.headers)
    return parse_json(await read_body(request))


def json_of(headers: Mapping[str, str], body: bytes) -> Any:
    """The same for a body that is there already."""
    _require_json(headers)
    return parse_json(body)


def _require_json(headers: Mapping[str, str]) -> None:
    if not is_json(headers.get("Content-Type", "")) or "Content-Encoding" in headers:
        raise UnsupportedMediaType


def is_json(content_type: str) -> bool:
    """`application/json`, with no parameter but a charset of UTF-8 (RFC 8259, section 11)."""
    media_type, _, parameters = content_type.partition(";")
    if media_type.strip().lower() != "application/json":
        return False
    return parameters.strip().lower().replace('"', "") in ("", "charset=utf-8")


def parse_json(body: bytes) -> Any:
    """JSON text as Python values; raises `MalformedJson` for what RFC 8259 or the contract refuses."""
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedJson(_reason(error)) from None
    if any(depth > MAX_DEPTH for depth in _depths(value)):
        raise MalformedJson(f"The body nests deeper than {MAX_DEPTH} levels.")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "The body is not UTF-8."
    if isinstance(error, json.JSONDecodeError):
        return f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
    if isinstance(error, RecursionError):
        return f"The body nests deeper than {MAX_DEPTH} levels."
    return f"The body is not valid JSON: {error}."


def _depths(value: Any) -> Iterator[int]:
    """The nesting depth of every array and object, without recursion."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, dict | list):
            yield depth
            if depth > MAX_DEPTH:
                return
            waiting.extend((child, depth + 1) for child in (item.values() if isinstance(item, dict) else item))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return members


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def _fraction(digits: str) -> Decimal:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise ValueError("a number's exponent is too large") from None


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_fraction
)
