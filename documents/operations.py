"""One route as an operation of the document."""

import re
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from documents.headers import headers_of_answer
from documents.parameters import form_schema, parameters
from documents.refusals import ErrorResponses
from documents.schemas import Schemas, prose
from documents.sections import section_of
from documents.security import security
from documents.shown import examples_of
from documents.writing import DocumentError
from shared.auth.internal_token import API_ACCESS
from shared.http.models import Query
from shared.http.routing import Route

Schema = dict[str, Any]
_JSON = "application/json"
_WORD: Final[re.Pattern[str]] = re.compile("[A-Za-z0-9]+")
_FORM = "application/x-www-form-urlencoded"


def operation_id(summary: str) -> str:
    """`List courses` is `listCourses`."""
    words: list[str] = _WORD.findall(summary)
    return words[0].lower() + "".join(word.capitalize() for word in words[1:])


def operation(route: Route[Any, Any], schemas: Schemas, errors: ErrorResponses) -> Schema:
    """Raises `DocumentError` for a route without a summary."""
    if not route.summary:
        raise DocumentError(f"{route.method} {route.path} has no summary")
    made: Schema = {
        "operationId": operation_id(route.summary),
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
    made["responses"] = {**_answers(route, schemas), **errors.of(route)}
    made["security"] = security(route)
    if rules := schemas.of(route.query).get("x-rules"):
        made["x-rules"] = rules
    if not route.is_public:
        made["x-permissions"] = [name for name in route.permissions if name != API_ACCESS]
    return made


def _description(route: Route[Any, Any]) -> str:
    of_query = route.query.__doc__ if issubclass(route.query, Query) and route.query is not Query else None
    parts = [route.description, prose(of_query) if of_query and "properties" else "", _needs(route)]
    return "\n\n".join(part for part in parts if part)


def _needs(route: Route[Any, Any]) -> str:
    names = [f"`{name}`" for name in route.permissions if name != API_ACCESS]
    if route.is_public or not names:
        return ""
    return f"Needs the permission {' or '.join(names)}."


def _body(route: Route[Any, Any], schemas: Schemas) -> Schema:
    schema = schemas.reference(route.body or BaseModel)
    content = {"schema": form_schema(schemas.of(route.body or BaseModel)) if route.form else schema}
    content |= examples_of(route).of_body()
    return {"required": not route.body_optional, "content": {_FORM if route.form else _JSON: content}}


def _answers(route: Route[Any, Any], schemas: Schemas) -> dict[str, Schema]:
    answers = {str(status): _answer(route, status, model, schemas) for status, model in sorted(route.answers.items())}
    return answers | {"304": _not_modified(route)} if route.tagged and route.method == "GET" else answers


def _not_modified(route: Route[Any, Any]) -> Schema:
    return {
        "description": "Not Modified: the client has the row as it is",
        "headers": headers_of_answer(route, HTTPStatus.NOT_MODIFIED),
    }


def _answer(route: Route[Any, Any], status: int, model: type[BaseModel], schemas: Schemas) -> Schema:
    return {
        "description": HTTPStatus(status).phrase,
        "headers": headers_of_answer(route, status),
        "content": {_JSON: {"schema": schemas.reference(model), **examples_of(route).of_status(status)}},
    }
