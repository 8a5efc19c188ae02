"""All files of clients/python that are generated, by their paths."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from documents.openapi import openapi
from documents.python_client.answers import returned_by
from documents.python_client.arguments import arguments_of
from documents.python_client.methods import AWAITING, WAITING, Manner, Operation, resource_text
from documents.python_client.models import MODULES, index_text, models_text, module_by_class
from documents.python_client.names import RESOURCES, class_of, module_of, names_of
from documents.python_client.refusals import refusals_text
from documents.python_client.text import NOTE, laid_out
from documents.python_client.types import Types, classes_in
from documents.routes import public_routes
from documents.writing import Text

FOLDER: Final = "clients/python/muster"
_MODULES: Final = tuple(module_of(resource) for resource in RESOURCES)


def client_files(document: Mapping[str, Any]) -> dict[str, str]:
    """Sources by path in the package. Raises `DocumentError` for what the client has no form for."""
    schemas = document["components"]["schemas"]
    by_resource = _operations(document)
    used = {name: _classes(operations, document) for name, operations in by_resource.items()}
    modules = module_by_class(used)
    files = {
        f"models/{home}.py": models_text(home, [name for name in modules if modules[name] == home], modules, schemas)
        for home in MODULES
    }
    files |= {"models/__init__.py": index_text(modules), "refusals.py": refusals_text(schemas)}
    for manner in (WAITING, AWAITING):
        files[f"{manner.package}/__init__.py"] = _attributes(manner)
        for resource, operations in by_resource.items():
            children = [each for each in RESOURCES if each.startswith(f"{resource}.")]
            text = resource_text(resource, operations, children, manner, modules)
            files[f"{manner.package}/{module_of(resource)}.py"] = text
    files["operations.py"] = _operations_text(names_of(document), document["info"]["version"])
    return laid_out(files)


def _operations(document: Mapping[str, Any]) -> dict[str, list[Operation]]:
    names = names_of(document)
    found: dict[str, list[Operation]] = {resource: [] for resource in RESOURCES}
    for path, item in document["paths"].items():
        for method, declared in item.items():
            resource, _, name = names[declared["operationId"]].rpartition(".")
            arguments = arguments_of(declared, document["components"])
            returned = returned_by(declared, document["components"]["schemas"])
            found[resource].append(Operation(method.upper(), path, name, declared, arguments, returned))
    return found


def _classes(operations: list[Operation], document: Mapping[str, Any]) -> set[str]:
    """Of what these answer, and of objects in what they are asked: bodies themselves are keywords."""
    schemas = document["components"]["schemas"]
    types, found = Types(schemas), set[str]()
    for operation in operations:
        found |= classes_in(operation.returned.schema, schemas)
        for content in operation.declared.get("requestBody", {}).get("content", {}).values():
            schema = content["schema"]
            body = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
            found |= classes_in(body, schemas)
    return {name for name in found if types.is_class(name)}


def _attributes(manner: Manner) -> str:
    own = [resource for resource in RESOURCES if "." not in resource]
    lines = [f'"""Attributes of the client.\n\n{NOTE}\n"""']
    lines += [f"from muster.{manner.package}.{module_of(each)} import {manner.prefix}{class_of(each)}" for each in own]
    module = "async_transport" if manner.prefix else "transport"
    lines += [f"from muster.{module} import {manner.prefix}Transport", "", "", f"class {manner.prefix}Resources:"]
    lines += ['    """All resources of the API, over one transport."""', ""]
    lines += [f"    def __init__(self, transport: {manner.prefix}Transport) -> None:"]
    lines += [f"        self.{each} = {manner.prefix}{class_of(each)}(transport)" for each in own]
    return "\n".join(lines) + "\n"


def _operations_text(names: Mapping[str, str], version: str) -> str:
    made = ", ".join(f'"{operation}": "{name}"' for operation, name in sorted(names.items()))
    head = f'"""Which method is which operation of the document.\n\n{NOTE}\n"""'
    return "\n".join(
        [
            head,
            "from collections.abc import Mapping",
            "from typing import Final",
            f'API_VERSION: Final = "{version}"',
            f"METHODS: Final[Mapping[str, str]] = {{{made},}}",
        ]
    )


@cache
def _made() -> dict[str, str]:
    return client_files(openapi(public_routes()))


def _text(path: str) -> Text:
    return lambda: _made()[path]


CLIENT_FILES: Final[Mapping[str, Text]] = {
    f"{FOLDER}/{path}": _text(path)
    for path in (
        "operations.py",
        "refusals.py",
        *(f"models/{name}.py" for name in ("__init__", *MODULES)),
        *(f"{manner.package}/{name}.py" for manner in (WAITING, AWAITING) for name in ("__init__", *_MODULES)),
    )
}
"""By path in the repository."""
