"""Every answer that any test gets is held against what its route declares: its good ones, and how it can refuse."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jsonschema.validators import validator_for

from documents.routes import refusals_at
from gateway.edge.own_routes import OWN_ROUTES
from shared.errors import ApiError, PayloadTooLarge, PermissionDenied, TokenExpired, TokenInvalid, TokenMissing
from shared.http.errors import MethodNotAllowed, MethodNotImplemented, RequestTimeout
from shared.http.models import JSON_TYPE
from shared.http.routing import Route
from tests.support.services import ROUTES

_ENVELOPE = frozenset({"success", "message", "code"})
_PROBLEM = frozenset({"type", "title", "status", "detail", "code"})
_FORM_OF_OAUTH = frozenset({"error", "error_description"})
_OF_NO_OPERATION = (MethodNotAllowed, MethodNotImplemented)
_OF_A_BODY = (RequestTimeout, PayloadTooLarge)
"""Also of a body where none belongs."""
_OF_A_TOKEN = (TokenMissing, TokenInvalid, TokenExpired, PermissionDenied)
"""Of the internal token, with which the gateway asks even what needs none of the client."""


@dataclass(frozen=True)
class Given:
    """An answer; `by_gateway` says whether it came through the gateway."""

    method: str
    path: str
    status: int
    text: str
    by_gateway: bool = True
    headers: Mapping[str, str] | None = None
    """None where only the text counts."""

    def __str__(self) -> str:
        return f"{self.method} {self.path} answers {self.status} {self.text[:300]}"


class Declarations:
    """What routes declare."""

    def __init__(self, routes: Sequence[Route[Any, Any]]) -> None:
        literal_first = sorted(routes, key=lambda route: "{" in route.path)
        self._routes = defaultdict[int, list[tuple[re.Pattern[str], Route[Any, Any]]]](list)
        """By the number of slashes in their paths."""
        for each in literal_first:
            pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(each.path)))
            self._routes[each.path.count("/")].append((pattern, each))

    def check(self, given: Given) -> None:
        """Raises AssertionError or a ValidationError for an answer of a route that it does not declare.

        What no route has is nobody's to declare.
        """
        path = given.path.partition("?")[0]
        found = [route for pattern, route in self._routes[path.count("/")] if pattern.fullmatch(path)]
        if given.by_gateway:
            found = [route for route in found if route.is_public or not route.is_internal]
        method = "GET" if given.method == "HEAD" else given.method
        for route in found:
            if route.method == method:
                _check(given, route)
                return
        if found and given.status >= 400 and given.text:
            _check_refusal(given, (*_OF_NO_OPERATION, *(kind for route in found for kind in refusals_at(route))))


def _check(given: Given, route: Route[Any, Any]) -> None:
    good = 200 <= given.status < 300
    assert not good or given.status in route.answers, f"{given}, which its route does not declare"
    if good and given.headers is not None:
        is_new_row = (given.status == 201 and route.tagged) or given.status == 202
        found = {name: name in given.headers for name in ("ETag", "Location")}
        assert found == {"ETag": route.tags(given.status), "Location": is_new_row}, f"{given}, with undeclared headers"
    if not given.text:
        return  # to HEAD, or 304
    content_type = (given.headers or {}).get("Content-Type", "").partition(";")[0]
    if good and content_type in (*route.exports, *route.also):
        return  # lines, each made of an item as the JSON list has it (tests/contract/test_exports.py), or a file
    if route.events is not None and good and not given.text.startswith("{"):
        for data in re.findall(r"^event: seats\ndata: (.*)$", given.text, re.MULTILINE):
            route.events.model_validate_json(data)
    elif good and route.media_type != JSON_TYPE:
        route.answers[given.status].model_validate(given.text)
    elif content_type == route.media_type != JSON_TYPE:
        assert given.status in route.pages, f"{given}, which its route does not declare"
    elif given.status in route.answers:
        route.answers[given.status].model_validate_json(given.text)
    elif given.status >= 400:
        _check_refusal(given, (*refusals_at(route), *_OF_A_BODY, *(() if given.by_gateway else _OF_A_TOKEN)))


def _check_refusal(given: Given, declared: Sequence[type[ApiError]]) -> None:
    body: Mapping[str, Any] = json.loads(given.text)
    code = body.get("code", body.get("error"))
    kinds = [kind for kind in declared if (kind.status, kind.code) == (given.status, code)]
    assert kinds, f"{given}, which its route does not declare"
    form = _form_of(body) if kinds[0].body is ApiError.body else _FORM_OF_OAUTH
    members = {name: schema for kind in kinds for name, schema in kind.members.items()}
    for name in set(body) - form:
        assert name in members, f"{given} with {name}, which no such error of its route declares"
        _validator(json.dumps(members[name])).validate(body[name])


@cache
def _validator(schema: str) -> Any:
    """Of a schema as JSON text: to look whether it is one takes longer than to validate by it."""
    read = json.loads(schema)
    kind = validator_for(read)
    kind.check_schema(read)
    return kind(read)


def _form_of(body: Mapping[str, Any]) -> frozenset[str]:
    """Of an error in our own words: the envelope, or problem details for who asks for them."""
    return _ENVELOPE if "success" in body else _PROBLEM


_DECLARED = Declarations([*ROUTES, *OWN_ROUTES])


def check_against_declaration(
    method: str,
    path: str,
    status: int,
    text: str,
    *,
    by_gateway: bool = True,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Raises what `Declarations.check` raises, for the routes of all services."""
    _DECLARED.check(Given(method, path, status, text, by_gateway, headers))
