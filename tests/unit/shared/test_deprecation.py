"""A route that should not be used any more says so in every answer (RFC 9745, RFC 8594)."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from shared.auth.internal_token import Caller
from shared.errors import Conflict
from shared.http.deprecation import deprecation_lines
from shared.http.request import Request
from shared.http.responses import Answer
from shared.http.routing import VERIFIER, Call, Endpoint, Route, add_routes
from shared.http.server.app import create_app
from shared.http.streaming import Streamed
from tests.support.raw_http import RawAnswer, exchange
from tests.support.stack import serving

CALLER = Caller(7, "user-1", "Ann", "staff", frozenset({"api.access"}))
SINCE, UNTIL = date(2023, 6, 30), date(2024, 12, 31)
DEPRECATION, SUNSET = "@1688083200", "Tue, 31 Dec 2024 00:00:00 GMT"
BOTH = {"deprecation": DEPRECATION, "sunset": SUNSET}


async def good(_: Call[Any, Any]) -> Answer:
    return Answer("{}", headers={"ETag": '"1"'})


async def refused(_: Call[Any, Any]) -> Answer:
    raise Conflict


async def broken(_: Call[Any, Any]) -> Answer:
    raise KeyError


def old(path: str, handler: Any, **declared: Any) -> Route[Any, Any]:
    return Route("GET", path, handler, {}, deprecated=SINCE, sunset=UNTIL, **declared)


ROUTES = [
    old("/good", good),
    old("/refused", refused),
    old("/broken", broken),
    old("/forbidden", good, permissions=["training.view"]),
    old("/own-errors", refused, own_errors=lambda _: Conflict("Another.")),
    Route("GET", "/deprecated", good, {}, deprecated=SINCE),
    Route("GET", "/ending", good, {}, sunset=UNTIL),
    Route("GET", "/current", good, {}),
]


class _AnyToken:
    def verify(self, _: str) -> Caller:
        return CALLER


@pytest.fixture
async def url() -> AsyncIterator[str]:
    app = create_app()
    app[VERIFIER] = _AnyToken()  # type: ignore[misc]
    add_routes(app, ROUTES)
    async with serving(app) as address:
        yield address


async def asked(url: str, path: str, method: str = "GET", more: str = "Authorization: Bearer x\r\n") -> RawAnswer:
    request = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode()
    return (await exchange(url, request, to_head=method == "HEAD")).answers[0]


def notice(answer: RawAnswer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name in BOTH}


@pytest.mark.parametrize("standard", ["", "TE: trailers\r\n"], ids=["fast path", "standard path"])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/good", 200),
        ("/good?x=1", 422),
        ("/refused", 409),
        ("/broken", 500),
        ("/forbidden", 403),
        ("/own-errors", 409),
    ],
)
async def test_every_answer_of_the_route_says_so(url: str, path: str, status: int, standard: str) -> None:
    for method in ("GET", "HEAD"):
        answer = await asked(url, path, method, f"Authorization: Bearer x\r\n{standard}")
        assert (answer.status, notice(answer)) == (status, BOTH)


async def test_who_brings_no_token_is_told_as_well(url: str) -> None:
    answer = await asked(url, "/good", more="")
    assert (answer.status, notice(answer)) == (401, BOTH)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/deprecated", {"deprecation": DEPRECATION}), ("/ending", {"sunset": SUNSET}), ("/current", {}), ("/none", {})],
)
async def test_a_route_says_what_it_declares_and_no_more(url: str, path: str, expected: dict[str, str]) -> None:
    assert notice(await asked(url, path)) == expected


async def test_control_without_the_lines_the_test_notices(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Endpoint.answer

    async def unsaid(endpoint: Endpoint, request: Request) -> Answer | Streamed:
        answered = await answer(endpoint, request)
        request.answer_lines = ""
        return answered

    monkeypatch.setattr(Endpoint, "answer", unsaid)
    assert notice(await asked(url, "/good")) == {}


def test_a_route_cannot_be_gone_before_it_is_deprecated() -> None:
    with pytest.raises(ValueError, match="2023-06-29"):
        deprecation_lines(SINCE, date(2023, 6, 29))
    assert deprecation_lines(SINCE, SINCE).count("\r\n") == 2
