"""Strict JSON (RFC 8259): no duplicate keys, NaN or trailing bytes; numbers keep their exact value.

Values are counted before anything is built, which bounds the time that any text can take.
"""

import re
from typing import Any, Final

from jiter import from_json

from shared.errors import MalformedJson, TooManyValues, shortened

MAX_VALUES: Final = 10_000
"""Maximum number of JSON values in a body: objects, arrays, strings, numbers, `true`, `false` and `null`."""
MAX_DEPTH: Final = 32
MAX_DIGITS: Final = 1000
"""Maximum length of a number, far beyond what any field allows; a field rejects a number that is merely too large."""

_BLANKS: Final = b" \t\r\n"
_NUMBER: Final = b"0123456789.+-eE"
_ZEROS: Final = bytes(ord("0") if byte in _NUMBER else ord(" ") for byte in range(256))
"""Maps each character of a number to a zero, so a long number is a run of zeros."""
_LONG_NUMBER: Final = b"0" * (MAX_DIGITS + 1)
_REPEATED_KEY: Final = re.compile(r'Detected duplicate key "(.*)" (at line \d+ column \d+)', re.DOTALL)


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
    """Checks the limits in about a nanosecond for each byte.

    Commas and digits may also occur in strings. Only if there are too many are the strings removed and the rest
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
    """An upper bound: each value but the first follows a comma or opens an array or object."""
    return 1 + text.count(b",") + text.count(b"[") + text.count(b"{")


def _has_long_number(text: bytes) -> bool:
    return len(text) > MAX_DIGITS and _LONG_NUMBER in text.translate(_ZEROS)


def _without_texts(body: bytes, max_values: int) -> bytes:
    """The body with each string replaced by a quote; raises `TooManyValues`."""
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if unescaped.count(b'"') > 4 * max_values:  # two quotes for each string, two strings for each member
        raise TooManyValues(max_values)
    return b'"'.join(unescaped.split(b'"')[::2])


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether arrays and objects are nested deeper than `levels`."""
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
        key, place = shortened(repeated[1]), repeated[2]
        return f'The body is not valid JSON: the key "{key}" appears more than once in an object {place}.'
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
