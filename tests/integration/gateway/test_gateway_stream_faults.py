"""Streams when a process dies, freezes or ends: nobody takes a part for the whole, and nothing is held for ever."""

import asyncio
import signal

import pytest

from gateway.app import create_gateway
from gateway.settings import GatewaySettings
from tests.integration.gateway.edge import Accounts, Edge, StartGateway, settings
from tests.integration.gateway.lane import PATH, asked, endless, silent, waits
from tests.support.eventually import eventually
from tests.support.proxy import proxy_for
from tests.support.service_process import service_process
from tests.support.stack import serving
from tests.support.streams import Source, connection, read_all, read_until, streaming
from tests.support.tls import Tls

pytestmark = pytest.mark.usefixtures("lane")


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("query", ["chunks", "length"])
async def test_a_service_that_is_killed_leaves_an_incomplete_answer(
    start_gateway: StartGateway, token: str, query: str, version: str
) -> None:
    async with service_process("tests.support.endless_service", {}) as service:
        edge = await start_gateway(catalog_url=service.url)
        request = asked(token, version=version).replace(b"a=%20b", query.encode(), 1)
        async with connection(edge.url, request) as made:
            head = await read_until(made, b"x" * 1000)
            await service.kill()
            read = await read_all(made)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert (b"Content-Length" in head) == (query == "length")
    assert read.reset
    assert not read.has_last_chunk
    answer = await edge.client(token).get(PATH)
    assert answer.status == 503


async def test_a_service_that_freezes_is_given_up(
    start_gateway: StartGateway, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service_process("tests.support.endless_service", {}) as service:
        edge = await start_gateway(catalog_url=service.url)
        monkeypatch.setattr("gateway.upstream.stream_connection.STALL_TIMEOUT", 0.5)
        async with connection(edge.url, asked(token)) as made:
            await read_until(made, b"x" * 1000)
            service.process.send_signal(signal.SIGSTOP)
            assert (await read_all(made)).reset


async def test_other_services_are_asked_while_one_holds_all_its_streams(
    start_gateway: StartGateway, token: str
) -> None:
    async with streaming(Source(silent)) as service:
        service.reply = waits(service)
        edge = await start_gateway(catalog_url=service.url, upstream_max_in_flight=2, upstream_max_waiting=0)
        waiting = [asyncio.ensure_future(edge.client(token).get(PATH)) for _ in range(20)]

        async def all_wait() -> bool:
            return len(service.responder.streams.open) == len(waiting)

        await eventually(all_wait)
        assert (await edge.client(token).get("/api/v1/training/enrollments")).status == 200
        for each in waiting:
            each.cancel()


async def test_the_end_of_a_gateway_sends_who_waits_to_another_one(accounts: Accounts, token: str, edge: Edge) -> None:
    async with streaming(Source(silent)) as service:
        service.reply = waits(service)
        app = create_gateway(GatewaySettings(**settings(service.url, accounts.url)))
        async with serving(app) as url:
            waiting = asyncio.ensure_future(Edge(url, edge.http).client(token).get(PATH))
            await eventually(service.is_open)
        answer = await waiting
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_the_end_of_a_gateway_cuts_what_goes_on(accounts: Accounts, token: str) -> None:
    source = Source(endless)
    async with streaming(source) as service:
        app = create_gateway(GatewaySettings(**settings(service.url, accounts.url)))
        async with serving(app, shutdown_timeout=0.2) as url:
            opened = connection(url, asked(token))
            made = await opened.__aenter__()
            await read_until(made, b"x" * 1000)
            reading = asyncio.ensure_future(read_all(made))
        assert (await reading).reset
        await opened.__aexit__(None, None, None)
        await eventually(source.has_ended)


async def test_a_stream_comes_over_tls(
    tls: Tls, start_gateway: StartGateway, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.trusted))
    source = Source(endless)
    async with (
        streaming(source) as service,
        proxy_for(service.url.replace("http:", "https:"), tls=tls.context) as (_, url),
    ):
        edge = await start_gateway(catalog_url=url)
        async with connection(edge.url, asked(token)) as made:
            for _ in range(50):
                await read_until(made, b"x" * 16_384)
        await eventually(source.has_ended)
