"""What a gateway holds of what passes it: 64 MiB up and 1 GiB down are little more than nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.http.request import Request
from shared.http.responses import Answer
from tests.integration.gateway.edge import Accounts, settings
from tests.integration.gateway.lane import asked
from tests.support.growth import Growth
from tests.support.lane_gateway import MOST
from tests.support.service_process import ServiceProcess, service_process
from tests.support.streams import Source, connection, read_until, streaming

MIB = 2**20
DOWN = 1024 * MIB
MOST_GROWTH = 20
"""MiB."""
PIECE = b"x" * MIB


async def much(_: Request) -> AsyncIterator[bytes]:
    for _number in range(DOWN // MIB):
        yield PIECE


async def test_much_that_goes_down_is_not_held(accounts: Accounts, token: str) -> None:
    async with streaming(Source(much)) as service, gateway(service.url, accounts) as process:
        with Growth(process) as growth:
            assert await read_down(process, token) > DOWN
        assert growth.mib <= MOST_GROWTH


async def test_much_that_goes_up_is_not_held(accounts: Accounts, token: str) -> None:
    async with streaming(Source(much)) as service, gateway(service.url, accounts) as process:

        async def count(request: Request) -> Answer:
            service.responder.begin_stream(request)
            request.most_bytes = MOST
            return Answer(str(sum([len(chunk) async for chunk in request.chunks()])))

        service.reply = count
        with Growth(process) as growth:
            async with connection(process.url, asked(token, f"Content-Length: {MOST}\r\n", method="POST")) as made:
                for _ in range(MOST // MIB):
                    await asyncio.get_running_loop().sock_sendall(made, PIECE)
                assert (await read_until(made, str(MOST).encode())).startswith(b"HTTP/1.1 200 ")
        assert growth.mib <= MOST_GROWTH


async def test_control_with_answers_that_are_waited_for(
    accounts: Accounts, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATHERING", "1")
    monkeypatch.setattr("tests.integration.gateway.test_gateway_stream_memory.DOWN", 64 * MIB)
    async with streaming(Source(much, length=64 * MIB)) as service, gateway(service.url, accounts) as process:
        with Growth(process) as growth:
            await read_down(process, token)
        assert growth.mib > MOST_GROWTH


@asynccontextmanager
async def gateway(service_url: str, accounts: Accounts) -> AsyncIterator[ServiceProcess]:
    async with service_process("tests.support.lane_gateway", settings(service_url, accounts.url)) as process:
        yield process


async def read_down(process: ServiceProcess, token: str) -> int:
    read, buffer = 0, bytearray(MIB)
    async with connection(process.url, asked(token, "Connection: close\r\n")) as made, asyncio.timeout(120):
        while count := await asyncio.get_running_loop().sock_recv_into(made, buffer):
            read += count
    return read
