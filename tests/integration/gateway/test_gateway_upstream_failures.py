"""A service that is down, drops the connection, or does not answer: a clear error at once, and no change sent twice."""

import asyncio

import pytest
from aiohttp import web

from tests.integration.gateway.edge import LIMIT_HEADERS, NOWHERE, Edge, StartGateway, Upstream, new_token
from tests.support.eventually import eventually

COURSES = "/api/v1/training/courses"


async def test_a_service_that_is_not_there(start_gateway: StartGateway, token: str) -> None:
    edge = await start_gateway(catalog_url=NOWHERE)
    answer = await edge.client(token).get(COURSES)
    assert (answer.status, answer.json["code"]) == (503, "upstream_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert set(answer.headers) >= LIMIT_HEADERS


async def _breaks_off(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize(
    ("method", "key"),
    [("POST", {}), ("PUT", {}), ("PATCH", {}), ("DELETE", {}), ("PATCH", {"Idempotency-Key": "counts for POST alone"})],
)
async def test_a_change_is_never_sent_twice(
    edge: Edge, upstream: Upstream, token: str, method: str, key: dict[str, str]
) -> None:
    upstream.answer = _breaks_off
    answer = await edge.client(token).request(method, COURSES, headers=key)
    assert (answer.status, answer.json["code"]) == (502, "upstream_failed")
    assert len(upstream.received) == 1


async def test_a_change_whose_key_stays_behind_is_never_sent_twice(edge: Edge, upstream: Upstream, token: str) -> None:
    """The service would not know the second one for a repetition."""
    upstream.answer = _breaks_off
    head = f"POST {COURSES} HTTP/1.1\r\nConnection: Idempotency-Key\r\nIdempotency-Key: one\r\nContent-Length: 0"
    status, _ = await edge.send(head, token=token)
    assert status == 502
    assert len(upstream.received) == 1
    assert "Idempotency-Key" not in dict(upstream.received[0].headers)


@pytest.mark.parametrize(("method", "key"), [("GET", {}), ("HEAD", {}), ("POST", {"Idempotency-Key": "one"})])
async def test_what_may_be_repeated_is_sent_once_more(
    edge: Edge, upstream: Upstream, token: str, method: str, key: dict[str, str]
) -> None:
    async def second_time_lucky(request: web.Request) -> web.StreamResponse:
        return await _breaks_off(request) if len(upstream.received) == 1 else web.json_response({"data": []})

    upstream.answer = second_time_lucky
    assert (await edge.client(token).request(method, COURSES, headers=key)).status == 200
    assert len(upstream.received) == 2


async def test_reads_of_a_failing_service_are_repeated_within_a_budget(
    start_gateway: StartGateway, upstream: Upstream, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.upstream.upstream.FAILURES", 1000)  # so that no circuit opens
    edge = await start_gateway()
    upstream.answer = _breaks_off
    for _ in range(40):
        assert (await edge.client(token).get(COURSES)).status == 502
    assert 40 < len(upstream.received) <= 40 + 10 + 40 * 0.1


async def test_an_answer_that_breaks_off_is_not_passed_on_in_part(edge: Edge, upstream: Upstream, token: str) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    upstream.answer = half
    answer = await edge.client(token).get(COURSES)
    assert (answer.status, answer.json["code"]) == (502, "upstream_failed")


async def test_a_frozen_service(start_gateway: StartGateway, upstream: Upstream, organisation: int) -> None:
    """Past its bound of requests it is refused at once; the others do not notice."""
    edge = await start_gateway(
        catalog_url=upstream.url, upstream_timeout=1, upstream_max_in_flight=2, upstream_max_waiting=0
    )
    token, released = new_token(organisation), asyncio.Event()

    async def frozen(request: web.Request) -> web.StreamResponse:
        if request.path == COURSES:
            await released.wait()
        return web.json_response({"data": []})

    upstream.answer = frozen
    waiting = [asyncio.create_task(edge.client(token).get(COURSES)) for _ in range(2)]
    await eventually(lambda: _at_least(upstream, 2))
    refused = await edge.client(token).get(COURSES)
    assert (refused.status, refused.json["code"]) == (503, "upstream_unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (await edge.client(token).get("/api/v1/training/enrollments")).status == 200
    for answer in await asyncio.gather(*waiting):
        assert (answer.status, answer.json["code"]) == (504, "upstream_timeout")
        assert set(answer.headers) >= LIMIT_HEADERS
    assert len(upstream.received) == 3
    released.set()
    assert (await edge.client(token).get(COURSES)).status == 200


async def _at_least(upstream: Upstream, count: int) -> bool:
    return len(upstream.received) >= count


async def test_a_service_that_refuses_the_gateway_itself_is_no_fault_of_the_client(
    edge: Edge, upstream: Upstream, token: str
) -> None:
    async def refuses(_: web.Request) -> web.StreamResponse:
        return web.json_response({"success": False, "code": "token_expired"}, status=401)

    upstream.answer = refuses
    answer = await edge.client(token).get(COURSES)
    assert (answer.status, answer.json["code"]) == (502, "upstream_failed")
    assert "WWW-Authenticate" not in answer.headers
