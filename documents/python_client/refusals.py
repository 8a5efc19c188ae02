"""Exceptions by the codes of errors."""

from collections.abc import Mapping

from documents.python_client.text import NOTE, docstring, imports_of
from documents.python_client.types import Schema, Types, attribute_of

_COMMON = frozenset({"success", "message", "code", "errors", "errors_omitted", "error", "error_description"})


def refusals_text(schemas: Mapping[str, Schema]) -> str:
    """The module's source."""
    found = {name: code for name, schema in schemas.items() if (code := _code(schema)) is not None}
    types = Types(schemas)
    body = "\n\n\n".join(_class(name, schemas[name], types) for name in found)
    codes = ", ".join(f'"{code}": {name}' for name, code in found.items())
    lines = [f'"""An exception for each code of the API\'s errors.\n\n{NOTE}\n"""', *imports_of(body + "Mapping")]
    lines += ["from typing import Final", "from muster.errors import ApiError", "", "", body, "", ""]
    return "\n".join(lines) + f"BY_CODE: Final[Mapping[str, type[ApiError]]] = {{{codes},}}\n"


def _code(schema: Schema) -> str | None:
    members = schema.get("properties", {})
    if members.get("success", {}).get("const") is not False and "error" not in members:
        return None
    code: str | None = members.get("code", {}).get("const") or members.get("error", {}).get("const")
    return code


def _class(name: str, schema: Schema, types: Types) -> str:
    lines = [f"class {name}(ApiError):", f"    {docstring(schema['description'], 4)}"]
    lines += [
        f"    {attribute_of(member)}: {types.of(each)} | None"
        for member, each in schema["properties"].items()
        if member not in _COMMON
    ]
    return "\n".join(lines)
