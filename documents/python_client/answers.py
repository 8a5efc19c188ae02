"""What a method returns: the data of the answer, without what is around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from documents.python_client.types import Schema, Types, name_of
from documents.writing import DocumentError

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"


@dataclass(frozen=True)
class Returned:
    """`kind` is what a method is made by, `type` what it returns, `schema` what classes are made from."""

    kind: str
    type: str
    schema: Schema
    files: tuple[str, ...] = ()
    """Media types in which the answer may come besides."""
    default: str = ""
    """The media type of an answer that is not JSON."""


def returned_by(operation: Mapping[str, Any], schemas: Mapping[str, Schema]) -> Returned:
    """Raises `DocumentError` for an answer of a form that this client has no method for."""
    contents = [each["content"] for status, each in operation["responses"].items() if status < "3"]
    if not contents or not all(contents):
        raise DocumentError(f"{operation['operationId']} has no answer")
    types = list(contents[0])
    others = tuple(each for each in types if each != JSON)
    if types[0] == EVENTS:
        data = contents[0][EVENTS]["schema"]["properties"]["data"]["contentSchema"]
        return Returned("watch", Types(schemas).of(data), data)
    if JSON not in types:
        return Returned("text", "str", {}, tuple(types[1:]), types[0])
    found = [_data(each[JSON]["schema"], schemas) for each in contents]
    if any(is_list for is_list, _ in found):
        return Returned("list", Types(schemas).of(found[0][1]), found[0][1], others)
    schema = found[0][1] if len(found) == 1 else {"anyOf": [each for _, each in found]}
    kind = Types(schemas).of(schema)
    wrapped = "data" if _is_wrapped(contents[0][JSON]["schema"], schemas) else "whole"
    if kind == "None":
        return Returned("nothing", kind, schema, others)
    return Returned("either" if " | " in kind else wrapped, kind, schema, others)


def _data(schema: Schema, schemas: Mapping[str, Schema]) -> tuple[bool, Schema]:
    """Whether it is a list, and the schema of its items; else that of its `data`, or its own."""
    named = schemas[name_of(schema["$ref"])] if "$ref" in schema else schema
    parts = named.get("anyOf")
    if parts is not None:
        inner = [_data(each, schemas) for each in parts]
        if all(is_list for is_list, _ in inner):
            return inner[0]
        return False, {"anyOf": [each for _, each in inner]}
    members = named.get("properties", {})
    if "data" not in members or "next" in members:
        return False, schema
    if members["data"].get("type") == "array":
        return True, members["data"]["items"]
    return False, members["data"]


def _is_wrapped(schema: Schema, schemas: Mapping[str, Schema]) -> bool:
    return _data(schema, schemas)[1] is not schema
