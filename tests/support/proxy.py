"""A TCP proxy in front of one server or several alike, that breaks the network between on command."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from stack.config.ports import reserve_port

CHUNK = 65536
CONNECT_TIMEOUT = 5.0
SSL_REQUEST = struct.pack("!II", 8, 80877103)


class Proxy:
    """Passes bytes between clients and a server; of several, each connection goes to the next one that takes it.

    `latency` (seconds) delays every piece passed on, `chunk` (bytes) is the size of the pieces; both may be changed
    at any time. Connections wait for ever while frozen: the bounds under test are the client's own. With `tls` its
    clients speak TLS to it, and the server does not notice; with `postgres` they ask for it first, as PostgreSQL's do.
    """

    def __init__(self, *addresses: tuple[str, int], tls: ssl.SSLContext | None = None, postgres: bool = False) -> None:
        self.latency = 0.0
        self.chunk = CHUNK
        self.accepted = 0
        """Connections taken so far."""
        self._addresses = deque(addresses)
        self._tls = tls
        self._upgraded = tls if postgres else None
        self._listener: asyncio.Server | None = None
        self._own_port = reserve_port()
        self._connections: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        self._to_server, self._to_client = asyncio.Event(), asyncio.Event()
        self.thaw()

    @property
    def port(self) -> int:
        """The port on 127.0.0.1; stays the same for the proxy's whole life."""
        return self._own_port

    async def accept(self) -> None:
        """Takes connections, as from the start or after `refuse`."""
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._serve, "127.0.0.1", self._own_port, ssl=None if self._upgraded else self._tls
            )

    async def refuse(self) -> None:
        """Refuses new connections and cuts those that are open: the server is down."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self.cut()

    def cut(self) -> None:
        """Resets every open connection on both sides; bytes on their way are lost."""
        for writers in self._connections.values():
            for writer in writers:
                reset(writer)

    def freeze(self, *, to_server: bool = True, to_client: bool = True) -> None:
        """A black hole: connections stay and are taken, but nothing passes in the given directions."""
        if to_server:
            self._to_server.clear()
        if to_client:
            self._to_client.clear()

    def thaw(self) -> None:
        """What was held back goes on."""
        self._to_server.set()
        self._to_client.set()

    async def close(self) -> None:
        await self.refuse()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.accepted += 1
        self._connections[task] = [writer]
        try:
            if self._upgraded is not None:
                await upgrade(reader, writer, self._upgraded)
            await self._pass_on(task, reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            return  # the one side learns of the other's end by its own; `close` waits for this task and needs no error
        finally:
            for open_writer in self._connections.pop(task):
                open_writer.close()

    async def _pass_on(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        server_reader, server_writer = await self._connect()
        self._connections[task].append(server_writer)
        async with asyncio.TaskGroup() as group:
            ways = (
                group.create_task(self._pump(reader, server_writer, self._to_server)),
                group.create_task(self._pump(server_reader, writer, self._to_client)),
            )
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._addresses.rotate(-1)
        *others, last = self._addresses  # as they are now: other connections turn them further meanwhile
        for address in others:
            with contextlib.suppress(ConnectionRefusedError):
                return await asyncio.open_connection(*address)
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await asyncio.open_connection(*last)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(self.chunk):
                await asyncio.sleep(self.latency)
                await flowing.wait()
                writer.write(piece)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()


async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tls: ssl.SSLContext) -> None:
    """PostgreSQL's SSLRequest (protocol, 55.2.10); raises ConnectionError for a client that does not ask."""
    if await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
        raise ConnectionError("this client speaks plain text")
    writer.write(b"S")
    await writer.start_tls(tls)


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection so that the other side sees a reset."""
    # To linger for no time makes the kernel send RST instead of FIN.
    if not writer.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


@asynccontextmanager
async def proxy_for(
    url: str, *, tls: ssl.SSLContext | None = None, postgres: bool = False
) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy in front of the server of `url`, and the URL that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = Proxy((parts.hostname, parts.port), tls=tls, postgres=postgres)
    await proxy.accept()
    try:
        credentials, at, _ = parts.netloc.rpartition("@")
        yield proxy, urlunsplit(parts._replace(netloc=f"{credentials}{at}127.0.0.1:{proxy.port}"))
    finally:
        await proxy.close()
