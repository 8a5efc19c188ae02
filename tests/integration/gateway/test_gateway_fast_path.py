"""Both paths lead to one handler: to the same answers, and with the same care for the connection."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from gateway.edge.forward_handler import ForwardHandler
from shared.http.request import Request, from_aiohttp
from shared.http.server.simple_request import SimpleRequestParser
from tests.integration.gateway.edge import LIMIT_HEADERS, Edge, StartGateway, Upstream, new_token
from tests.support.eventually import eventually
from tests.support.raw_http import RawAnswer, exchange

COURSES = "/api/v1/training/courses"
STANDARD = "TE: trailers\r\n"
"""A header that keeps a request on the standard path."""
NEVER_THE_SAME = {"date", "x-request-id"} | {name.lower() for name in LIMIT_HEADERS}


def request(token: str, line: str = f"GET {COURSES}", headers: str = "", body: str = "") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{line} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\n{headers}{length}\r\n{body}".encode()


async def know(edge: Edge, token: str) -> None:
    """A token is verified with its first request, and remembered."""
    assert (await exchange(edge.url, request(token))).answers[0].status == 200


def comparable(answer: RawAnswer) -> tuple[int, Mapping[str, str], set[str], bytes]:
    varying = {name for name in answer.headers if name in NEVER_THE_SAME}
    return answer.status, {n: v for n, v in answer.headers.items() if n not in varying}, varying, answer.body


def refuse_the_standard_path(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_probes(received: web.BaseRequest) -> Request:
        assert received.path == "/health/live", "the standard path was taken"
        return from_aiohttp(received)

    monkeypatch.setattr("shared.http.server.standard_path.from_aiohttp", only_probes)


def refuse_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimpleRequestParser, "parse", lambda *_: None)


async def test_every_request_passes_one_handler(
    start_gateway: StartGateway, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a breakpoint in it stops for each: the first of a client and the next ones, on either path."""
    handled: list[str] = []
    handle = ForwardHandler.handle

    def noting(handler: ForwardHandler, received: Request) -> Any:
        handled.append(f"{received.method} {received.target.raw}")
        return handle(handler, received)

    monkeypatch.setattr(ForwardHandler, "handle", noting)
    edge = await start_gateway()
    lines = [f"GET {COURSES}", f"GET {COURSES}", f"GET {COURSES}?page=2", "GET /nowhere", "GET /api/v1/auth/me"]
    answered = await exchange(edge.url, *[request(token, line, more) for more in ("", STANDARD) for line in lines])
    assert [answer.status for answer in answered.answers] == [200, 200, 200, 404, 200] * 2
    assert handled == lines * 2


REQUESTS = {
    "a read": (f"GET {COURSES}?page=2", "", ""),
    "a read with headers": (f"GET {COURSES}", 'Accept: */*\r\nif-none-match: "1-00"\r\nX-Organisation-Id: 9\r\n', ""),
    "a change": (f"POST {COURSES}", "Content-Type: application/json\r\n", '{"title": "x"}'),
    "a change with a key": (f"POST {COURSES}", "Idempotency-Key: a-key-of-mine\r\n", "{}"),
    "a change without a body": (f"PATCH {COURSES}/7", "", ""),
    "a deletion": (f"DELETE {COURSES}/7", 'If-Match: "1-00"\r\n', ""),
    "an escape": (f"GET {COURSES}/a%20b", "", ""),
}


