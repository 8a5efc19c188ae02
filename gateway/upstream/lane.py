"""Carries what may take long to its service and back: in pieces, without a permit, and never twice (decision 23)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from gateway.routes import UpstreamName
from gateway.upstream.http_client import (
    CONNECT_TIMEOUT,
    AnswerBroken,
    ConnectionLost,
    Connections,
    NotConnected,
    RawAnswer,
)
from gateway.upstream.stream_connection import READ_BYTES, StreamConnection
from gateway.upstream.upstream import Upstream
from shared.concurrency.deadline import HEADER as DEADLINE
from shared.errors import Unavailable, UpstreamFailed, UpstreamTimeout
from shared.http.server.bounded_reads import BoundedReads
from shared.time_spent import spend

log = logging.getLogger(__name__)

LONGEST_WAIT: Final = 20.0
"""Seconds that a service may wait for what is asked for, where there is none."""
ANSWER_TIMEOUT: Final = LONGEST_WAIT + 10.0
"""Seconds from the end of a request to the head of its answer."""


@dataclass(slots=True)
class LaneRequest:
    """`target` is the client's own, byte for byte; `lines` are header lines, each with its end.

    `body` is what was read of it before. With `chunks` it is sent as it comes, `length` bytes of it if that is known.
    """

    method: str
    target: str
    lines: str
    body: bytes = b""
    chunks: AsyncIterator[bytes] | None = None
    length: int | None = None

    def head(self, host: str) -> bytes:
        deadline = f"{DEADLINE}: {int(ANSWER_TIMEOUT * 1000)}\r\n"
        head = f"{self.method} {self.target} HTTP/1.1\r\nHost: {host}\r\n{self.lines}{deadline}{self._framing()}\r\n"
        return head.encode()

    def _framing(self) -> str:
        if self.chunks is not None and self.length is None:
            return "Transfer-Encoding: chunked\r\n"
        length = self.length if self.chunks is not None else len(self.body)
        return f"Content-Length: {length}\r\n" if length or self.method != "GET" else ""


class Lane:
    """To the services by name."""

    def __init__(self, upstreams: Mapping[UpstreamName, Upstream]) -> None:
        self._upstreams = upstreams
        self._buffer = memoryview(bytearray(READ_BYTES))

    async def exchange(self, name: UpstreamName, request: LaneRequest) -> tuple[RawAnswer, StreamConnection]:
        """The head of the answer, and the connection that its body comes on, which is to be closed.

        Raises `Unavailable`, `UpstreamFailed` or `UpstreamTimeout`, and what reading the client's body raises: the
        service then gets an incomplete one.
        """
        upstream = self._upstreams[name]
        upstream.circuit.require_closed()
        began = perf_counter()
        try:
            with upstream.circuit.passing(NotConnected, ConnectionLost, AnswerBroken, TimeoutError):
                return await self._exchanged(upstream, request)
        except NotConnected:
            raise Unavailable from None
        except TimeoutError:
            raise UpstreamTimeout from None
        except (ConnectionLost, AnswerBroken):
            raise UpstreamFailed from None
        finally:
            spend("upstream", began)

    async def _exchanged(self, upstream: Upstream, request: LaneRequest) -> tuple[RawAnswer, StreamConnection]:
        connection = await self._connected(upstream)
        try:
            await connection.write(request.head(upstream.connections.host) + request.body)
            if request.chunks is not None:
                await _send_body(request, request.chunks, connection)
            answer = await connection.head(ANSWER_TIMEOUT)
            if answer.status == 401:
                log.error(
                    "%s rejected the gateway's internal token: check clocks and keys", upstream.connections.origin
                )
                raise UpstreamFailed("The service did not accept the gateway's credentials.")
        except BaseException:
            connection.close()
            raise
        return answer, connection

    async def _connected(self, upstream: Upstream) -> StreamConnection:
        """Behind a service's address there may be several processes, of which one is just ending: tried twice."""
        upstream.sent()
        try:
            return await self._connect(upstream.connections)
        except NotConnected:
            if not upstream.may_retry():
                raise
        return await self._connect(upstream.connections)

    async def _connect(self, connections: Connections) -> StreamConnection:
        connection = StreamConnection()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await connections.open(lambda: BoundedReads(connection, self._buffer))
        except OSError as error:  # a TimeoutError is one
            raise NotConnected(str(error)) from None
        return connection


async def _send_body(request: LaneRequest, chunks: AsyncIterator[bytes], connection: StreamConnection) -> None:
    """Ends early once the answer has begun: whoever answers has read enough."""
    sending = asyncio.ensure_future(_send_on(chunks, connection, in_chunks=request.length is None))
    try:
        either: set[asyncio.Future[Any]] = {sending, connection.answering}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
    finally:
        sending.cancel()


async def _send_on(chunks: AsyncIterator[bytes], connection: StreamConnection, *, in_chunks: bool) -> None:
    async for chunk in chunks:
        await connection.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if in_chunks else chunk)
    if in_chunks:
        await connection.write(b"0\r\n\r\n")
