"""Listening, and ending without losing a request between two connections."""

import asyncio
import os
import socket
import time
from asyncio.trsock import TransportSocket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from aiohttp import web

from shared.http.server.bounded_reads import READ_BYTES, BoundedReads
from shared.http.server.connection import Protocol
from shared.http.server.fast_dispatch import FastDispatcher
from shared.http.server.responder import RESPONDER, Responder
from shared.http.streaming import ENDING

BACKLOG = 1024
LAST_CALL_POLL = 0.02
UNREAD_ANSWER_TIMEOUT = 30.0
"""Seconds a client gets to read on in its answers; without it one that never reads keeps its connection, and them."""


@asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, *, shutdown_timeout: float, last_call: float = 0.0
) -> AsyncIterator[tuple[str, int]]:
    """Serves the application, and gives the address.

    At the end no new connection is accepted. For `last_call` seconds open connections are served on, each answer
    being the last of its connection, so that nobody sends a request into a connection that is just being closed. Then
    running requests get `shutdown_timeout` seconds.
    """
    runner = web.AppRunner(app, shutdown_timeout=shutdown_timeout)
    try:
        await runner.setup()  # what of it was set up before an error is taken down again
        server, loop = cast(web.Server, runner.server), asyncio.get_running_loop()
        ending = app.get(ENDING) or asyncio.Event()
        responder = app.get(RESPONDER) or Responder(0, {})
        dispatcher, buffer = FastDispatcher(app), memoryview(bytearray(READ_BYTES))

        def connection() -> BoundedReads:
            return BoundedReads(Protocol(server, loop, ending, dispatcher, responder), buffer)

        listener = await loop.create_server(connection, host, port, backlog=BACKLOG)
        listening_socket = listener.sockets[0]
        _bound_unread_answers(listening_socket)
        try:
            yield listening_socket.getsockname()[:2]
        finally:
            with socket.socket(fileno=os.dup(listening_socket.fileno())) as still_open:
                listener.close()
                await _accept_the_last(still_open, connection)
            ending.set()
            await _connections_end(server, last_call)
    finally:
        await runner.cleanup()


def _bound_unread_answers(listener: "TransportSocket | socket.socket") -> None:
    """Left to the kernel (tcp(7)), which knows of every byte; connections have the option from their listener."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_ANSWER_TIMEOUT * 1000))


async def _accept_the_last(listener: socket.socket, connection: Callable[[], BoundedReads]) -> None:
    """The kernel holds connections that are not accepted yet; closing the listener would reset them."""
    listener.setblocking(False)
    for _ in range(BACKLOG):
        try:
            accepted, _address = listener.accept()
        except OSError:
            return
        await asyncio.get_running_loop().connect_accepted_socket(connection, accepted)


async def _connections_end(server: web.Server, within: float) -> None:
    end = time.monotonic() + within
    while server.connections and time.monotonic() < end:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(LAST_CALL_POLL)
