"""The catalog's process is stopped (SIGSTOP) and killed: its routes get their answer, nobody else notices."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from gateway.app import create_gateway
from gateway.upstream.upstream import FAILURES
from shared.http.server.responder import RESPONDER, Responder
from tests.support.client import Client, client_token
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess, service_process
from tests.support.stack import CLIENT_SECRET, Stack, gateway_settings, serving
from tests.support.world import COURSES, ENROLLMENTS

DEADLINE = 3.0
READS = 100
WAITING = 200


@asynccontextmanager
async def catalog_process(stack: Stack, organisation: int) -> AsyncIterator[tuple[ServiceProcess, Client, Responder]]:
    """The catalog in a process of its own, a client of a gateway in front of it, and what runs in that."""
    async with service_process("services.catalog", stack.settings["catalog"], "--role", "api") as catalog:
        urls = {**stack.urls, "catalog": catalog.url}
        gateway = create_gateway(gateway_settings(urls, upstream_timeout=DEADLINE))
        connector = aiohttp.TCPConnector(limit=0)
        async with serving(gateway) as url, aiohttp.ClientSession(connector=connector) as http:
            client = Client(http, url, client_token(CLIENT_SECRET, organisation))
            assert (await client.get(COURSES)).status == 200
            yield catalog, client, gateway[RESPONDER]


async def slowest(client: Client, path: str) -> float:
    """Milliseconds that 99 of 100 reads one after the other took less than; all of them succeed."""
    times = []
    for _ in range(READS):
        began = time.monotonic()
        assert (await client.get(path)).status == 200
        times.append(1000 * (time.monotonic() - began))
    return sorted(times)[READS * 99 // 100 - 1]


async def test_a_stopped_process_is_answered_for_and_the_others_do_not_notice(stack: Stack, organisation: int) -> None:
    async with catalog_process(stack, organisation) as (catalog, client, responder):
        before = await slowest(client, ENROLLMENTS)
        catalog.process.send_signal(signal.SIGSTOP)
        waiting = [asyncio.create_task(client.get(COURSES)) for _ in range(WAITING)]

        async def all_wait() -> bool:
            return responder.in_flight >= WAITING

        await eventually(all_wait)
        meanwhile = await slowest(client, ENROLLMENTS)
        statuses = [answer.status for answer in await asyncio.gather(*waiting)]
        assert set(statuses) <= {503, 504}
        assert statuses.count(504) >= FAILURES
        assert (await client.get(COURSES)).status == 503
        print(f"p99 of the others: {before:.1f} ms before, {meanwhile:.1f} ms beside {WAITING} that wait")
        catalog.process.send_signal(signal.SIGCONT)
        await recovered(client)


async def recovered(client: Client) -> None:
    began = time.monotonic()

    async def answers() -> bool:
        return (await client.get(COURSES)).status == 200

    await eventually(answers)
    print(f"recovered after {1000 * (time.monotonic() - began):.0f} ms")


async def test_a_killed_process_is_answered_for_at_once(stack: Stack, organisation: int) -> None:
    async with catalog_process(stack, organisation) as (catalog, client, _):
        await catalog.kill()
        times = []
        for _ in range(2 * FAILURES):
            began = time.monotonic()
            assert (await client.get(COURSES)).status in (502, 503)
            times.append(1000 * (time.monotonic() - began))
        assert (await client.get(ENROLLMENTS)).status == 200
        print(f"refused after {max(times):.1f} ms at most")
