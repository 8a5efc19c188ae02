"""What a method takes: the parameters and the members of the body, by names of Python."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from documents.python_client.types import ArgumentTypes, Schema, attribute_of, name_of
from documents.writing import DocumentError

FORM: Final = "application/x-www-form-urlencoded"
_TAG: Final = "Tag | None"
_PLACES: Final = ("path", "file", "body", "query", "header")
_OF_ALL: Final = frozenset({"updated_since", "page", "per_page", "cursor", "total", "X-Request-Id"})
_HEADERS: Final[Mapping[str, tuple[str, str]]] = {
    "If-Match": ("if_match", _TAG),
    "If-None-Match": ("if_none_match", _TAG),
    "Idempotency-Key": ("idempotency_key", "str | None"),
    "Last-Event-ID": ("last_event_id", "str | None"),
    "X-Request-Id": ("request_id", "str | None"),
}
"""Names and types by header."""


@dataclass(frozen=True)
class Argument:
    """`member` is its name in the document, `place` where it goes: `path`, `query`, `header`, `body` or `file`."""

    name: str
    member: str
    place: str
    type: str
    default: str | None = None

    @property
    def declared(self) -> str:
        return f"{self.name}: {self.type}" + ("" if self.default is None else f" = {self.default}")


def arguments_of(operation: Mapping[str, Any], components: Mapping[str, Any]) -> list[Argument]:
    """In the order of a signature. Raises `DocumentError` for two with the same name."""
    types = ArgumentTypes(components["schemas"])
    given = [_resolved(each, components) for each in operation["parameters"]]
    found = [_parameter(each, types) for each in given] + _of_body(operation, components["schemas"], types)
    names = [each.name for each in found]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise DocumentError(f"{operation['operationId']} takes {', '.join(doubled)} twice")
    return sorted(found, key=_rank)


def _also(kind: str, other: str) -> str:
    """`None` stays at the end."""
    without = kind.removesuffix(" | None")
    return f"{without} | {other}" + ("" if without == kind else " | None")


def _rank(argument: Argument) -> tuple[bool, bool, int, bool]:
    """What has to be said comes first, what is said of any request or list last."""
    return (
        argument.place not in ("path", "file"),
        argument.default is not None,
        _PLACES.index(argument.place),
        argument.member in _OF_ALL,
    )


def body_type(operation: Mapping[str, Any]) -> str | None:
    """The media type that is sent; None without a body."""
    return next(iter(operation["requestBody"]["content"])) if "requestBody" in operation else None


def is_body_optional(operation: Mapping[str, Any]) -> bool:
    return "requestBody" in operation and not operation["requestBody"].get("required", False)


def _resolved(parameter: Schema, components: Mapping[str, Any]) -> Schema:
    found: Schema = components["parameters"][name_of(parameter["$ref"])] if "$ref" in parameter else parameter
    return found


def _parameter(parameter: Schema, types: ArgumentTypes) -> Argument:
    member, place = parameter["name"], parameter["in"]
    is_required = parameter.get("required", False)
    if place == "header":
        if member not in _HEADERS:
            raise DocumentError(f"the client does not know what to do with the header {member}")
        name, kind = _HEADERS[member]
        return Argument(
            name, member, place, "Tag" if is_required and kind == _TAG else kind, None if is_required else "None"
        )
    kind = types.of(parameter["schema"])
    if is_required:
        return Argument(attribute_of(member), member, place, kind)
    return Argument(attribute_of(member), member, place, kind if kind.endswith("| None") else f"{kind} | None", "None")


def _of_body(operation: Mapping[str, Any], schemas: Mapping[str, Schema], types: ArgumentTypes) -> list[Argument]:
    if "requestBody" not in operation:
        return []
    contents = operation["requestBody"]["content"]
    media_type, content = next(iter(contents.items()))
    schema = content["schema"]
    schema = schemas[name_of(schema["$ref"])] if "$ref" in schema else schema
    if schema.get("type") == "string":
        choice = ", ".join(f'"{each}"' for each in contents)
        return [
            Argument("file", "file", "file", "File"),
            Argument("content_type", "Content-Type", "file", f"Literal[{choice}]", f'"{media_type}"'),
        ]
    required = set(schema.get("required", []))
    return [
        Argument(attribute_of(member), member, "body", types.of(each))
        if member in required
        else Argument(attribute_of(member), member, "body", _also(types.of(each), "Omitted"), "OMIT")
        for member, each in schema["properties"].items()
    ]
