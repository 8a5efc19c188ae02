"""Which operations can follow one, with what of its response: readers find their way by it, and programs that try out
the API step by step."""

from typing import Any, Final

from documents.routes import Routes
from shared.errors import PreconditionRequired
from shared.http.routing import Route

Schema = dict[str, Any]

_NEW_ROW: Final = "$response.body#/data/id"
_OWN_ROW: Final = "$request.path.id"
_FIRST_ROW: Final = "$response.body#/data/0/id"
_ROWS_ELSEWHERE: Final = {"/api/v1/training/enrollments": "$response.body#/data/enrollments/0/id"}
"""Where the new row is, if it is not the whole answer."""
_IN_BODIES: Final = {
    ("POST", "/api/v1/training/courses", "POST", "/api/v1/training/sessions"): {"course_id": _NEW_ROW},
    ("POST", "/api/v1/training/sessions", "POST", "/api/v1/training/enrollments"): {"session_id": _NEW_ROW},
    ("PUT", "/api/v1/employees/{id}", "POST", "/api/v1/training/enrollments"): {"employee_ids": [_OWN_ROW]},
    ("PUT", "/api/v1/staff/{id}", "POST", "/api/v1/training/enrollments"): {"employee_ids": [_OWN_ROW]},
}
"""By the two routes: what the first leaves behind, as members of the second one's body."""


def links(route: Route[Any, Any], status: int, routes: Routes, names: dict[tuple[str, str], str]) -> Schema:
    """Those of an answer, by the names of the operations; `names` has these by method and path."""
    row = _row(route, status)
    found: Schema = {}
    for other in routes:
        name = names[other.method, other.path]
        if row is not None and _is_about_row(other, route) and (row != _FIRST_ROW or other.method == "GET"):
            found[name] = {"operationId": name, "parameters": {"path.id": row, **_condition(other, row)}}
        elif body := _IN_BODIES.get((route.method, route.path, other.method, other.path)):
            found[name] = {"operationId": name, "requestBody": body}
    return {"links": found} if found else {}


def _row(route: Route[Any, Any], status: int) -> str | None:
    """Where the id of the row is that comes of it; of lists, that of the first one."""
    match route.method:
        case "POST" if status == 201:
            return _ROWS_ELSEWHERE.get(route.path, _NEW_ROW)
        case "PUT" if "{id}" in route.path:
            return _OWN_ROW
        case "GET" if "{id}" not in route.path:
            return _FIRST_ROW
    return None


def _is_about_row(other: Route[Any, Any], route: Route[Any, Any]) -> bool:
    one = route.path if "{id}" in route.path else f"{route.path}/{{id}}"
    return other is not route and (other.path == one or other.path.startswith(f"{one}/"))


def _condition(other: Route[Any, Any], row: str) -> Schema:
    """What cannot be undone needs the tag of the row, which is in answers to one row alone."""
    needed = PreconditionRequired in other.refusals and row in (_NEW_ROW, _OWN_ROW)
    return {"header.If-Match": "$response.header.ETag"} if needed else {}
