"""The OpenAPI document of all that clients may ask."""

from typing import Any, Final

from documents import headers, parameters
from documents.keywords import check_keywords
from documents.operations import Surroundings, operation, operation_names
from documents.refusals import PROBLEM, ErrorResponses, error_schemas
from documents.routes import Routes, public_routes
from documents.schemas import Schemas
from documents.sections import tags
from documents.security import SCHEMES
from documents.writing import json_text

VERSION: Final = "3.1.1"
"""Of OpenAPI: the newest that generators of clients read."""
_INFO: Final = {
    "title": "Muster",
    "version": "1",
    "summary": "System of record for workforce training: courses, sessions, enrollments, training histories.",
    "description": (
        "Every request needs a bearer token, except those by which one gets a token. Errors have a `code` for programs"
        " and a `message` for people; `/docs/errors` explains each code. Parameters and members that are not in this"
        " document are refused.\n\n"
        "Of the permissions that an operation names in `x-permissions` the caller needs one, and `api.access` besides."
    ),
    "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
}


def openapi_text() -> str:
    """Raises `DocumentError`."""
    return json_text(openapi(public_routes()))


def openapi(routes: Routes) -> dict[str, Any]:
    """The document; raises `DocumentError` where the declarations do not make a good one."""
    schemas, errors = _schemas(routes), ErrorResponses(routes)
    around = Surroundings(routes, schemas, errors, operation_names(routes))
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route, around)
    document = {
        "openapi": VERSION,
        "info": _INFO,
        "servers": [{"url": "/"}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas.components(paths) | error_schemas(routes) | {"Problem": PROBLEM},
            "responses": errors.components(),
            "parameters": dict(parameters.HEADERS),
            "headers": headers.HEADERS,
            "securitySchemes": SCHEMES,
        },
    }
    check_keywords(document)
    return document


def _schemas(routes: Routes) -> Schemas:
    answers = [model for route in routes for model in ([route.events] if route.events else route.answers.values())]
    bodies = [route.body for route in routes if route.body is not None]
    return Schemas([*answers, *bodies, *(route.query for route in routes)])
