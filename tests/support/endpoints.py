"""Endpoints that webhooks are sent to, and what counts who connects to them."""

import asyncio
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

Behaviour = Callable[["Connected"], Awaitable[None]]

_TLS_HANDSHAKE = b"\x16"
_connects: ContextVar[list[str] | None] = ContextVar("_connects", default=None)
"""Of a test and the tasks that it starts: stacks of other tests are at work in the same process."""


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        begun = _connects.get()
        if begun is not None:
            begun.append(str(arguments[1][0]))


sys.addaudithook(_watch)


@contextmanager
def connections_begun() -> Iterator[list[str]]:
    """The addresses that sockets of this test begin to connect to meanwhile."""
    begun: list[str] = []
    token = _connects.set(begun)
    try:
        yield begun
    finally:
        _connects.reset(token)


@dataclass
class Connected:
    """One connection to an endpoint, as its behaviour sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sent: int = 0

    async def request(self) -> tuple[dict[str, str], str]:
        """The headers, their names in lower case, and the body; hangs up on who would speak TLS."""
        if (first := await self.reader.readexactly(1)) == _TLS_HANDSHAKE:
            raise ConnectionResetError
        head = (first + await self.reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if line]
        headers = {name.lower(): value for name, value in lines}
        return headers, (await self.reader.readexactly(int(headers["content-length"]))).decode()

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
        self.sent += len(data)

    async def closed(self) -> None:
        """Until the other side ends the connection."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


@dataclass
class Endpoint:
    """Behaves to each connection as `behaviour` says."""

    behaviour: Behaviour
    port: int = 0
    connections: list[Connected] = field(default_factory=list)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected = Connected(reader, writer)
        self.connections.append(connected)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self.behaviour(connected)
        finally:
            self._tasks.discard(task)
            writer.close()

    def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()


@asynccontextmanager
async def endpoint(
    behaviour: Behaviour, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Endpoint]:
    """Listens on a free port of `host` where none is given."""
    serving = Endpoint(behaviour)
    server = await asyncio.start_server(serving.serve, host, port, ssl=tls, family=_family(host))
    serving.port = server.sockets[0].getsockname()[1]
    try:
        yield serving
    finally:
        server.close()
        serving.stop()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def answering(status: int = 200, **headers: str) -> Behaviour:
    """Takes every request, and answers all alike."""

    async def behave(connected: Connected) -> None:
        await connected.request()
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        await connected.write(f"HTTP/1.1 {status} Answered\r\n{lines}content-length: 0\r\n\r\n".encode())

    return behave
