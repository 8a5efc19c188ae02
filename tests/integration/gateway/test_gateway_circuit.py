"""A service that is down or hangs: soon its requests are refused at once, and pass again once it is back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway.upstream.circuit_breaker import Circuit
from gateway.upstream.upstream import FAILURES
from stack.config.ports import reserve_port
from tests.integration.gateway.edge import Edge, StartGateway, Upstream
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.proxy import Proxy, proxy_for
from tests.support.stack import serving

COURSES = "/api/v1/training/courses"
ENROLLMENTS = "/api/v1/training/enrollments"
DEADLINE = 0.5


@asynccontextmanager
async def service_on(port: int) -> AsyncIterator[Upstream]:
    recorder = Upstream()
    app = web.Application()
    app.router.add_get("/health/live", recorder.health)
    app.router.add_route("*", "/{path:.*}", recorder.handle)
    async with serving(app, port) as recorder.url:
        yield recorder


async def answers(client: Client, status: int, path: str = COURSES) -> bool:
    return (await client.get(path)).status == status


async def test_a_service_that_is_gone_is_not_asked_until_it_is_live(start_gateway: StartGateway, token: str) -> None:
    port = reserve_port()
    client = (await start_gateway(catalog_url=f"http://127.0.0.1:{port}")).client(token)
    for _ in range(FAILURES + 1):
        began = time.monotonic()
        answer = await client.get(COURSES)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        print(f"refused after {1000 * (time.monotonic() - began):.1f} ms")
    async with service_on(port) as service:
        began = time.monotonic()
        await eventually(lambda: answers(client, 200))
        print(f"recovered after {1000 * (time.monotonic() - began):.0f} ms")
        assert service.looks == 1
        assert len(service.received) == 1
        assert await answers(client, 200)


async def test_as_long_as_it_is_not_live_no_request_reaches_it(
    start_gateway: StartGateway, upstream: Upstream, token: str
) -> None:
    client = (await start_gateway()).client(token)
    upstream.live, upstream.answer = False, broken_off
    for _ in range(FAILURES):
        assert (await client.post(COURSES, {})).status == 502
    looks = upstream.looks

    async def looked_twice() -> bool:
        assert (await client.post(COURSES, {})).status == 503
        return upstream.looks >= looks + 2

    await eventually(looked_twice)
    assert len(upstream.received) == FAILURES
    upstream.live, upstream.answer = True, Upstream().answer
    await eventually(lambda: answers(client, 200))


async def broken_off(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_what_a_service_answers_opens_no_circuit(edge: Edge, upstream: Upstream, token: str, status: int) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response({"code": "its own"}, status=status)

    upstream.answer = refuse
    for _ in range(2 * FAILURES):
        answer = await edge.client(token).get(COURSES)
        assert (answer.status, answer.json["code"]) == (status, "its own")


@asynccontextmanager
async def frozen_catalog(start_gateway: StartGateway, upstream: Upstream) -> AsyncIterator[tuple[Edge, Proxy]]:
    """Its connections stay, and it takes new ones, but nothing passes: as with a process that is stopped."""
    async with proxy_for(upstream.url) as (network, url):
        edge = await start_gateway(catalog_url=url, upstream_timeout=DEADLINE)
        network.freeze()
        yield edge, network


async def at_once(client: Client, count: int) -> list[int]:
    return [answer.status for answer in await asyncio.gather(*(client.get(COURSES) for _ in range(count)))]


async def test_a_frozen_service_is_given_up_at_the_deadline_and_then_at_once(
    start_gateway: StartGateway, upstream: Upstream, token: str
) -> None:
    async with frozen_catalog(start_gateway, upstream) as (edge, network):
        client = edge.client(token)
        waiting = asyncio.create_task(at_once(client, FAILURES))
        assert await answers(client, 200, ENROLLMENTS)
        assert await waiting == [504] * FAILURES
        assert await at_once(client, 20) == [503] * 20
        assert await answers(client, 200, ENROLLMENTS)
        network.thaw()
        began = time.monotonic()
        await eventually(lambda: answers(client, 200))
        print(f"recovered after {1000 * (time.monotonic() - began):.0f} ms")


async def test_control_without_the_circuit_everyone_waits_for_the_deadline(
    start_gateway: StartGateway, upstream: Upstream, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Circuit, "ended", lambda *_, **__: None)
    async with frozen_catalog(start_gateway, upstream) as (edge, _):
        for _ in range(2):
            assert await at_once(edge.client(token), FAILURES) == [504] * FAILURES


async def test_those_who_wait_for_their_turn_are_let_go_when_the_circuit_opens(
    start_gateway: StartGateway, upstream: Upstream, token: str
) -> None:
    async with proxy_for(upstream.url) as (network, url):
        edge = await start_gateway(catalog_url=url, upstream_timeout=1, upstream_max_in_flight=FAILURES)
        network.freeze()
        statuses = await at_once(edge.client(token), 10 * FAILURES)
        assert set(statuses) == {503, 504}
        assert statuses.count(504) <= 2 * FAILURES  # whoever got a turn in the last moment may time out too


BURST = 300


@pytest.mark.parametrize(("waiting", "statuses"), [(BURST, {200}), (0, {200, 503})], ids=["it waits", "control"])
async def test_a_burst_waits_for_its_turns_and_nobody_is_refused(
    start_gateway: StartGateway, upstream: Upstream, token: str, waiting: int, statuses: set[int]
) -> None:
    edge = await start_gateway(upstream_max_in_flight=4, upstream_max_waiting=waiting)
    most = 0
    running = 0

    async def counted(_: web.Request) -> web.StreamResponse:
        nonlocal most, running
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return web.json_response({"data": []})

    upstream.answer = counted
    assert set(await at_once(edge.client(token), BURST)) == statuses
    assert most <= 4


async def test_under_overload_newcomers_are_refused_before_anything_else_is_done_for_them(
    start_gateway: StartGateway, upstream: Upstream, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even their token is looked at; the other services' routes and the gateway's health are not meant."""
    monkeypatch.setattr("gateway.upstream.upstream.BURST", 0.0)
    monkeypatch.setattr("gateway.upstream.upstream.BEARABLE_WAIT", 0.01)
    edge, released = await start_gateway(upstream_max_in_flight=1), asyncio.Event()

    async def frozen(request: web.Request) -> web.StreamResponse:
        if request.path == COURSES:
            await released.wait()
        return web.json_response({"data": []})

    upstream.answer = frozen
    admitted = [asyncio.create_task(edge.client(token).get(COURSES))]
    await eventually(lambda: reached(upstream, 1))
    admitted.append(asyncio.create_task(edge.client(token).get(COURSES)))

    async def refused() -> bool:
        answer = await edge.client("no token").get(COURSES)
        assert answer.status == 503
        return answer.headers["Retry-After"] == "1"

    await eventually(refused)
    assert await answers(edge.client(token), 200, ENROLLMENTS)
    assert await answers(edge.client(), 200, "/health/live")
    released.set()
    assert [answer.status for answer in await asyncio.gather(*admitted)] == [200, 200]
    assert await answers(edge.client(token), 200)


async def reached(upstream: Upstream, count: int) -> bool:
    return len(upstream.received) >= count
