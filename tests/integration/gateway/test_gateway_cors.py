"""Pages of other origins: which may use the API in a browser, and what they may read (Fetch, section 3.2)."""

import secrets
from typing import Any

import pytest

from shared.errors import Overloaded
from shared.http.cors import Cors
from shared.http.server.responder import Responder
from shared.http.server.simple_request import SimpleRequestParser
from tests.integration.gateway.edge import LIMIT_HEADERS, NOWHERE, Edge, StartGateway, Upstream, new_token
from tests.support.raw_http import RawAnswer, exchange

COURSES, LOGIN = "/api/v1/training/courses", "/api/v1/auth/login"
PAGE, OTHER_PAGE = "https://console.example", "http://localhost:3000"
STRANGERS = ["https://evil.example", "https://console.example.evil.example", "https://CONSOLE.example", "null", ""]
ORIGINS = f"{PAGE}, {OTHER_PAGE}"
ALLOWED, EXPOSED = "access-control-allow-origin", "access-control-expose-headers"
PREFLIGHT = "Access-Control-Request-Method: PATCH\r\nAccess-Control-Request-Headers: authorization,if-match\r\n"


@pytest.fixture(params=["fast", "standard"], autouse=True)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of both parsers reads the requests."""
    if request.param == "standard":
        monkeypatch.setattr(SimpleRequestParser, "parse", lambda *_: None)


async def asked(edge: Edge, line: str, *, origin: str | None = PAGE, token: str = "", headers: str = "") -> RawAnswer:
    more = headers + (f"Authorization: Bearer {token}\r\n" if token else "")
    more += "" if origin is None else f"Origin: {origin}\r\n"
    sent = f"{line} HTTP/1.1\r\nHost: gateway\r\n{more}\r\n".encode()
    [answer] = (await exchange(edge.url, sent, to_head=line.startswith("HEAD"))).answers
    return answer


def of_cors(answer: RawAnswer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.fixture
async def open_edge(start_gateway: StartGateway) -> Edge:
    return await start_gateway(cors_origins=ORIGINS)


@pytest.mark.parametrize("origin", [PAGE, OTHER_PAGE])
@pytest.mark.parametrize("target", [COURSES, f"{COURSES}/7?x=1", LOGIN, "/health/live", "/nothing"])
async def test_a_preflight_is_answered_for_every_path(
    open_edge: Edge, upstream: Upstream, origin: str, target: str
) -> None:
    answer = await asked(open_edge, f"OPTIONS {target}", origin=origin, headers=PREFLIGHT)
    assert (answer.status, answer.body) == (204, b"")
    found = of_cors(answer)
    assert found[ALLOWED] == origin
    assert set(found["access-control-allow-methods"].split(", ")) == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
    headers = set(found["access-control-allow-headers"].split(", "))
    assert {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "x-request-id"} <= headers
    assert found["access-control-max-age"] == "7200"
    assert "access-control-allow-credentials" not in found
    assert (answer.headers["vary"], answer.headers["cache-control"]) == ("Origin", "no-store")
    assert upstream.received == []


async def test_a_preflight_needs_no_token_and_is_not_counted(start_gateway: StartGateway) -> None:
    edge = await start_gateway(cors_origins=ORIGINS, address_rate_limit=1, trusted_proxies=1)
    address = f"X-Forwarded-For: 2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1\r\n"
    preflights = [await asked(edge, f"OPTIONS {COURSES}", headers=PREFLIGHT + address) for _ in range(3)]
    assert {answer.status for answer in preflights} == {204}
    assert [(await asked(edge, f"GET {COURSES}", headers=address)).status for _ in range(2)] == [401, 429]
    assert (await asked(edge, f"OPTIONS {COURSES}", headers=PREFLIGHT + address)).status == 204


ANSWERS: dict[str, tuple[str, dict[str, Any], int]] = {
    "a page": (f"GET {COURSES}", {}, 200),
    "the HEAD of a page": (f"HEAD {COURSES}", {}, 200),
    "no token": (f"GET {COURSES}", {"token": ""}, 401),
    "a malformed token": (f"GET {COURSES}", {"token": "x.y.z"}, 401),
    "an unknown path": ("GET /nothing", {}, 404),
    "a wrong method": (f"PUT {LOGIN}", {}, 405),
    "a malformed target": ("GET /a/../b", {}, 400),
    "an unknown method": ("FOO /", {}, 501),
    "a query that is not known": ("GET /health/live?x=1", {}, 422),
    "health": ("GET /health/live", {"token": ""}, 200),
    "a login": (f"POST {LOGIN}", {"token": ""}, 200),
    "the public keys": ("GET /.well-known/jwks.json", {"token": ""}, 200),
    "a service that is unavailable": ("GET /api/v1/employees/1/training", {}, 503),
}


async def answered(edge: Edge, organisation: int, line: str, changes: dict[str, Any], **more: Any) -> RawAnswer:
    return await asked(edge, line, **({"token": new_token(organisation)} | changes | more))


@pytest.mark.parametrize(("line", "changes", "status"), ANSWERS.values(), ids=ANSWERS)
async def test_a_page_can_read_every_answer(
    start_gateway: StartGateway, organisation: int, line: str, changes: dict[str, Any], status: int
) -> None:
    edge = await start_gateway(cors_origins=ORIGINS, history_url=NOWHERE)
    answer = await answered(edge, organisation, line, changes)
    assert (answer.status, answer.headers[ALLOWED]) == (status, PAGE)
    exposed = {name.lower() for name in answer.headers[EXPOSED].split(", ")}
    assert {"etag", "location", "link", "x-request-id", "retry-after", "idempotency-replayed"} <= exposed
    assert {"deprecation", "sunset", "accept-patch"} | {name.lower() for name in LIMIT_HEADERS} <= exposed
    assert "Origin" in answer.headers["vary"].split(", ")


@pytest.mark.parametrize("origin", [*STRANGERS, None])
@pytest.mark.parametrize(("line", "changes", "status"), ANSWERS.values(), ids=ANSWERS)
async def test_a_page_of_another_origin_can_read_none(
    start_gateway: StartGateway,
    organisation: int,
    line: str,
    changes: dict[str, Any],
    status: int,
    origin: str | None,
) -> None:
    """Caches must know all the same that the answer differs by origin."""
    edge = await start_gateway(cors_origins=ORIGINS, history_url=NOWHERE)
    answer = await answered(edge, organisation, line, changes, origin=origin)
    assert (answer.status, of_cors(answer)) == (status, {})
    assert "Origin" in answer.headers["vary"].split(", ")


@pytest.mark.parametrize("origin", [*STRANGERS, None])
async def test_a_preflight_of_another_origin_is_a_request_like_any_other(
    open_edge: Edge, upstream: Upstream, origin: str | None
) -> None:
    answer = await asked(open_edge, f"OPTIONS {COURSES}", origin=origin, headers=PREFLIGHT)
    assert (answer.status, of_cors(answer)) == (401, {})
    assert upstream.received == []


async def test_options_that_is_no_preflight_is_a_request_like_any_other(open_edge: Edge) -> None:
    answer = await asked(open_edge, "OPTIONS /health/live")
    assert (answer.status, answer.headers["allow"], answer.headers[ALLOWED]) == (405, "GET, HEAD", PAGE)


async def test_who_is_refused_by_a_limit_can_read_that(start_gateway: StartGateway, organisation: int) -> None:
    edge, token = await start_gateway(cors_origins=ORIGINS), new_token(organisation, rate_limit=1)
    answers = [await asked(edge, f"GET {COURSES}", token=token) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 429]
    assert {answer.headers[ALLOWED] for answer in answers} == {PAGE}


async def test_who_is_refused_for_lack_of_room_can_read_that(
    open_edge: Edge, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.upstream.bulkhead.Bulkhead.admits", lambda *_: False)
    for origin in (PAGE, OTHER_PAGE, STRANGERS[0]):
        answer = await asked(open_edge, f"GET {COURSES}", origin=origin, token=token)
        assert answer.status == 503
        assert answer.headers.get(ALLOWED) == (None if origin == STRANGERS[0] else origin)
        assert "Origin" in answer.headers["vary"]


async def test_a_full_gateway_refuses_preflights_too(open_edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Responder.begin

    def full(responder: Responder, request: Any) -> Any:
        responder.max_in_flight = 0
        return begin(responder, request)

    monkeypatch.setattr(Responder, "begin", full)
    answer = await asked(open_edge, f"OPTIONS {COURSES}", headers=PREFLIGHT)
    assert (answer.status, answer.json["code"]) == (503, Overloaded.code)


@pytest.mark.parametrize("origin", [PAGE, *STRANGERS, None])
async def test_every_origin_may_be_named(start_gateway: StartGateway, token: str, origin: str | None) -> None:
    edge = await start_gateway(cors_origins="*")
    answer = await asked(edge, f"GET {COURSES}", origin=origin, token=token)
    assert (answer.headers[ALLOWED], answer.headers["vary"]) == ("*", "Authorization, Accept")
    preflight = await asked(edge, f"OPTIONS {COURSES}", origin=origin, headers=PREFLIGHT)
    assert preflight.status == (401 if origin is None else 204)
    assert "authorization" in preflight.headers.get("access-control-allow-headers", "authorization")


@pytest.mark.parametrize(("line", "changes", "status"), ANSWERS.values(), ids=ANSWERS)
async def test_where_no_origin_is_named_no_answer_knows_of_any(
    start_gateway: StartGateway, organisation: int, line: str, changes: dict[str, Any], status: int
) -> None:
    edge = await start_gateway(history_url=NOWHERE)
    answer = await answered(edge, organisation, line, changes)
    assert (answer.status, of_cors(answer)) == (status, {})
    assert "Origin" not in answer.headers.get("vary", "")
    preflight = await asked(edge, f"OPTIONS {COURSES}", headers=PREFLIGHT)
    assert (preflight.status, of_cors(preflight)) == (401, {})


async def test_control_errors_without_the_headers(open_edge: Edge, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cors, "lines", lambda *_: "")
    assert ALLOWED not in (await asked(open_edge, "GET /nothing", token=token)).headers


async def test_control_origins_that_are_not_compared(
    open_edge: Edge, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cors, "lines", lambda cors, request: cors._lines[PAGE])
    assert ALLOWED in (await asked(open_edge, f"GET {COURSES}", origin=STRANGERS[0], token=token)).headers
