"""Connections to one service: HTTP/1.1, kept open, one request at a time on each (RFC 9112).

The gateway's own client, since aiohttp's takes a third of all the time a request spends in a gateway. It follows,
remembers, unpacks and repeats nothing. The answer's parser is llhttp, by way of httptools.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, TypeVar, cast
from urllib.parse import urlsplit

import httptools

from shared.http.service_client import IDLE_LIMIT

CONNECT_TIMEOUT: Final = 1.0
CHECK_INTERVAL: Final = 0.05
"""Seconds between two checks for late answers: one is given up that much after its deadline, at most."""
MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
"""Of everything that comes for one request: heads, chunk sizes and trailers included."""
MAX_HEADERS: Final = 100
MAX_HEAD_BYTES: Final = 64 * 1024
"""Of an answer's head, together with the interim answers before it."""
_LINE_END: Final = (b"\r", b"\n")
Opened = TypeVar("Opened", bound=asyncio.BaseProtocol)


class NotConnected(Exception):
    """No connection was made, so nothing was sent. Behind a service's address there may be several processes, of
    which one is just ending."""


class ConnectionLost(Exception):
    """The service closed the connection before its answer began."""


class AnswerBroken(Exception):
    """The response ended early, is too large, or is not HTTP."""


class _BytesBehindAnswer(Exception):
    """Another message begins behind a complete answer: no request of ours has it."""


