"""One route as an operation of the document."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from documents.headers import headers_of_answer
from documents.links import links
from documents.parameters import form_schema, parameters
from documents.refusals import ErrorResponses
from documents.routes import Routes
from documents.schemas import Schemas
from documents.sections import section_of
from documents.security import security
from documents.shown import examples_of
from documents.writing import DocumentError
from shared.auth.internal_token import API_ACCESS
from shared.http.event_stream import EVENT_STREAM
from shared.http.form import FORM_TYPE
from shared.http.models import JSON_TYPE, media_types
from shared.http.routing import Route

Schema = dict[str, Any]
_FILE: Final[Schema] = {"schema": {"type": "string"}}
_WORD: Final[re.Pattern[str]] = re.compile("[A-Za-z0-9]+")


def operation_id(summary: str) -> str:
    """`List courses` is `listCourses`."""
    words: list[str] = _WORD.findall(summary)
    return words[0].lower() + "".join(word.capitalize() for word in words[1:])


@dataclass(frozen=True)
class Surroundings:
    """What an operation refers to: the schemas, the errors, and the other operations by their names."""

    routes: Routes
    schemas: Schemas
    errors: ErrorResponses
    names: dict[tuple[str, str], str]


def operation_names(routes: Routes) -> dict[tuple[str, str], str]:
    """By method and path. Raises `DocumentError` for a route without a summary, or with that of another."""
    names: dict[tuple[str, str], str] = {}
    for route in routes:
        if not route.summary:
            raise DocumentError(f"{route.method} {route.path} has no summary")
        name = operation_id(route.summary)
        if name in names.values():
            raise DocumentError(f"two operations are called {name}")
        names[route.method, route.path] = name
    return names


def operation(route: Route[Any, Any], around: Surroundings) -> Schema:
    schemas = around.schemas
    made: Schema = {
        "operationId": around.names[route.method, route.path],
        "tags": [section_of(route.path)],
        "summary": route.summary,
    }
    if text := _description(route):
        made["description"] = text
    if route.deprecated:
        made["deprecated"] = True
    made["parameters"] = examples_of(route).of_parameters(parameters(route, schemas))
    if route.body is not None:
        made["requestBody"] = _body(route, schemas)
    elif route.body_types:
        made["requestBody"] = {"required": True, "content": dict.fromkeys(route.body_types, _FILE)}
    made["responses"] = {**_answers(route, around), **around.errors.of(route)}
    made["security"] = security(route)
    if rules := schemas.of(route.query).get("x-rules"):
        made["x-rules"] = rules
    if not route.is_public:
        made["x-permissions"] = [name for name in route.permissions if name != API_ACCESS]
    return made


def _description(route: Route[Any, Any]) -> str:
    return "\n\n".join(part for part in (route.description, _needs(route)) if part)


def _needs(route: Route[Any, Any]) -> str:
    names = [f"`{name}`" for name in route.permissions if name != API_ACCESS]
    if route.is_public or not names:
        return ""
    *others, last = names
    return f"Needs the permission {' or '.join([', '.join(others), last] if others else [last])}."


def _body(route: Route[Any, Any], schemas: Schemas) -> Schema:
    model = route.body or BaseModel
    schema = form_schema(schemas.of(model)) if route.form else schemas.reference(model)
    content = {"schema": schema, **examples_of(route).of_body()}
    types = [FORM_TYPE] if route.form else media_types(model)
    return {"required": not route.body_optional, "content": dict.fromkeys(types, content)}


def _answers(route: Route[Any, Any], around: Surroundings) -> dict[str, Schema]:
    answers = {str(status): _answer(route, status, around) for status in sorted(route.answers)}
    if route.exports or route.also:
        answers["200"]["content"] |= _files((*route.exports, *route.also))
    return answers | {"304": _not_modified(route)} if route.tagged and route.method == "GET" else answers


def _answer(route: Route[Any, Any], status: int, around: Surroundings) -> Schema:
    model = route.answers[status] if route.events is None else route.events
    schema = around.schemas.reference(model)
    content = {
        "schema": schema if route.events is None else _server_event(schema),
        **examples_of(route).of_status(status),
    }
    return {
        "description": HTTPStatus(status).phrase,
        "headers": headers_of_answer(route, status),
        "content": {route.media_type if route.events is None else EVENT_STREAM: content},
        **links(route, status, around.routes, around.names),
    }


def _server_event(data: Schema) -> Schema:
    """One event as its fields, which is what OpenAPI 3.2 calls `itemSchema`; 3.1 has no word for a stream's items."""
    json_text = {"type": "string", "contentMediaType": JSON_TYPE, "contentSchema": data}
    texts = {"id": {"type": "string"}, "event": {"type": "string"}}
    return {"type": "object", "properties": {**texts, "data": json_text}, "required": ["id", "event", "data"]}


def _files(types: Iterable[str]) -> Schema:
    """A line of NDJSON is an item of the list; OpenAPI 3.1 has no way to say so."""
    return {media_type: {"schema": {"type": "string"}} for media_type in types}


def _not_modified(route: Route[Any, Any]) -> Schema:
    return {
        "description": "Not Modified: the client has the row as it is",
        "headers": headers_of_answer(route, HTTPStatus.NOT_MODIFIED),
    }
