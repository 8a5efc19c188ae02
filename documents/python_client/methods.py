"""Classes of methods, for those who wait and for those who await."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from documents.python_client.answers import Returned
from documents.python_client.arguments import FORM, Argument, body_type, is_body_optional
from documents.python_client.names import class_of, module_of
from documents.python_client.text import NOTE, docstring, imports_of, words_of

_PLACES: Final = {"path": "ids", "query": "query"}
"""Where a parameter goes, by what the base class calls it."""
OF_WALKS: Final = frozenset({"page", "per_page", "cursor", "total"})
"""Parameters that an export does not take."""
_CHANGES_NOTHING: Final = frozenset({"checkClearance"})
"""Operations that read, although they are a POST."""


@dataclass(frozen=True)
class Operation:
    """One, with all that its method is made from."""

    method: str
    path: str
    name: str
    declared: Mapping[str, Any]
    arguments: list[Argument]
    returned: Returned


@dataclass(frozen=True)
class Manner:
    """Whether one waits or awaits; `prefix` stands before names of classes."""

    prefix: str
    package: str
    define: str
    call: str


WAITING: Final = Manner("", "resources", "def", "return self.")
AWAITING: Final = Manner("Async", "async_resources", "async def", "return await self.")


_HOMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("OMIT", "File", "Omitted", "Tag", "key_or_new"), "muster.arguments"),
    **dict.fromkeys(("AsyncExport", "Export"), "muster.exported"),
    **dict.fromkeys(("AsyncFeed", "Feed"), "muster.feed"),
    **dict.fromkeys(("AsyncFollowing", "Following"), "muster.sending"),
    **dict.fromkeys(("AsyncListing", "Listing"), "muster.listing"),
    **dict.fromkeys(("AsyncWatching", "Watching"), "muster.watching"),
    "AsyncResource": "muster.async_resource",
    "AsyncTransport": "muster.async_transport",
    "Resource": "muster.resource",
    "Transport": "muster.transport",
}
"""Where what is made by hand stands."""
_EXTENDED: Final = {"events": "Feed", "imports": "Following"}
"""Classes by which a resource has methods that are made by hand."""


def resource_text(
    resource: str, operations: Iterable[Operation], children: Sequence[str], manner: Manner, models: Mapping[str, str]
) -> str:
    """The source of a resource's module. `models` has the module of each model."""
    parts = [_children(children, manner)] if children else []
    parts += [part for each in operations for part in _methods(each, manner)]
    name, parent = manner.prefix + class_of(resource), manner.prefix + _EXTENDED.get(resource, "Resource")
    body = "\n\n".join(parts)
    code = f'class {name}({parent}):\n    """`client.{resource}`."""\n\n{body}\n'
    homes = {**_HOMES, **{model: f"muster.models.{home}" for model, home in models.items()}}
    homes |= {manner.prefix + class_of(each): f"muster.{manner.package}.{module_of(each)}" for each in children}
    title = resource.replace(".", " of ", 1).replace("_", " ")
    return "\n".join(
        [f'"""Methods of {title}.\n\n{NOTE}\n"""', *imports_of(code), *_imports(code, homes), "", "", code]
    )


def _imports(code: str, homes: Mapping[str, str]) -> list[str]:
    by_module: dict[str, list[str]] = {}
    for name in sorted(words_of(code) & homes.keys()):
        by_module.setdefault(homes[name], []).append(name)
    return [f"from {home} import {', '.join(names)}" for home, names in by_module.items()]


def _children(children: Iterable[str], manner: Manner) -> str:
    lines = [
        f"    def __init__(self, transport: {manner.prefix}Transport) -> None:",
        "        super().__init__(transport)",
    ]
    lines += [
        f"        self.{child.rpartition('.')[2]} = {manner.prefix}{class_of(child)}(transport)" for child in children
    ]
    return "\n".join(lines)


def _methods(operation: Operation, manner: Manner) -> list[str]:
    made = [_MAKERS[operation.returned.kind](operation, manner)]
    if operation.returned.kind == "list" and operation.returned.files:
        made.append(_export(operation, manner))
    elif operation.returned.files:
        made.append(_file(operation, manner))
    return made


def _answered(base: str, first: str, returned: str) -> Callable[[Operation, Manner], str]:
    def make(operation: Operation, manner: Manner) -> str:
        arguments = [
            *([first.format(operation.returned.default or operation.returned.type)] if first else []),
            *_request(operation),
        ]
        call = f"{manner.call}{base}({', '.join(arguments)},)"
        if base == "_either":
            kind = operation.returned.type
            call = f"answer: {kind} = {call.removeprefix('return ')}\n        return answer"
        return _method(
            operation,
            manner.define,
            operation.name,
            operation.arguments,
            returned.format(operation.returned.type),
            call,
        )

    return make


