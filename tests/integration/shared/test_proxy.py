"""The faults that other tests rely on happen as they say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.proxy import Proxy, proxy_for

BOUND = 10.0
SILENCE = 0.1
"""Seconds in which nothing arrives where nothing may."""


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def echo_behind_proxy() -> AsyncIterator[Proxy]:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with proxy_for(f"tcp://127.0.0.1:{port}") as (proxy, url):
            assert url == f"tcp://127.0.0.1:{proxy.port}"
            yield proxy


class Peer:
    """A client of the echo server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def says(self, text: bytes) -> bytes:
        self.sends(text)
        return await self.hears(len(text))

    def sends(self, text: bytes) -> None:
        self._writer.write(text)

    async def hears(self, count: int) -> bytes:
        async with asyncio.timeout(BOUND):
            return await self._reader.readexactly(count)

    async def hears_nothing(self) -> bool:
        try:
            await asyncio.wait_for(self._reader.read(1), SILENCE)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def peer(proxy: Proxy) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.transport.abort()


async def test_bytes_pass_in_both_directions() -> None:
    async with echo_behind_proxy() as proxy, peer(proxy) as one, peer(proxy) as another:
        assert await one.says(b"one" * 100_000) == b"one" * 100_000
        assert await another.says(b"two") == b"two"
        assert proxy.accepted == 2


async def test_bytes_pass_late_and_in_small_pieces() -> None:
    async with echo_behind_proxy() as proxy, peer(proxy) as client:
        proxy.latency, proxy.chunk = 0.001, 2
        assert await client.says(b"slowly") == b"slowly"


@pytest.mark.parametrize(("to_server", "to_client"), [(True, True), (True, False), (False, True)])
async def test_a_frozen_proxy_holds_bytes_back_until_it_thaws(to_server: bool, to_client: bool) -> None:
    async with echo_behind_proxy() as proxy, peer(proxy) as client:
        await client.says(b"warm")
        proxy.freeze(to_server=to_server, to_client=to_client)
        client.sends(b"cold")
        assert await client.hears_nothing()
        proxy.thaw()
        assert await client.hears(4) == b"cold"


async def test_a_cut_resets_connections_and_loses_what_was_on_its_way() -> None:
    async with echo_behind_proxy() as proxy, peer(proxy) as client:
        await client.says(b"warm")
        proxy.freeze()
        client.sends(b"lost")
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await client.hears(4)
        proxy.thaw()
        async with peer(proxy) as another:
            assert await another.says(b"back") == b"back"


async def test_a_refusing_proxy_accepts_again_on_the_same_port() -> None:
    async with echo_behind_proxy() as proxy:
        port = proxy.port
        await proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        await proxy.accept()
        assert proxy.port == port
        async with peer(proxy) as client:
            assert await client.says(b"back") == b"back"


def proxy_tasks() -> set[asyncio.Task[Any]]:
    """Others come and go meanwhile: those of a system that runs for other tests."""
    return {task for task in asyncio.all_tasks() if "Proxy." in getattr(task.get_coro(), "__qualname__", "")}


async def test_a_closed_proxy_leaves_no_task_behind() -> None:
    before = proxy_tasks()
    async with echo_behind_proxy() as proxy, peer(proxy) as client:
        await client.says(b"one")
        proxy.freeze()
        client.sends(b"two")
        assert proxy_tasks() > before

    async def all_ended() -> bool:
        return proxy_tasks() <= before

    await eventually(all_ended)
