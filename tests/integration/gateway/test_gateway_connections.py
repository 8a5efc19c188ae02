"""Connections to services: what is left of one that has ended."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from gateway.upstream.http_client import Connection, Connections
from tests.support.eventually import eventually

REQUEST = b"GET / HTTP/1.1\r\nHost: service\r\n\r\n"
LAST_ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collector")
async def test_a_connection_that_has_ended_needs_no_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes look for cycles seldom, and each would keep the last answer that came on its connection."""
    made: list[weakref.ref[Connection]] = []

    class Watched(Connection):
        def __init__(self, pool: Connections) -> None:
            super().__init__(pool)
            made.append(weakref.ref(self))

    monkeypatch.setattr("gateway.upstream.http_client.Connection", Watched)
    server = await asyncio.start_server(_answer_once, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connections = Connections(f"http://127.0.0.1:{port}")
    assert (await connections.ask(REQUEST, 5.0)).body == b"{}"

    async def gone() -> bool:
        return made[0]() is None

    await eventually(gone)
    connections.close()
    server.close()


async def _answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(LAST_ANSWER)
    writer.close()
