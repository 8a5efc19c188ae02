"""JSON read strictly (RFC 8259): no repeated keys, NaN or trailing bytes, and numbers as they are written.

Values are counted before anything is built from them, so that no text takes long, whatever is in it.
"""

import re
from typing import Any, Final

from jiter import from_json

from shared.errors import MalformedJson, TooManyValues, shortened

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