@dataclass(slots=True)
class RawAnswer:
    """A service's answer, of whose headers not all go back to the client (`gateway.upstream.headers`)."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


def head_bytes(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers)


class Connection(asyncio.Protocol):
    """One connection; httptools calls the methods that begin with `on_`.

    An answer that is complete cannot change any more, and any byte behind it ends the connection: whoever asked next
    would take it for a part of their own answer.
    """

    def __init__(self, pool: "Connections") -> None:
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[RawAnswer] | None = None
        self._answer = RawAnswer()
        self._parts: list[bytes] = []
        self._received = 0
        self._trailers = 0
        self._has_head = False
        self._is_complete = False
        self._without_body = False
        self.idle_since = 0.0
        self.deadline = 0.0
        """Of the answer it waits for, by the monotonic clock."""

    async def ask(self, message: bytes, seconds: float, *, without_body: bool) -> RawAnswer:
        """The answer to a request; `without_body` is the one to a HEAD.

        Raises `ConnectionLost`, `AnswerBroken` or `TimeoutError`; whatever it raises, the connection has ended.
        """
        if self._transport is None:
            raise ConnectionLost
        waiting: asyncio.Future[RawAnswer] = self._loop.create_future()
        self._waiting = waiting
        self._answer, self._parts, self._received, self._trailers = RawAnswer(), [], 0, 0
        self._has_head, self._is_complete, self._without_body = False, False, without_body
        self.deadline = time.monotonic() + seconds
        self._transport.write(message)
        try:
            return await waiting
        except BaseException:
            self.close()
            raise
        finally:
            self._waiting = None

    def give_up(self) -> None:
        """The time for the answer is over."""
        self._fail(TimeoutError())

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._pool.forget(self)
        self._fail(AnswerBroken("it ended early") if self._received else ConnectionLost())
        # Parser and connection hold each other, and with them the last answer: a collector that looks seldom would
        # keep thousands of them.
        del self._parser

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.close()  # no request is waiting
            return
        self._received += len(data)
        try:
            self._feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._break_off(str(error))
        if self._received > (MAX_ANSWER_BYTES if self._has_head else MAX_HEAD_BYTES):
            self._break_off("it is too large")

    def _feed(self, data: bytes) -> None:
        """The parser reports a byte behind the answer, unless it is a line break, which it skips.

        So data that ends in one goes to it in two pieces: an answer that was complete before the last byte has bytes
        behind it.
        """
        if not data.endswith(_LINE_END):
            self._parser.feed_data(data)
            return
        if len(data) > 1:
            self._parser.feed_data(data[:-1])
        if self._is_complete:
            self.close()
        else:
            self._parser.feed_data(data[-1:])

    def on_message_begin(self) -> None:
        if self._is_complete:
            raise _BytesBehindAnswer

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:
            self._answer.headers.append((name, value))
            return
        self._trailers += 1  # they end here: a client could take them for headers
        if self._trailers > MAX_HEADERS:
            self._break_off("it has too many trailers")

    def on_headers_complete(self) -> None:
        self._answer.status = status = self._parser.get_status_code()
        if len(self._answer.headers) > MAX_HEADERS:
            self._break_off("it has too many headers")
        elif self._received > MAX_HEAD_BYTES and head_bytes(self._answer.headers) > MAX_HEAD_BYTES:
            self._break_off("its head is too large")
        elif status == HTTPStatus.SWITCHING_PROTOCOLS:
            self._break_off("it changes the protocol")
        elif status >= HTTPStatus.OK:
            self._has_head = True
            if self._without_body:
                self._complete(reusable=False)  # its length announces a body that never comes

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        if self._has_head:
            self._complete(reusable=self._parser.should_keep_alive())
        else:
            self._answer = RawAnswer()  # it was an interim one (RFC 9110, section 15.2)

    def _complete(self, *, reusable: bool) -> None:
        self._is_complete = True
        if self._waiting is not None and not self._waiting.done():
            self._answer.body = b"".join(self._parts)
            self._waiting.set_result(self._answer)
        if not reusable:
            self.close()

    def _break_off(self, reason: str) -> None:
        self._fail(AnswerBroken(reason))
        self.close()

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


class Connections:
    """Those to the service at `origin`, which is `scheme://host[:port]`. How many there are, others decide."""

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        self.origin = origin
        self.host = parts.netloc
        self._address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._idle: deque[Connection] = deque()
        self._asked: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None

    async def ask(self, message: bytes, seconds: float, *, without_body: bool = False) -> RawAnswer:
        """The answer to the request that `message` is, within so many seconds.

        Raises `NotConnected`, `ConnectionLost`, `AnswerBroken` or `TimeoutError`.
        """
        connection = self._take()
        if connection is None:
            connection, seconds = await self._connect(seconds)
        self._asked.add(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(CHECK_INTERVAL, self._check)
        try:
            answer = await connection.ask(message, seconds, without_body=without_body)
        finally:
            self._asked.discard(connection)
        if connection.is_open:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        return answer

    async def open(self, protocol: Callable[[], Opened]) -> Opened:
        """A connection of any kind, which nobody else uses. Raises `OSError`."""
        host, port = self._address
        _, made = await asyncio.get_running_loop().create_connection(protocol, host, port, ssl=self._tls)
        return made

    def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        while self._idle:
            self._idle.pop().close()

    def forget(self, connection: Connection) -> None:
        """One that has ended."""
        if connection in self._idle:
            self._idle.remove(connection)

    def _take(self) -> Connection | None:
        """The one used last, which is the last to be too old."""
        oldest = time.monotonic() - IDLE_LIMIT
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.idle_since >= oldest:
                return connection
            connection.close()
        return None

    def _check(self) -> None:
        """One timer for all: one for each request would be a twentieth of its cost."""
        now = time.monotonic()
        for connection in [each for each in self._asked if each.deadline <= now]:
            connection.give_up()
        while self._idle and self._idle[0].idle_since <= now - IDLE_LIMIT:
            self._idle.popleft().close()
        is_used = self._asked or self._idle
        self._sweep = asyncio.get_running_loop().call_later(CHECK_INTERVAL, self._check) if is_used else None

    async def _connect(self, seconds: float) -> tuple[Connection, float]:
        """A new connection, and how many of the seconds are left."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(min(CONNECT_TIMEOUT, seconds)):
                connection = await self.open(lambda: Connection(self))
        except OSError as error:  # a TimeoutError is one
            raise NotConnected(str(error)) from None
        return connection, max(0.0, seconds - (time.monotonic() - began))
