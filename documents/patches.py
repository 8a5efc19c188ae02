"""Merge patches (RFC 7396): any members of what they are merged into."""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]
_PLACE = "#/components/schemas/"
_RESULT = "What comes of it has to be valid as a whole."


def patch_schemas(patches: Mapping[str, str], schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """By the names of the patches, and of the objects in them; `patches` says what each is merged into."""
    made: dict[str, Schema] = {}
    for patch, document in patches.items():
        made |= _patch(patch, schemas[document], schemas)
    return made


def _patch(name: str, document: Schema, schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    required = set(document.get("required", ()))
    inner: dict[str, Schema] = {}
    properties = {}
    for member, schema in document["properties"].items():
        optional, objects = _member(schema, schemas)
        inner |= objects
        properties[member] = optional if member in required else _or_null(optional)
    patch = {
        "type": "object",
        "description": f"Any members of what it is merged into; `null` removes one. {_RESULT}",
        "properties": properties,
        "additionalProperties": False,
        **({"x-rules": document["x-rules"]} if "x-rules" in document else {}),
    }
    return {name: patch, **inner}


def _member(schema: Schema, schemas: Mapping[str, Schema]) -> tuple[Schema, dict[str, Schema]]:
    """A member as a patch may have it, and the schemas of the objects in it, which are merged as well."""
    schema = {name: value for name, value in schema.items() if name != "default"}
    if "$ref" in schema:
        document = schema["$ref"].removeprefix(_PLACE)
        name = f"{document}Patch"
        return {**schema, "$ref": _PLACE + name}, _patch(name, schemas[document], schemas)
    if "anyOf" not in schema:
        return schema, {}
    choices = [_member(choice, schemas) for choice in schema["anyOf"]]
    inner = {name: each for _, objects in choices for name, each in objects.items()}
    return {**schema, "anyOf": [choice for choice, _ in choices]}, inner


def _or_null(schema: Schema) -> Schema:
    choices = schema.get("anyOf")
    if choices is None:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema if {"type": "null"} in choices else {**schema, "anyOf": [*choices, {"type": "null"}]}
