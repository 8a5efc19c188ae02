"""Parameters of operations: the path's id, the query, and headers."""

from collections.abc import Mapping
from typing import Any, Final

from documents.headers import takes_idempotency_key
from documents.schemas import Schemas
from gateway.live.watch_handler import LONGEST_LAST_ID
from shared.auth import calendar_secrets
from shared.errors import PreconditionFailed, PreconditionRequired
from shared.http.routing import Route
from shared.validation.fields import MAX_ID

Schema = dict[str, Any]

IF_MATCH, IF_NONE_MATCH, KEY, REQUEST_ID = "If-Match", "If-None-Match", "Idempotency-Key", "X-Request-Id"
LAST_EVENT_ID = "Last-Event-ID"
_TAGS: Final = {"type": "string", "maxLength": 8000}
_IN_PATHS: Final[Mapping[str, Schema]] = {
    "id": {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID},
    "code": {"type": "string", "pattern": "^[A-Za-z0-9]{1,64}$"},
    "list": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    "secret": {"type": "string", "pattern": f"^{calendar_secrets.PATTERN}$"},
}
HEADERS: Final[Mapping[str, Schema]] = {
    IF_MATCH: {
        "name": IF_MATCH,
        "in": "header",
        "description": "One `ETag` of the row or several: 412 unless the row still has the version of one of them.",
        "schema": _TAGS,
    },
    IF_NONE_MATCH: {
        "name": IF_NONE_MATCH,
        "in": "header",
        "description": "One `ETag` of the row or several: 304 while the row is as one of them stands for.",
        "schema": _TAGS,
    },
    KEY: {
        "name": KEY,
        "in": "header",
        "description": "Makes it safe to repeat: for 24 hours the same key and body get the first response again.",
        "schema": {"type": "string", "pattern": "^[!-~](?:[ -~]{0,253}[!-~])?$"},
    },
    LAST_EVENT_ID: {
        "name": LAST_EVENT_ID,
        "in": "header",
        "description": "The `id` of the last event received: what has not changed since is not sent again.",
        "schema": {"type": "string", "maxLength": LONGEST_LAST_ID},
    },
    REQUEST_ID: {
        "name": REQUEST_ID,
        "in": "header",
        "description": "Identifies the request in logs, audit trails and events; one that does not fit is replaced.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{8,128}$"},
    },
}
"""By their names, as components."""


def parameters(route: Route[Any, Any], schemas: Schemas) -> list[Schema]:
    return [*_of_path(route.path), *_of_query(schemas.of(route.query)), *_of_headers(route)]


def _of_path(path: str) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in _IN_PATHS.items()
        if f"{{{name}}}" in path
    ]


def _of_query(query: Schema) -> list[Schema]:
    required = query.get("required", ())
    return [_query_parameter(name, schema, name in required) for name, schema in query.get("properties", {}).items()]


def _query_parameter(name: str, schema: Schema, required: bool) -> Schema:
    schema = _without_null(schema)
    description = {"description": schema.pop("description")} if "description" in schema else {}
    needed = {"required": True} if required else {}
    return {"name": name, "in": "query", **description, **needed, "schema": schema}


def _without_null(schema: Schema) -> Schema:
    """A parameter without a value is left out: an address has no `null`."""
    outer = {name: value for name, value in schema.items() if name != "anyOf" and (name, value) != ("default", None)}
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    return {**choices[0], **outer} if len(choices) == 1 else {**outer, **({"anyOf": choices} if choices else {})}


def form_schema(schema: Schema) -> Schema:
    """The body of a form, which has no `null` either."""
    return schema | {"properties": {name: _without_null(each) for name, each in schema["properties"].items()}}


def _of_headers(route: Route[Any, Any]) -> list[Schema]:
    return [_header(name, route) for name in _headers(route)]


def _header(name: str, route: Route[Any, Any]) -> Schema:
    if name == IF_MATCH and PreconditionRequired in route.refusals:
        return HEADERS[IF_MATCH] | {"required": True}
    return {"$ref": f"#/components/parameters/{name}"}


def _headers(route: Route[Any, Any]) -> list[str]:
    names = [REQUEST_ID]
    if route.tagged and route.method == "GET":
        names.append(IF_NONE_MATCH)
    if PreconditionFailed in route.refusals or PreconditionRequired in route.refusals:
        names.append(IF_MATCH)
    if takes_idempotency_key(route):
        names.append(KEY)
    if route.events is not None:
        names.append(LAST_EVENT_ID)
    return names
