"""Types of Python for schemas of the document."""

import json
import keyword
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from documents.python_client.names import snake

Schema = Mapping[str, Any]
_TAKEN: Final = frozenset(dir(BaseModel)) | {"answer", "etag"}
"""Names that a model has already."""
_SCALARS: Final = {"integer": "int", "boolean": "bool", "null": "None", "object": "dict[str, Any]"}
_TIME: Final = r"^\d{4}-\d{2}-\d{2}T"
_DAY: Final = r"^\d{4}-\d{2}-\d{2}$"


def name_of(reference: str) -> str:
    return reference.rpartition("/")[2]


def attribute_of(member: str) -> str:
    """The name of a member in Python: as it is, where that can be."""
    name = member if member.isidentifier() and member.islower() else snake(member)
    return f"{name}_" if keyword.iskeyword(name) or name in _TAKEN else name


class Types:
    """Of answers: what may come from a newer server, too."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas

    def is_class(self, name: str) -> bool:
        """Whether the schema has members of its own, and so a class."""
        return bool(self._schemas[name].get("properties"))

    def of(self, schema: Schema) -> str:
        """The type as Python has it."""
        return " | ".join(dict.fromkeys(self._parts(schema)))

    def _parts(self, schema: Schema) -> list[str]:
        if "$ref" in schema:
            name = name_of(schema["$ref"])
            return [self.reference(name)] if self.is_class(name) else self._parts(self._schemas[name])
        if "anyOf" in schema:
            parts = [part for each in schema["anyOf"] for part in self._parts(each)]
            return self._merged(sorted(parts, key=lambda part: part == "None"))
        if "enum" in schema or isinstance(schema.get("const"), str):
            values = schema.get("enum", [schema.get("const")])
            return self.choice(", ".join(json.dumps(value, ensure_ascii=False) for value in values))
        return [self._plain(schema)]

    def _plain(self, schema: Schema) -> str:
        match schema.get("type"):
            case "string":
                return self._text(schema)
            case "number":
                return self.number
            case "array":
                return self.array(self.of(schema.get("items", {})))
            case "object" if isinstance(schema.get("additionalProperties"), dict):
                return f"dict[str, {self.of(schema['additionalProperties'])}]"
            case kind:
                return _SCALARS.get(kind or "", "Any")

    def _text(self, schema: Schema) -> str:
        pattern, form = schema.get("pattern", ""), schema.get("format")
        if form == "date-time" or pattern.startswith(_TIME):
            return self.moment
        return self.day if form == "date" or pattern == _DAY else "str"

    def _merged(self, parts: list[str]) -> list[str]:
        """A number that may be written as an integer is one number."""
        return [part for part in parts if not (part == "int" and self.number in parts)]

    number = "Decimal"
    moment = "dt.datetime"
    day = "dt.date"

    def choice(self, values: str) -> list[str]:
        """A newer server may have more of them."""
        return [f"Literal[{values}]", "str"]

    def array(self, item: str) -> str:
        return f"list[{item}]"

    def reference(self, name: str) -> str:
        return name


class ArgumentTypes(Types):
    """Of what a caller gives: wide where that is convenient, and narrow where a mistake can be seen."""

    number = "Decimal | float"
    moment = "dt.datetime | str"
    day = "dt.date | str"

    def choice(self, values: str) -> list[str]:
        return [f"Literal[{values}]"]

    def array(self, item: str) -> str:
        return f"Sequence[{item}]"

    def reference(self, name: str) -> str:
        return f"{name} | Mapping[str, Any]"


def classes_in(schema: Any, schemas: Mapping[str, Schema]) -> set[str]:
    """Names of all schemas that it refers to, also by others."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            if isinstance(each.get("$ref"), str) and (name := name_of(each["$ref"])) not in found and name in schemas:
                found.add(name)
                waiting.append(schemas[name])
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return found
