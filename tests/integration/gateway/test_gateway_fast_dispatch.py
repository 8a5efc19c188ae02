"""Under overload a simple request is refused at once: like any other refusal, and safely."""

from collections.abc import Awaitable, Callable, Mapping

import pytest
from aiohttp import web

from gateway.upstream.bulkhead import Bulkhead
from gateway.upstream.load_shedding import Overload
from shared.concurrency.fairness import Organisation
from shared.http.responses import Answer
from shared.http.server.responder import Responder
from tests.integration.gateway.edge import Edge, StartGateway, Upstream, new_token
from tests.support.raw_http import exchange

COURSES = "/api/v1/training/courses"
HEAD = "Host: gateway\r\n"


@pytest.fixture
def overloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every newcomer would have to wait for too long."""
    monkeypatch.setattr(Overload, "refuses", lambda *_: True)


def request(line: str, headers: str = "", body: str = "") -> bytes:
    return f"{line} HTTP/1.1\r\n{HEAD}{headers}\r\n{body}".encode()


@pytest.fixture
def without_standard_path(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("aiohttp saw the request")

    monkeypatch.setattr(web.RequestHandler, "data_received", never)


@pytest.mark.usefixtures("overloaded")
async def test_the_refusal_is_that_of_the_contract_and_the_connection_stays(edge: Edge, upstream: Upstream) -> None:
    answered = await exchange(edge.url, request(f"GET {COURSES}?page=1"), request(f"GET {COURSES}"))
    assert [answer.status for answer in answered.answers] == [503, 503]
    first, second = answered.answers
    assert first.json["code"] == "upstream_unavailable"
    assert int(first.headers["retry-after"]) >= 1
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert answered.kept
    assert not upstream.received


@pytest.mark.usefixtures("overloaded", "without_standard_path")
async def test_aiohttp_sees_nothing_of_what_is_refused(edge: Edge, upstream: Upstream) -> None:
    change = request(f"POST {COURSES}", "Content-Type: application/json\r\nContent-Length: 2\r\n", "{}")
    answered = await exchange(edge.url, change, request(f"GET {COURSES}"))
    assert [answer.status for answer in answered.answers] == [503, 503]
    assert not upstream.received


@pytest.mark.usefixtures("overloaded")
@pytest.mark.parametrize(
    "sent",
    [
        request(f"GET {COURSES}", "Content-Length: 2\r\n", "{}"),
        request(f"GET {COURSES}", "Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        request(f"GET {COURSES}") + request(f"GET {COURSES}"),
    ],
    ids=["a length", "chunks", "two at once"],
)
async def test_what_is_not_simple_is_refused_alike(edge: Edge, sent: bytes) -> None:
    answered = await exchange(edge.url, sent)
    assert {answer.status for answer in answered.answers} == {503}
    assert len(answered.answers) == 1 + (sent.count(b"HTTP/1.1") - 1)


@pytest.mark.usefixtures("overloaded")
async def test_a_refusal_has_the_id_that_its_request_brought(edge: Edge) -> None:
    """On both paths; the second request has a header that keeps it off the fast one."""
    own = "X-Request-Id: of-the-client\r\n"
    sent = [request(f"GET {COURSES}", own + more) for more in ("", "TE: trailers\r\n")]
    answered = await exchange(edge.url, *sent)
    assert [answer.headers["x-request-id"] for answer in answered.answers] == ["of-the-client"] * 2


@pytest.mark.usefixtures("overloaded")
@pytest.mark.parametrize("more", ["", "TE: trailers\r\n"], ids=["fast path", "standard path"])
async def test_a_refusal_has_the_form_that_its_request_prefers(edge: Edge, more: str) -> None:
    preferred = ["application/problem+json", "*/*", "application/problem+json"]
    sent = [request(f"GET {COURSES}", f"Accept: {accept}\r\n{more}") for accept in preferred]
    answers = (await exchange(edge.url, *sent)).answers
    assert [answer.headers["content-type"].partition(";")[0] for answer in answers] == [
        "application/problem+json",
        "application/json",
        "application/problem+json",
    ]
    assert [set(answer.json) & {"success", "title"} for answer in answers] == [{"title"}, {"success"}, {"title"}]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


@pytest.mark.usefixtures("overloaded")
async def test_the_refusal_of_a_head_has_no_body(edge: Edge) -> None:
    answered = await exchange(edge.url, request(f"HEAD {COURSES}"), to_head=True)
    assert [answer.status for answer in answered.answers] == [503]
    assert answered.kept


@pytest.mark.usefixtures("overloaded")
async def test_each_refusal_has_its_own_date(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    for date in ("Sun, 22 Nov 2026 10:00:00 GMT", "Sun, 22 Nov 2026 10:00:01 GMT"):
        for module in ("fast_dispatch", "responder"):
            monkeypatch.setattr(f"shared.http.server.{module}.http_date", lambda date=date: date)
        answered = await exchange(edge.url, request(f"GET {COURSES}"))
        assert [answer.headers["date"] for answer in answered.answers] == [date]


@pytest.mark.usefixtures("overloaded")
async def test_health_and_paths_of_nobody_are_not_refused(edge: Edge) -> None:
    answered = await exchange(edge.url, request("GET /health/live"), request("GET /nowhere"))
    assert [answer.status for answer in answered.answers] == [200, 404]


async def test_no_more_are_answered_than_may_be_in_flight_but_health_is(
    start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch, organisation: int
) -> None:
    made: list[Responder] = []

    def with_room_for_one(_: int, health: Mapping[str, Callable[[], Awaitable[Answer]]], *__: object) -> Responder:
        made.append(Responder(1, health))
        return made[0]

    monkeypatch.setattr("shared.http.server.app.Responder", with_room_for_one)
    edge = await start_gateway()
    simple = request(f"GET {COURSES}", f"Authorization: Bearer {new_token(organisation)}\r\n")
    assert [answer.status for answer in (await exchange(edge.url, simple)).answers] == [200]
    made[0].max_in_flight = 0
    answered = await exchange(edge.url, request("GET /health/live"), simple)
    assert [answer.status for answer in answered.answers] == [200, 503]


async def test_who_was_let_in_and_refused_waits_no_longer(
    edge: Edge, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulkheads: set[Bulkhead] = set()
    monkeypatch.setattr(Bulkhead, "admits", watched(Bulkhead.admits, bulkheads))
    client = edge.client(new_token(organisation))
    assert [(await client.get(COURSES)).status for _ in range(2)] == [200, 200]  # the token is not known at first
    assert (await edge.client("no.such.token").get(COURSES)).status == 401
    assert [bulkhead.arriving for bulkhead in bulkheads] == [0]


def watched(admits: Callable[..., bool], bulkheads: set[Bulkhead]) -> Callable[..., bool]:
    def noting(bulkhead: Bulkhead, organisation: Organisation) -> bool:
        bulkheads.add(bulkhead)
        return admits(bulkhead, organisation)

    return noting
