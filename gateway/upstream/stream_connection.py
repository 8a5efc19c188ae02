"""A connection to a service for one stream: body and answer pass in pieces, and it is never used again.

Like `gateway.upstream.http_client` it follows, unpacks and repeats nothing. Nothing of an answer is taken for complete
that does not say where it ends: by its length, or by its last chunk.
"""

import asyncio
from collections import deque
from http import HTTPStatus
from typing import Final, cast

import httptools

from gateway.upstream.http_client import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    AnswerBroken,
    ConnectionLost,
    RawAnswer,
    head_bytes,
)
from shared.errors import UpstreamFailed
from shared.http.stream_slots import STALL_TIMEOUT

READ_BYTES: Final = 64 * 1024
"""At once, and as much may wait for its reader: past it the service is read no further."""
UNSENT_BYTES: Final = 64 * 1024
"""Of a body, beside its last piece: past it the client is read no further."""
_WITHOUT_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class StreamConnection(asyncio.Protocol):
    """httptools calls the methods that begin with `on_`. Iterated over, it gives the answer's body."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self.answering: asyncio.Future[RawAnswer] = self._loop.create_future()
        """Done once the head of the answer has come, or none will."""
        self._answer = RawAnswer()
        self._received = 0
        self._trailers = 0
        self._parts: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_complete = False
        self._failure: Exception | None = None
        self._news: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._is_paused = False
        self.length: int | None = None
        """Of the answer's body; None for one in chunks. Known with its head."""

    async def head(self, seconds: float) -> RawAnswer:
        """Status and headers; raises `ConnectionLost`, `AnswerBroken` or `TimeoutError`."""
        async with asyncio.timeout(seconds):
            return await asyncio.shield(self.answering)

    async def write(self, data: bytes) -> None:
        """Returns once there is room for more, or the answer has begun; raises `TimeoutError` if nothing moves."""
        if self._transport is None or self._transport.is_closing():
            return  # what became of it, the head says
        self._transport.write(data)
        if self._is_paused and not self.answering.done():
            self._room = self._loop.create_future()
            async with asyncio.timeout(STALL_TIMEOUT):
                await self._room

    def __aiter__(self) -> "StreamConnection":
        return self

    async def __anext__(self) -> bytes:
        """Raises `UpstreamFailed` when the answer ends early, or pauses for too long."""
        while not self._parts:
            if self._is_complete:
                raise StopAsyncIteration
            if self._failure is not None:
                raise UpstreamFailed
            await self._more()
        part = self._parts.popleft()
        self._waiting_bytes -= len(part)
        if self._waiting_bytes <= 0 and self._transport is not None and not self._is_complete:
            self._transport.resume_reading()
        return part

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def _more(self) -> None:
        self._news = self._loop.create_future()
        try:
            async with asyncio.timeout(STALL_TIMEOUT):
                await self._news
        except TimeoutError:
            self._fail(AnswerBroken("it pauses for too long"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=UNSENT_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(AnswerBroken("it ended early") if self._received else ConnectionLost())
        del self._parser  # they hold each other

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        _wake(self._room)

    def data_received(self, data: bytes) -> None:
        if self._is_complete or self._failure is not None:
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(AnswerBroken(str(error)))
        if not self.answering.done() and self._received > MAX_HEAD_BYTES:
            self._fail(AnswerBroken("its head is too large"))
        if self._waiting_bytes > READ_BYTES and self._transport is not None and not self._is_complete:
            self._transport.pause_reading()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.answering.done():
            self._answer.headers.append((name, value))
            return
        self._trailers += 1  # they end here: a client could take them for headers
        if self._trailers > MAX_HEADERS:
            self._fail(AnswerBroken("it has too many trailers"))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if len(self._answer.headers) > MAX_HEADERS:
            self._fail(AnswerBroken("it has too many headers"))
        elif head_bytes(self._answer.headers) > MAX_HEAD_BYTES:
            self._fail(AnswerBroken("its head is too large"))
        elif status == HTTPStatus.SWITCHING_PROTOCOLS:
            self._fail(AnswerBroken("it changes the protocol"))
        elif status >= HTTPStatus.OK:
            self._begin(status)

    def on_body(self, body: bytes) -> None:
        if self._failure is None:
            self._parts.append(body)
            self._waiting_bytes += len(body)
            _wake(self._news)

    def on_message_complete(self) -> None:
        """Bytes behind an answer are nobody's: its connection ends with it."""
        if self.answering.done() and self._failure is None:
            self._is_complete = True
            self.close()
            _wake(self._news)
        elif not self.answering.done():
            self._answer = RawAnswer()  # it was an interim one (RFC 9110, section 15.2)

    def on_message_begin(self) -> None:
        if self._is_complete:
            raise AnswerBroken("another one begins behind it")

    def _begin(self, status: int) -> None:
        self._answer.status = status
        if status in _WITHOUT_BODY:
            self.length = 0
        elif not self._is_framed():
            self._fail(AnswerBroken("nobody can say where it ends"))
            return
        if not self.answering.done():
            self.answering.set_result(self._answer)
            _wake(self._room)

    def _is_framed(self) -> bool:
        """RFC 9112, section 6.3, without bodies that end with their connection: anything may have ended it."""
        lengths = [value for name, value in self._answer.headers if name.lower() == b"content-length"]
        codings = [value.lower() for name, value in self._answer.headers if name.lower() == b"transfer-encoding"]
        if codings:
            return codings == [b"chunked"] and not lengths
        if len(lengths) != 1 or not lengths[0].isdigit():
            return False
        self.length = int(lengths[0])
        return True

    def _fail(self, error: Exception) -> None:
        if self._is_complete or self._failure is not None:
            return
        self._failure = error
        if not self.answering.done():
            self.answering.set_exception(error)
            self.answering.exception()  # whoever has stopped waiting need not know
        _wake(self._news)
        _wake(self._room)
        self.close()


def _wake(waiting: "asyncio.Future[None] | None") -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
