"""Whether every schema of a document is made of JSON Schema's own keywords: pydantic also emits names of its own, such
as `ge`, which readers ignore."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from documents.writing import DocumentError

_OF_SCHEMAS: Final = frozenset({"properties", "$defs", "patternProperties", "dependentSchemas"})
"""Their members are schemas, by names of their own."""
_OF_ONE: Final = frozenset(
    {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "unevaluatedProperties"}
    | {"contentSchema"}
)
_OF_SEVERAL: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_OTHERS: Final = frozenset(
    {
        "$ref", "$id", "$schema", "$comment", "type", "enum", "const", "format", "pattern", "minLength", "maxLength",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems",
        "uniqueItems", "required", "minProperties", "maxProperties", "dependentRequired", "title", "description",
        "default", "examples", "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType",
        "discriminator",
    }
)  # fmt: skip
"""JSON Schema 2020-12, and `discriminator` of OpenAPI."""


def check_keywords(document: Mapping[str, Any]) -> None:
    """Raises `DocumentError` that names every keyword that is none, and where it is."""
    found = [name for place, schema in schemas_of(document, "#") for name in _unknown(place, schema)]
    if found:
        raise DocumentError("unknown keywords of JSON Schema: " + ", ".join(found))


def schemas_of(part: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every outermost schema of an OpenAPI or AsyncAPI document, with its place."""
    if isinstance(part, list):
        for index, each in enumerate(part):
            yield from schemas_of(each, f"{place}/{index}")
    elif isinstance(part, Mapping):
        for name, value in part.items():
            if name in ("schema", "payload"):
                yield f"{place}/{name}", value
            elif name == "schemas" and place == "#/components":
                yield from ((f"{place}/schemas/{each}", schema) for each, schema in value.items())
            elif name not in ("example", "examples", "links"):
                yield from schemas_of(value, f"{place}/{name}")


def _unknown(place: str, schema: Any) -> Iterator[str]:
    if not isinstance(schema, Mapping):  # true and false are schemas
        return
    for name, value in schema.items():
        if name in _OF_SCHEMAS:
            for each, inner in value.items():
                yield from _unknown(f"{place}/{name}/{each}", inner)
        elif name in _OF_ONE:
            yield from _unknown(f"{place}/{name}", value)
        elif name in _OF_SEVERAL:
            for index, inner in enumerate(value):
                yield from _unknown(f"{place}/{name}/{index}", inner)
        elif name not in _OTHERS and not name.startswith("x-"):
            yield f"{place}/{name}"
