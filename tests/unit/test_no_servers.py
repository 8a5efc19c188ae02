"""The guard of the unit tests (conftest.py): whatever a test connects with, it gets an error that says so."""

import asyncio
import socket

import aiohttp
import asyncpg
import pytest
import redis.asyncio

from tests.unit import conftest
from tests.unit.conftest import ServerReached


@pytest.fixture
def server_url() -> str:
    """Nobody listens there; a test fails before that matters."""
    return "127.0.0.1:1"


async def test_postgresql_is_refused(server_url: str) -> None:
    with pytest.raises(ServerReached, match="tests/integration"):
        await asyncpg.connect(f"postgresql://u:p@{server_url}/d")


async def test_redis_is_refused(server_url: str) -> None:
    with pytest.raises(redis.exceptions.ConnectionError, match="tests/integration"):
        await redis.asyncio.Redis.from_url(f"redis://{server_url}").ping()


async def test_an_http_server_is_refused(server_url: str) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ServerReached):
            await session.get(f"http://{server_url}")


def test_a_plain_socket_is_refused() -> None:
    with socket.socket() as client, pytest.raises(ServerReached):
        client.connect(("127.0.0.1", 1))


async def test_what_the_test_itself_serves_is_reached() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        assert await reader.read() == b""
        writer.close()


def test_control_without_the_guard_a_connection_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conftest._GUARD, "active", False)
    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect(("127.0.0.1", 1))