def _list(operation: Operation, manner: Manner) -> str:
    call = f"return self._list({', '.join([operation.returned.type, *_request(operation)[1:]])},)"
    returned = f"{manner.prefix}Listing[{operation.returned.type}]"
    return _method(operation, "def", operation.name, operation.arguments, returned, call)


def _watch(operation: Operation, manner: Manner) -> str:
    call = f"return self._watch({', '.join([operation.returned.type, *_request(operation)[1:]])},)"
    returned = f"{manner.prefix}Watching[{operation.returned.type}]"
    return _method(operation, "def", operation.name, operation.arguments, returned, call)


def _export(operation: Operation, manner: Manner) -> str:
    """All rows of the list, in one stream."""
    name = "export" if operation.name == "list" else f"export_{operation.name}"
    kinds = _media_type(operation.returned.files)
    arguments = [each for each in operation.arguments if each.member not in OF_WALKS]
    arguments.insert(sum(each.place == "path" for each in arguments), kinds)
    call = f"return self._export({', '.join(['media_type', *_request(operation, arguments)[1:]])},)"
    text = f"{operation.declared['summary']}, all rows of one moment in one stream."
    return _method(operation, "def", name, arguments, f"{manner.prefix}Export", call, text)


def _file(operation: Operation, manner: Manner) -> str:
    arguments = [*operation.arguments]
    arguments.insert(sum(each.place == "path" for each in arguments), _media_type(operation.returned.files))
    call = f"{manner.call}_file({', '.join(['media_type', *_request(operation, arguments)])},)"
    text = f"{operation.declared['summary']}, as a file."
    return _method(operation, manner.define, f"{operation.name}_file", arguments, "bytes", call, text)


def _media_type(files: tuple[str, ...]) -> Argument:
    choice = ", ".join(f'"{each}"' for each in files)
    return Argument("media_type", "Accept", "accept", f"Literal[{choice}]", f'"{files[0]}"')


def _method(
    operation: Operation,
    define: str,
    name: str,
    arguments: list[Argument],
    returned: str,
    call: str,
    text: str | None = None,
) -> str:
    positional = [each.declared for each in arguments if each.place in ("path", "file", "accept")]
    named = [each.declared for each in arguments if each.place not in ("path", "file", "accept")]
    signature = ", ".join(["self", *positional, *(["*"] if named else []), *named])
    said = text or "\n\n".join(_said(operation))
    return f"    {define} {name}({signature},) -> {returned}:\n        {docstring(said, 8)}\n        {call}"


def _said(operation: Operation) -> list[str]:
    declared = operation.declared
    return [f"{declared['summary']}.", *([declared["description"]] if declared.get("description") else [])]


def _request(operation: Operation, arguments: list[Argument] | None = None) -> list[str]:
    """Arguments of the base class's method."""
    given = operation.arguments if arguments is None else arguments
    made = [f'"{operation.method}"', f'"{operation.path}"']
    for place in _PLACES:
        if own := [each for each in given if each.place == place]:
            made.append(f"{_PLACES[place]}={_mapping(own)}")
    made += _body(operation, given)
    for each in given:
        if each.place == "header":
            made.append(f"{each.name}={'key_or_new(idempotency_key)' if each.name == 'idempotency_key' else each.name}")
    if not operation.declared.get("security"):
        made.append("is_public=True")
    if operation.declared["operationId"] in _CHANGES_NOTHING:
        made.append("is_safe=True")
    return made


def _mapping(members: list[Argument]) -> str:
    return "{" + ", ".join(f'"{each.member}": {each.name}' for each in members) + "}"


def _body(operation: Operation, given: list[Argument]) -> list[str]:
    members = [each for each in given if each.place == "body"]
    if any(each.place == "file" for each in given):
        return ["file=file", "content_type=content_type"]
    kind = body_type(operation.declared)
    if kind is None:
        return []
    name = "form" if kind == FORM else "body"
    made = [f"{name}={_mapping(members)}"]
    if kind not in (FORM, "application/json"):
        made.append(f'content_type="{kind}"')
    return made + (["is_body_optional=True"] if is_body_optional(operation.declared) else [])


_MAKERS: Final[Mapping[str, Callable[[Operation, Manner], str]]] = {
    "data": _answered("_one", "{}", "{}"),
    "whole": _answered("_whole", "{}", "{}"),
    "either": _answered("_either", "{}", "{}"),
    "nothing": _answered("_nothing", "", "None"),
    "text": _answered("_text", '"{}"', "str"),
    "list": _list,
    "watch": _watch,
}
