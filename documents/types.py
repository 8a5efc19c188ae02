"""Types of values that many fields share, as components with names of their own."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from shared.validation.fields import LongText, Name, QueryDate, Reason, Search, Timestamp

Schema = dict[str, Any]


def _schema(of: Any, description: str) -> Schema:
    return {**TypeAdapter(of).json_schema(), "description": description}


TYPES: Final[Mapping[str, Schema]] = {
    "OneLine": _schema(
        Name,
        "One line with something to see in it. Blanks around it are removed, and it is kept in Unicode's form NFC.",
    ),
    "Lines": _schema(
        LongText, "Any lines of text. Blanks around it are removed, and it is kept in Unicode's form NFC."
    ),
    "Reason": _schema(Reason, "Lines of text with something to see in them."),
    "Words": _schema(
        Search, "At most 8 words. Each occurs in what is found, in any order, whatever its accents and case."
    ),
    "Moment": _schema(
        Timestamp,
        "RFC 3339 with an offset, in the years 1900 to 2999 of UTC. Decimals beyond microseconds are cut off.",
    ),
    "DayFilter": _schema(QueryDate, "A day in the organisation's time zone, in the years 1900 to 2999."),
}
"""By name."""
_NAMES: Final = [
    (name, {key: value for key, value in schema.items() if key != "description"}) for name, schema in TYPES.items()
]


def with_types(schema: Any) -> Any:
    """The schema with a reference wherever it has one of the types."""
    if isinstance(schema, list):
        return [with_types(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    for name, type_ in _NAMES:
        if type_.items() <= schema.items():
            others = {key: value for key, value in schema.items() if key not in type_}
            return {"$ref": f"#/components/schemas/{name}", **others}
    return {key: with_types(value) for key, value in schema.items()}
