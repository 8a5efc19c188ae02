"""The columns that a file of some kind may have: the fields of one line, those of an object in it dotted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from shared.http.models import Body
from shared.imports.cells import Read, Schema, read_of

_DEFINITION: Final = "#/$defs/"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a line. `read` makes a value of its cell; one without has a column for each of its `members` instead,
    and where `is_list` holds, each of those has a list of as many items."""

    name: str
    dotted: str
    is_nullable: bool
    is_required: bool
    read: Read | None
    is_list: bool = False
    members: tuple["Field", ...] = ()

    def columns(self) -> Iterator[str]:
        if self.read is not None:
            yield self.dotted
        for member in self.members:
            yield from member.columns()


@cache
def fields_of(model: type[Body]) -> tuple[Field, ...]:
    schema = model.model_json_schema()
    return tuple(_members(schema, schema.get("$defs", {}), ""))


def column_names(model: type[Body]) -> tuple[str, ...]:
    return tuple(name for field in fields_of(model) for name in field.columns())


def _members(schema: Schema, definitions: Mapping[str, Any], place: str) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        field = _field(name, member, definitions, place, name in required)
        if field is not None:
            yield field


def _field(name: str, schema: Schema, definitions: Mapping[str, Any], place: str, is_required: bool) -> Field | None:
    """None for a field that has no form in a cell."""
    schema, is_nullable = _not_null(schema, definitions)
    dotted = f"{place}{name}"
    read = read_of(schema)
    if read is not None:
        return Field(name, dotted, is_nullable, is_required, read)
    is_list = schema.get("type") == "array"
    of = _resolved(schema["items"], definitions) if is_list and "items" in schema else schema
    members = tuple(_members(of, definitions, f"{dotted}."))
    if is_list:
        members = tuple(member for member in members if member.read is not None)
    return Field(name, dotted, is_nullable, is_required, None, is_list, members) if members else None


def _not_null(schema: Schema, definitions: Mapping[str, Any]) -> tuple[Schema, bool]:
    """The schema of what is not null, and whether null is allowed beside it."""
    choices = schema.get("anyOf")
    if choices is None:
        return _resolved(schema, definitions), False
    others = [choice for choice in choices if choice.get("type") != "null"]
    return (_resolved(others[0], definitions) if len(others) == 1 else {}), len(others) < len(choices)


def _resolved(schema: Schema, definitions: Mapping[str, Any]) -> Schema:
    reference = schema.get("$ref")
    return schema if reference is None else definitions[reference.removeprefix(_DEFINITION)]
