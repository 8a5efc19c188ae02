"""Compares answers with the API's documented examples: names, kinds and the very digits."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

_FORMATS = {
    "training timestamp": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z"),
    "history timestamp": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00\Z"),
    "date": re.compile(r"\d{4}-\d\d-\d\d\Z"),
    "address": re.compile(r"https?://"),
}


class Digits(str):
    """A JSON number as it stands in the text: `200.00` is not `200.0`."""

    __slots__ = ()


def exactly(text: str) -> Any:
    """JSON text as values whose numbers keep their digits."""
    return json.loads(text, parse_int=Digits, parse_float=Digits)


def differences(
    actual: Any, example: Any, *, shape_only: Sequence[str] = (), beginning: Sequence[str] = (), at: str = ""
) -> Iterator[str]:
    """Where the answer is not what the example shows; both as `exactly` reads them.

    `shape_only` names the places (dotted) whose values no example can foresee: there kind and format must agree.
    `beginning` names lists of which the example shows the beginning alone.
    """
    loose = any(at == place or at.startswith(f"{place}.") for place in shape_only)
    if kind(actual) != kind(example):
        yield f"{at}: {kind(actual)} {actual!r} instead of {kind(example)} {example!r}"
    elif isinstance(example, dict):
        yield from (f"{at}: {name} is missing" for name in example if name not in actual)
        yield from (f"{at}: {name} is not in the example" for name in actual if name not in example)
        for name in example.keys() & actual.keys():
            place = f"{at}.{name}".lstrip(".")
            yield from differences(actual[name], example[name], shape_only=shape_only, beginning=beginning, at=place)
    elif isinstance(example, list):
        if len(actual) < len(example) or (len(actual) > len(example) and at not in beginning):
            yield f"{at}: {len(actual)} items instead of {len(example)}"
        for position, (one, other) in enumerate(zip(actual, example, strict=False)):
            place = f"{at}.{position}"
            yield from differences(one, other, shape_only=shape_only, beginning=beginning, at=place)
    elif actual != example and not loose:
        yield f"{at}: {actual!r} instead of {example!r}"


def kind(value: Any) -> str:
    """The JSON type of a value, for numbers with their decimals and for strings with their format."""
    match value:
        case Digits():
            return f"number with {len(value.partition('.')[2])} decimals"
        case str():
            return next((name for name, pattern in _FORMATS.items() if pattern.match(value)), "text")
        case bool():
            return "boolean"
        case None:
            return "null"
        case _:
            return type(value).__name__


def fields(value: Any) -> set[str]:
    """The names of a JSON object's members."""
    assert isinstance(value, dict), value
    return set(value)
