"""How a service finds the route of a request, and that requests of both parsers pass the same endpoint."""

from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from shared.auth.internal_token import Caller
from shared.errors import ApiError, NotFound
from shared.http.errors import MethodNotAllowed
from shared.http.request import NO_OWN_FIELDS, Head, Request
from shared.http.request_target import read_target
from shared.http.responses import Answer
from shared.http.routing import VERIFIER, Call, Endpoint, Route, RouteTable, add_routes
from shared.http.server.app import create_app
from shared.http.streaming import Streamed
from tests.support.raw_http import exchange
from tests.support.stack import serving

CALLER = Caller(7, "user-1", "Ann", "staff", frozenset({"api.access"}))


async def answer(call: Call[Any, Any]) -> Answer:
    return Answer(f'"{call.id} {call.url}"')


ROUTES = [
    Route("GET", "/courses", answer, {}),
    Route("POST", "/courses", answer, {}),
    Route("GET", "/courses/{id}", answer, {}),
    Route("POST", "/courses/{id}/close", answer, {}),
    Route("POST", "/courses/bulk", answer, {}),
]
TABLE = RouteTable([Endpoint(web.Application(), route) for route in ROUTES])


def asked(method: str, raw: str) -> Request:
    headers = CIMultiDictProxy(CIMultiDict[str]())
    return Request(method, read_target(raw), Head(headers, NO_OWN_FIELDS), headers, NO_OWN_FIELDS, "")


@pytest.mark.parametrize(
    ("method", "raw", "path", "path_id"),
    [
        ("GET", "/courses?page=2", "/courses", None),
        ("GET", "/courses/17", "/courses/{id}", "17"),
        ("GET", "/courses/x", "/courses/{id}", "x"),
        ("GET", "/courses/0", "/courses/{id}", "0"),
        ("GET", "/courses/%31", "/courses/{id}", "1"),
        ("GET", "/c%6furses", "/courses", None),
        ("POST", "/courses/17/close", "/courses/{id}/close", "17"),
        ("POST", "/courses/bulk", "/courses/bulk", None),
        ("GET", "/courses/bulk", "/courses/{id}", "bulk"),
    ],
)
def test_a_path_has_its_route(method: str, raw: str, path: str, path_id: str | None) -> None:
    request = asked(method, raw)
    found = TABLE.find(request)
    assert isinstance(found, Endpoint)
    assert (found.route.method, found.route.path, request.path_id) == (method, path, path_id)


@pytest.mark.parametrize("raw", ["/", "/course", "/courses/", "/courses/1/close/2", "/courses/%7b1%7d", "/17"])
def test_any_other_path_has_none(raw: str) -> None:
    assert isinstance(TABLE.find(asked("GET", raw)), NotFound)


@pytest.mark.parametrize(
    ("raw", "allowed"),
    [("/courses", "GET, HEAD, POST"), ("/courses/1", "GET, HEAD"), ("/courses/bulk", "GET, HEAD, POST")],
)
def test_another_method_is_told_which_there_are(raw: str, allowed: str) -> None:
    found = TABLE.find(asked("DELETE", raw))
    assert isinstance(found, ApiError)
    assert isinstance(found, MethodNotAllowed)
    assert found.headers["Allow"] == allowed


class _AnyToken:
    def verify(self, _: str) -> Caller:
        return CALLER


async def test_requests_of_both_parsers_pass_one_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[bool] = []
    of_endpoint = Endpoint.answer

    async def noting(endpoint: Endpoint, request: Request) -> Answer | Streamed:
        if endpoint.route in ROUTES:  # other tests' processes answer meanwhile
            passed.append(request.stream is None)
        return await of_endpoint(endpoint, request)

    monkeypatch.setattr(Endpoint, "answer", noting)
    app = create_app()
    app[VERIFIER] = _AnyToken()  # type: ignore[misc]
    add_routes(app, ROUTES)
    head = b"GET /courses/17 HTTP/1.1\r\nHost: muster.example\r\nAuthorization: Bearer x\r\n"
    async with serving(app) as url:
        answered = await exchange(url, head + b"\r\n", head + b"\r\n", head + b"TE: trailers\r\n\r\n")
    assert passed == [True, True, False]
    assert {each.body for each in answered.answers} == {b'"17 http://muster.example/courses/17"'}
