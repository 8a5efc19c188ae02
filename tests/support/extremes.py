"""The extremes of every declared field: the ends of its type, what lies just outside, and what lies far off.

They come from the schema of the declared model, so a new field is searched without a line here.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from shared.http.models import MergePatch

Place = tuple[str | int, ...]
ANYTHING: Final = "<anything>"
"""Of a value whose normal form depends on the route: `null` may clear, restore a default, or stand for now."""
REFUSED: Final = "<refused>"
_MARK: Final = "<the value>"


@dataclass(frozen=True)
class FieldOf:
    """A field at any depth of a model: `("labels", 0, "name")`."""

    place: Place
    schema: Mapping[str, Any]

    def __str__(self) -> str:
        return ".".join(map(str, self.place))


@dataclass(frozen=True)
class Extreme:
    """`written` is JSON text. If it is accepted, answers show `shown`."""

    written: str
    shown: Any

    @property
    def is_text(self) -> bool:
        return self.written.startswith('"')

    @property
    def in_a_query(self) -> str:
        """What a client writes into a query string for it."""
        return str(json.loads(self.written)) if self.is_text else self.written


def fields_of(model: type[BaseModel] | None) -> Iterator[FieldOf]:
    """Of a merge patch, those of its document; none of no model."""
    if model is not None:
        yield from _fields_of(model.document if issubclass(model, MergePatch) else model)


@cache
def _fields_of(model: type[BaseModel]) -> Sequence[FieldOf]:
    schema = model.model_json_schema()
    return list(_fields((), schema, schema.get("$defs", {})))


def _fields(place: Place, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[FieldOf]:
    if place:
        yield FieldOf(place, schema)
    for name, inner in schema.get("properties", {}).items():
        yield from _fields((*place, name), _resolved(inner, definitions), definitions)
    if "items" in schema:
        yield from _fields((*place, 0), _resolved(schema["items"], definitions), definitions)


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Without `$ref` and `null`; a decimal, which could be a number or a string by its schema, is a number."""
    if "$ref" in schema:
        return _resolved(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return {**schema, **_resolved(choice, definitions)}
    if "items" in schema:
        return {**schema, "items": _resolved(schema["items"], definitions)}
    if "properties" in schema:
        return {**schema, "properties": {n: _resolved(s, definitions) for n, s in schema["properties"].items()}}
    return dict(schema)


def body_with(example: Mapping[str, Any], field: FieldOf, model: type[BaseModel], written: str) -> str:
    """JSON text of the example with this value in the field."""
    top = next(each for each in fields_of(model) if each.place == field.place[:1])
    filled = _with_mark(top.schema, field.place[1:])
    return json.dumps({**example, str(field.place[0]): filled}).replace(json.dumps(_MARK), written)


def _with_mark(schema: Mapping[str, Any], place: Place) -> Any:
    if not place:
        return _MARK
    if "items" in schema:
        return [_with_mark(schema["items"], place[1:])]
    return {**value_of(schema), str(place[0]): _with_mark(schema["properties"][place[0]], place[1:])}


def value_of(schema: Mapping[str, Any], number: int = 1, place: int = 0) -> Any:
    """A value of the type; those of two numbers differ, and times of one object follow each other."""
    match schema:
        case {"properties": fields}:
            return {name: value_of(inner, number, at) for at, (name, inner) in enumerate(fields.items())}
        case {"enum": choices}:
            return choices[0]
        case {"items": _}:
            return []
        case {"type": "boolean"}:
            return False
        case {"format": "date-time"}:
            moment = datetime(2030, 5, 15, 9, tzinfo=UTC) + timedelta(minutes=number, seconds=place)
            return f"{moment:%Y-%m-%dT%H:%M:%S}.000000Z"
        case {"type": "integer" | "number"}:
            return number
    return f"x{number}"


def extremes(schema: Mapping[str, Any]) -> Iterator[Extreme]:
    """Each once."""
    seen = set()
    for extreme in [*_of_type(schema), *_OF_NO_TYPE]:
        if extreme.written not in seen:
            seen.add(extreme.written)
            yield extreme


def _of_type(schema: Mapping[str, Any]) -> Iterator[Extreme]:
    match schema:
        case {"type": "string"}:
            yield from _of_text(schema)
        case {"type": "integer"}:
            lowest, highest = _bound(schema, "ge", "minimum", 0), _bound(schema, "le", "maximum", None)
            yield from _as_written(*_integers(lowest, highest))
        case {"type": "number"}:
            yield from _as_written(*_decimals(schema))
        case {"type": "boolean"}:
            yield from _as_written("true", "false", '"true"')
        case {"properties": _}:
            yield from _as_written(json.dumps(value_of(schema, 2)))
            yield Extreme(json.dumps({**value_of(schema), "unknown": 1}), REFUSED)
        case {"items": item}:
            yield from _lists(item, schema.get("minItems", 0), schema.get("maxItems", 100))
        case _:
            raise TypeError(f"which extremes has {schema}?")


def _of_text(schema: Mapping[str, Any]) -> Iterator[Extreme]:
    match schema:
        case {"enum": choices}:
            yield from _texts(*choices, *(f"{each} " for each in choices), choices[0].upper())
        case {"format": "date-time"}:
            yield from (Extreme(json.dumps(written), shown) for written, shown in _moments())
        case {"format": "date"}:
            yield from _texts(*_DAYS)
            yield from (Extreme(json.dumps(day), REFUSED) for day in _NO_DAYS)
        case {"format": "uri"}:
            yield from (Extreme(json.dumps(written), shown) for written, shown in _ADDRESSES.items())
        case _:
            yield from _strings(schema.get("maxLength", 10_000))


def _bound(schema: Mapping[str, Any], query: str, body: str, default: int | None) -> int | None:
    found: int | None = schema.get(query, schema.get(body, default))
    return found


def _as_written(*written: str) -> Iterator[Extreme]:
    for text in written:
        yield Extreme(text, json.loads(text, parse_float=Decimal, parse_int=Decimal))


def _texts(*texts: str) -> Iterator[Extreme]:
    for text in texts:
        yield Extreme(json.dumps(text), text)


def _integers(lowest: int | None, highest: int | None) -> Iterator[str]:
    for end in (lowest, highest):
        if end is not None:
            yield from (str(end), str(end - 1), str(end + 1))
    yield from (str(2**bits + more) for bits in (31, 32, 63, 64) for more in (-1, 0))
    yield from ("-0", "-1", f"{-(2**63)}", f"{-(2**63) - 1}", "1.0", "1e0", "1.5", '"1"')
    yield from ("9" * 30, "1" + "0" * 999, "1" + "0" * 1001)


def _decimals(schema: Mapping[str, Any]) -> Iterator[str]:
    places = schema.get("decimal_places", 2)
    lowest = Decimal(schema.get("ge", schema.get("gt", 0)))
    highest = Decimal(schema.get("le", Decimal(10) ** (schema.get("max_digits", 20) - places)))
    least = Decimal(1).scaleb(-places)
    for end in (lowest, highest):
        yield from (f"{end + change:f}" for change in (0, least, -least, least / 10))
    yield from (f"{lowest + 1:f}.{'0' * 12}", f"{lowest + 1:f}.{'0' * 900}1", '"1"', "1E+1", "10e-1", "0.29", "0.10")
    yield from ("-0.0", "0e400", "1e16", str(2**53 + 1), "9" * 30, "9" * 999, "9" * 1001, "0." + "3" * 30)


def _strings(longest: int) -> Iterator[Extreme]:
    for text in (
        *(sign * count for sign in ("x", "\U0001f6a7", "\u0958") for count in (longest, longest + 1)),
        *(" ", " a ", "\ufeffa\n", "e\u0301", "a\tb", "a\nb", "a\x1bb", "a\x7fb", "a\x85b", "a\u2028b", "x" * 100_000),
        " ".join(_SIGNS),
        " ".join(_WORDS),
    ):
        yield Extreme(json.dumps(text), unicodedata.normalize("NFC", text).strip(" \n\u00a0\ufeff"))
    yield from (Extreme(json.dumps(text), REFUSED) for text in ("a\u202eb", "\u2066", "\u200b", "\u200d\u00ad"))
    yield from (Extreme(written, REFUSED) for written in ('"\\ud800"', '"\\udc00\\ud800"', '"a\\u0000"'))


_SIGNS: Final = (
    "\xa0", "\xad", "\u0301", "\u200d", "\ue000", "\ufeff", "\ufffd", "\ufffe", "\uffff",
    "\U0001f468\u200d\U0001f469", "\U0010ffff",
)  # fmt: skip
"""What is invisible, what combines, what is private or no character at all, the last one."""
_WORDS: Final = (
    "é", "e\u0301", "İ", "ı", "ß", "ẞ", "ﬁ", "ǆ", "Å", "null", "None", "NaN", "0", "\\", "\\u0000", "'", '"', "%00",
    "%", "_", "<b>", "{}", "[]", "-", "infinity", "1e400", "../..", "Ａ", "١", "\\N", "\U0001d54f",
)  # fmt: skip
"""What one reader or another takes for more than text, or for other text."""


def _moments() -> Iterator[tuple[str, str]]:
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    yield f"{now}.123456789Z", f"{now}.123456Z"
    yield f"{now}Z", f"{now}.000000Z"
    yield from _MOMENTS.items()
    yield from ((written, REFUSED) for written in _NO_MOMENTS)


_MOMENTS: Final = {
    "2030-05-15T09:00:00.1Z": "2030-05-15T09:00:00.100000Z",
    "2030-05-15t09:00:00.1234567z": "2030-05-15T09:00:00.123456Z",
    "2030-05-15T09:00:00.999999999+00:00": "2030-05-15T09:00:00.999999Z",
    "2030-05-15T09:00:00.0000009-00:00": "2030-05-15T09:00:00.000000Z",
    f"2030-05-15T09:00:00.{'9' * 500}Z": "2030-05-15T09:00:00.999999Z",
    "2030-05-15T09:00:00+23:59": "2030-05-14T09:01:00.000000Z",
    "2030-05-15T09:00:00-23:59": "2030-05-16T08:59:00.000000Z",
    "2028-02-29T00:00:00+05:45": "2028-02-28T18:15:00.000000Z",
    "1900-01-01T00:00:00Z": "1900-01-01T00:00:00.000000Z",
    "1900-01-01T00:00:00.0000001Z": "1900-01-01T00:00:00.000000Z",
    "1899-12-31T23:00:00-01:00": "1900-01-01T00:00:00.000000Z",
    "1969-12-31T23:59:59.999999Z": "1969-12-31T23:59:59.999999Z",
    "2038-01-19T03:14:08Z": "2038-01-19T03:14:08.000000Z",
    "2999-12-31T23:59:59.999999999Z": "2999-12-31T23:59:59.999999Z",
    "3000-01-01T00:59:59+01:00": "2999-12-31T23:59:59.000000Z",
}
"""With the normal form of each: UTC, cut to microseconds."""
_NO_MOMENTS: Final = (
    "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59", "3000-01-01T00:00:00Z", "2999-12-31T23:59:59-00:01",
    "1900-01-01T00:00:00+00:01", "1899-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
    "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2016-12-31T23:59:60Z", "2030-05-15T24:00:00Z",
    "2030-02-29T00:00:00Z", "2030-05-15T09:00:00", "2030-05-15 09:00:00Z", "2030-05-15T09:00:00+24:00",
    "2030-05-15T09:00:00+01:60", "2030-05-15", "infinity", "1778835600",
)  # fmt: skip
_DAYS: Final = ("1900-01-01", "1999-12-31", "2028-02-29", "2038-01-20", "2999-12-31")
_NO_DAYS: Final = (
    "0000-01-01", "0001-01-01", "1899-12-31", "3000-01-01", "9999-12-31", "10000-01-01", "-2030-01-01", "2027-02-29",
    "2030-1-1", "20300101", "2030-W20-3", "2030-01-01T00:00:00Z", "２030-01-01", "infinity",
)  # fmt: skip
_ADDRESSES: Final = {
    "https://x.example/1": "https://x.example/1",
    "HTTPS://EXAMPLE.COM/X?Y#Z": "https://example.com/X?Y#Z",
    "https://x.example/ü": "https://x.example/%C3%BC",
    "https://x.example/\U0001f6a7": "https://x.example/%F0%9F%9A%A7",
    "https://[2001:DB8::A]:65535/": "https://[2001:db8::a]:65535/",
    "https://x.example:1": "https://x.example:1",
    "https://x.example/" + "x" * 2030: "https://x.example/" + "x" * 2030,
    "https://" + ".".join(["a" * 63] * 3) + "." + "A" * 61: "https://" + ".".join(["a" * 63] * 3) + "." + "a" * 61,
    "https://x.example/%2e%2E/..//.": "https://x.example/%2e%2E/..//.",
    "https://x.example/" + "x" * 2031: REFUSED,
    "https://x.example/" + "ü" * 2000: REFUSED,
    " https://x.example/1": REFUSED,
    "https://x.example/1 ": REFUSED,
    "https://x.example/\n": REFUSED,
    "https://ü.example/": REFUSED,
    "https://x.example/\u200b": REFUSED,
    "https://x.example/\u202e": REFUSED,
    "https://x.example:65536/": REFUSED,
    "https://x.example:0/": REFUSED,
    "https://": REFUSED,
    "http://x.example": REFUSED,
    "javascript:alert(1)": REFUSED,
}


def _lists(item: Mapping[str, Any], shortest: int, longest: int) -> Iterator[Extreme]:
    for count in sorted({0, shortest, longest, longest + 1}):
        yield from _as_written(json.dumps([value_of(item, number) for number in range(1, count + 1)]))
    yield from _as_written(f"[{json.dumps(value_of(item))}, {json.dumps(value_of(item))}]")
    yield from (Extreme(written, REFUSED) for written in _no_lists(json.dumps(value_of(item))))


def _no_lists(item: str) -> Sequence[str]:
    return f"[[{item}]]", f"[{item}, null]", "[{}]"


_OF_NO_TYPE: Final = [
    Extreme("null", ANYTHING),
    *_as_written("true", "[]", "{}", '""', '"x"', "0", "1e400", "-1e400", "1e-400"),
    Extreme("1e99999999999999999999", REFUSED),
]
"""For each field, whatever its type."""
