"""Models of what the server answers, and of objects in what it is asked."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from documents.python_client.names import RESOURCES
from documents.python_client.text import NOTE, docstring, imports_of, words_of
from documents.python_client.types import Schema, Types, attribute_of, classes_in

SHARED: Final = "shared"
"""The module of what several others use."""
_HOMES: Final = {
    "companies": "courses",
    "credentials": "enrollments",
    "employees": "people",
    "labels": "courses",
    "projects": "courses",
    "record_submissions": SHARED,
    "records": SHARED,
    "staff": "people",
    "webhook_messages": "webhooks",
}
"""Of resources with models like those of another."""
MODULES: Final = tuple(
    sorted({_HOMES.get(name.partition(".")[0], name.partition(".")[0]) for name in RESOURCES} | {SHARED})
)


def module_by_class(used: Mapping[str, set[str]]) -> dict[str, str]:
    """`used` has the classes that each resource refers to: where one alone does, they stand in its module."""
    modules: dict[str, str] = {}
    for resource, names in used.items():
        for name in names:
            first = resource.partition(".")[0]
            home = _HOMES.get(first, first)
            modules[name] = home if modules.get(name, home) == home else SHARED
    return modules


def models_text(module: str, names: Iterable[str], modules: Mapping[str, str], schemas: Mapping[str, Schema]) -> str:
    """The module's source."""
    types, own = Types(schemas), _in_order(set(names), schemas)
    body = "\n\n\n".join(_class(name, schemas[name], types) for name in own)
    others = {name for name, home in modules.items() if home != module}
    shared = sorted(others & words_of(body))
    lines = [
        f'"""Models of {"several resources" if module == SHARED else module.replace("_", " ")}.\n\n{NOTE}\n"""',
        *imports_of(body),
    ]
    if " = Field(" in body:
        lines.append("from pydantic import Field")
    lines.append("from muster.model import Model")
    if shared:
        lines.append(f"from muster.models.{SHARED} import {', '.join(shared)}")
    return "\n".join(lines) + f"\n\n\n{body}\n"


def index_text(modules: Mapping[str, str]) -> str:
    """Of the package: each model by its name."""
    by_module: dict[str, list[str]] = {}
    for name, module in sorted(modules.items()):
        by_module.setdefault(module, []).append(name)
    imports = [f"from muster.models.{module} import {', '.join(names)}" for module, names in sorted(by_module.items())]
    names = ", ".join(f'"{name}"' for name in sorted(modules))
    return "\n".join([f'"""Models of the API.\n\n{NOTE}\n"""', *imports, f"__all__ = [{names},]"]) + "\n"


def _in_order(names: set[str], schemas: Mapping[str, Schema]) -> list[str]:
    """Each behind those it refers to."""
    done: list[str] = []

    def place(name: str) -> None:
        if name in names and name not in done:
            for other in sorted(classes_in(schemas[name], schemas) - {name}):
                place(other)
            done.append(name)

    for name in sorted(names):
        place(name)
    return done


def _class(name: str, schema: Schema, types: Types) -> str:
    required = set(schema.get("required", []))
    lines = [f"class {name}(Model):"]
    if text := schema.get("description"):
        lines += [f"    {docstring(text, 4)}", ""]
    lines += [_field(member, schema["properties"][member], member in required, types) for member in _members(schema)]
    return "\n".join(lines)


def _members(schema: Schema) -> list[str]:
    """What is required comes first; `success` is said by the status."""
    return [name for name in schema["properties"] if name != "success"]


def _field(member: str, schema: Schema, is_required: bool, types: Types) -> str:
    name, kind = attribute_of(member), types.of(schema)
    if not is_required and "None" not in kind.split(" | "):
        kind += " | None"
    arguments: dict[str, Any] = {} if is_required else {"default": "None"}
    if name != member:
        arguments["alias"] = f'"{member}"'
    if not arguments:
        return f"    {name}: {kind}"
    if arguments.keys() == {"default"}:
        return f"    {name}: {kind} = None"
    said = ", ".join(f"{key}={value}" for key, value in arguments.items())
    return f"    {name}: {kind} = Field({said})"