@pytest.mark.parametrize("asked", REQUESTS.values(), ids=REQUESTS)
async def test_both_paths_send_on_the_same_and_answer_the_same(
    edge: Edge, upstream: Upstream, token: str, asked: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        headers = {"ETag": '"1-00"', "X-Request-Id": "theirs", "Connection": "X-Inner", "X-Inner": "x", "Link": "<a>"}
        return web.Response(status=201, text='{"data": "é"}', content_type="application/json", headers=headers)

    await know(edge, token)
    upstream.answer = answer
    with monkeypatch.context() as only_fast:
        refuse_the_standard_path(only_fast)
        [fast] = (await exchange(edge.url, request(token, *asked))).answers
    refuse_the_fast_path(monkeypatch)
    [standard] = (await exchange(edge.url, request(token, *asked))).answers
    assert comparable(fast) == comparable(standard)
    _, of_fast, of_standard = upstream.received
    assert (of_fast.method, of_fast.target, of_fast.body) == (of_standard.method, of_standard.target, of_standard.body)
    own = {"x-request-id", "traceparent", "x-request-deadline"}
    passed = [sorted(each for each in sent.headers if each[0].lower() not in own) for sent in (of_fast, of_standard)]
    assert passed[0] == passed[1]


TRACED = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n"
STATES = {
    "one": (TRACED + "tracestate: rojo=1, congo=t61\r\n", "rojo=1,congo=t61"),
    "none": (TRACED, None),
    "a malformed one": (TRACED + "tracestate: ROJO\r\n", None),
    "too much": (TRACED + f"tracestate: k={'x' * 256},l={'x' * 256}\r\n", None),
    "without its trace": ("tracestate: rojo=1\r\n", None),
}


@pytest.mark.parametrize("path", ["fast", "standard"])
@pytest.mark.parametrize(("headers", "state"), STATES.values(), ids=STATES)
async def test_the_state_of_a_trace_goes_on_with_it(
    edge: Edge,
    upstream: Upstream,
    token: str,
    headers: str,
    state: str | None,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if path == "standard":
        refuse_the_fast_path(monkeypatch)
    assert (await exchange(edge.url, request(token, headers=headers))).answers[0].status == 200
    got = {name.lower(): value for name, value in upstream.received[0].headers}
    assert got.get("tracestate") == state
    assert (f"traceparent: {got['traceparent']}\r\n" == TRACED) == (TRACED in headers)


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_has_no_length(
    edge: Edge, upstream: Upstream, token: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"ETag": '"1-00"'})

    await know(edge, token)
    upstream.answer = answer
    refuse_the_standard_path(monkeypatch)
    answered = await exchange(edge.url, request(token))
    assert [each.status for each in answered.answers] == [status]
    assert "content-length" not in answered.answers[0].headers
    assert answered.kept


async def test_a_refusal_tells_the_limit_as_any_answer_does(start_gateway: StartGateway, organisation: int) -> None:
    edge, token = await start_gateway(), new_token(organisation, rate_limit=2)
    await know(edge, token)
    allowed, refused = (await exchange(edge.url, request(token), request(token))).answers
    assert (allowed.status, refused.status, refused.json["code"]) == (200, 429, "rate_limited")
    assert {name.lower() for name in LIMIT_HEADERS} <= set(refused.headers)
    assert int(refused.headers["retry-after"]) >= 1


async def test_what_comes_behind_a_request_waits_for_its_answer(edge: Edge, upstream: Upstream, token: str) -> None:
    """Pipelined requests (RFC 9112, section 9.3.2) are answered in their order, one at a time."""
    let_go, order = asyncio.Event(), []

    async def answer(received: web.Request) -> web.StreamResponse:
        order.append(received.raw_path)
        if received.raw_path.endswith("=1"):
            await let_go.wait()
        return web.json_response({"asked": received.raw_path})

    await know(edge, token)
    upstream.answer = answer
    async with connection(edge) as (reader, writer):
        writer.write(request(token, f"GET {COURSES}?page=1"))
        await reached(upstream, 2)
        for page in range(2, 60):
            writer.write(request(token, f"GET {COURSES}?page={page}"))
        await writer.drain()
        assert len(order) == 1
        let_go.set()
        bodies = [(await read_answer(reader))["asked"] for _ in range(1, 60)]
    assert bodies == [f"{COURSES}?page={page}" for page in range(1, 60)]


async def test_a_client_that_goes_away_leaves_its_change_to_be_finished(
    edge: Edge, upstream: Upstream, token: str
) -> None:
    finished, let_go = asyncio.Event(), asyncio.Event()

    async def answer(_: web.Request) -> web.StreamResponse:
        await let_go.wait()
        finished.set()
        return web.json_response({})

    await know(edge, token)
    upstream.answer = answer
    async with connection(edge) as (_, writer):
        writer.write(request(token, f"POST {COURSES}", body="{}"))
        await reached(upstream, 2)
        writer.transport.abort()
    let_go.set()
    await asyncio.wait_for(finished.wait(), 5)
    await know(edge, token)


async def test_an_answer_larger_than_any_buffer_arrives_whole(edge: Edge, upstream: Upstream, token: str) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 5_000_000)

    await know(edge, token)
    upstream.answer = answer
    answered = await exchange(edge.url, request(token), request(token))
    assert [(each.status, len(each.body)) for each in answered.answers] == [(200, 5_000_000)] * 2


async def test_a_body_in_chunks_comes_back_as_one(edge: Edge, upstream: Upstream, token: str) -> None:
    async def answer(received: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(received)
        for part in (b'{"a": ', b"1", b"}"):
            await response.write(part)
        return response

    await know(edge, token)
    upstream.answer = answer
    [answered] = (await exchange(edge.url, request(token))).answers
    assert (answered.json, answered.headers["content-length"]) == ({"a": 1}, "8")
    assert "transfer-encoding" not in answered.headers


async def reached(upstream: Upstream, requests: int) -> None:
    async def have() -> bool:
        return len(upstream.received) == requests

    await eventually(have)


@asynccontextmanager
async def connection(edge: Edge) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    address = urlsplit(edge.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    async with asyncio.timeout(20):
        try:
            yield reader, writer
        finally:
            writer.close()


async def read_answer(reader: asyncio.StreamReader) -> dict[str, str]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return dict(json.loads(await reader.readexactly(length)))
