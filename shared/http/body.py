"""Request bodies: JSON read strictly (RFC 8259), before any model sees it (contract, section 1).

What a body may hold is counted before anything is built from it, so that no body takes long, whatever is in it.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import StreamReader, web
from jiter import from_json

from shared.errors import (
    BadRequest,
    MalformedJson,
    PayloadTooLarge,
    RequestTimeout,
    TooManyValues,
    UnsupportedMediaType,
    shortened,
)
from shared.http.body_budget import Reservation, reserve

MAX_BODY_BYTES: Final = 1024 * 1024
BODY_TIMEOUT = 10.0
"""Seconds a client gets to send its body; without it a dripped one would never end."""
READ_AHEAD: Final = 32 * 1024
"""Bytes that may wait for their reader once there is room for them."""
MAX_VALUES: Final = 10_000
"""JSON values in one body: each object, list, text, number, `true`, `false` and `null`."""
MAX_DEPTH: Final = 32
MAX_DIGITS: Final = 1000
"""Characters of one number, far beyond any that a field allows: what is merely too large is the field's to refuse."""

_BLANKS: Final = b" \t\r\n"
_NUMBER: Final = b"0123456789.+-eE"
_ZEROS: Final = bytes(ord("0") if byte in _NUMBER else ord(" ") for byte in range(256))
"""Each character that a number may have becomes a zero, so that a long number is found as a run of zeros."""
_LONG_NUMBER: Final = b"0" * (MAX_DIGITS + 1)
_JSON_TYPE: Final = "application/json"
_UTF_8: Final = frozenset({"charset=utf-8", 'charset="utf-8"'})
_REPEATED_KEY: Final = re.compile(r'Detected duplicate key "(.*)" (at line \d+ column \d+)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may hold where its route says nothing else."""

    max_bytes: int = MAX_BODY_BYTES
    max_values: int = MAX_VALUES


USUAL_LIMITS: Final = BodyLimits()


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


def parse_json(body: bytes, max_values: int = MAX_VALUES) -> Any:
    """JSON text as Python values, fractions as `Decimal`.

    Raises `MalformedJson` for what RFC 8259 or the contract refuses, `TooManyValues` for more than `max_values`.
    """
    _check_counts(body, max_values)
    try:
        value = from_json(body, catch_duplicate_keys=True, float_mode="decimal", allow_inf_nan=False, cache_mode="none")
    except ValueError as error:
        raise MalformedJson(_reason(body, str(error))) from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise MalformedJson(_TOO_DEEP)
    return value


_TOO_DEEP: Final = f"The body nests deeper than {MAX_DEPTH} levels."


def _check_counts(body: bytes, max_values: int) -> None:
    """Counts what is in the body, about a nanosecond for each byte.

    Commas and digits may also be part of texts. Only where they are too many are the texts taken out, and what is left
    counted again.
    """
    if _values(body) <= max_values and not _has_long_number(body):
        return
    outside = _without_texts(body, max_values).translate(None, _BLANKS)
    if _values(outside) - outside.count(b"[]") - outside.count(b"{}") > max_values:
        raise TooManyValues(max_values)
    if _has_long_number(outside):
        raise MalformedJson(f"The body is not valid JSON: a number has more than {MAX_DIGITS} digits.")


def _values(text: bytes) -> int:
    """An upper bound: each value but the first follows a comma, or is the first of a list or an object."""
    return 1 + text.count(b",") + text.count(b"[") + text.count(b"{")


def _has_long_number(text: bytes) -> bool:
    return len(text) > MAX_DIGITS and _LONG_NUMBER in text.translate(_ZEROS)


def _without_texts(body: bytes, max_values: int) -> bytes:
    """What stands outside of texts, with a quote in the place of each; raises `TooManyValues`."""
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if unescaped.count(b'"') > 4 * max_values:  # two quotes for each text, two texts for each member
        raise TooManyValues(max_values)
    return b'"'.join(unescaped.split(b'"')[::2])


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether arrays and objects stand in more than so many levels."""
    level = [value]
    for _ in range(levels + 1):
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return False
        level = [child for item in containers for child in (item.values() if isinstance(item, dict) else item)]
    return True


def _reason(body: bytes, reason: str) -> str:
    repeated = _REPEATED_KEY.fullmatch(reason)
    if repeated is not None:
        return (
            f'The body is not valid JSON: the key "{shortened(repeated[1])}" stands twice in one object {repeated[2]}.'
        )
    if "recursion limit" in reason:
        return _TOO_DEEP
    if "InvalidOperation" in reason:
        return "The body is not valid JSON: a number's exponent is too large."
    if not _is_utf8(body):
        return "The body is not UTF-8."
    return f"The body is not valid JSON: {shortened(reason, 200)}."


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
