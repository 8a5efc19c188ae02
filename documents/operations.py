"""One route as an operation of the document."""

import re
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from documents.headers import common_headers, limit_headers
from documents.parameters import parameters
from documents.refusals import ErrorResponses
from documents.schemas import Schemas, prose
from documents.sections import section_of
from documents.security import security
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
    if found := parameters(route, schemas):
        made["parameters"] = found
    if route.body is not None:
        made["requestBody"] = _body(route, schemas)
    made["responses"] = {**_answers(route, schemas), **errors.of(route)}
    made["security"] = security(route)
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
    content = {"schema": schemas.reference(route.body or BaseModel)}
    return {"required": not route.body_optional, "content": {_FORM if route.form else _JSON: content}}


def _answers(route: Route[Any, Any], schemas: Schemas) -> dict[str, Schema]:
    return {str(status): _answer(route, status, model, schemas) for status, model in sorted(route.answers.items())}


def _answer(route: Route[Any, Any], status: int, model: type[BaseModel], schemas: Schemas) -> Schema:
    return {
        "description": HTTPStatus(status).phrase,
        "headers": {**common_headers(), **({} if route.is_public else limit_headers())},
        "content": {_JSON: {"schema": schemas.reference(model)}},
    }
