"""An endpoint's answer, of which the status and `Retry-After` count; all else is read up to a bound, and dropped."""

import asyncio
from http import HTTPStatus
from typing import Final, cast

import httptools

MOST_HEAD_BYTES: Final = 32 * 1024
"""Of everything up to the end of the head, interim answers included."""
MOST_BODY_BYTES: Final = 16 * 1024
"""Of everything behind the head, chunk sizes and trailers included."""
_RETRY_AFTER: Final = b"retry-after"
_MOST_RETRY_AFTER: Final = 100


class AnswerInvalid(Exception):
    """It is not HTTP, or its head is too large."""


class ConnectionLost(Exception):
    """The endpoint closed the connection before its answer began."""


class Answer(asyncio.Protocol):
    """Writes `request` and reads one answer to it; httptools calls the methods that begin with `on_`.

    Nothing is decompressed, and no more is kept than is being parsed.
    """

    def __init__(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._request = request
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._head_bytes = 0
        self._body_bytes = 0
        self.head: asyncio.Future[int] = loop.create_future()
        """The status; raises `AnswerInvalid` or `ConnectionLost`."""
        self.ended: asyncio.Future[None] = loop.create_future()
        """Once the body has ended, or as much of it as is read."""
        self.retry_after: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(AnswerInvalid("it ended early") if self._head_bytes else ConnectionLost())
        self._end()
        del self._parser  # it and the protocol hold each other

    def data_received(self, data: bytes) -> None:
        if self.ended.done():
            return
        try:
            self._feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(AnswerInvalid(str(error)))
            self._end()

    def _feed(self, data: bytes) -> None:
        if self.head.done():
            self._body_bytes += len(data)
            self._parser.feed_data(data)
            if self._body_bytes >= MOST_BODY_BYTES:
                self._end()
            return
        room = MOST_HEAD_BYTES - self._head_bytes
        self._head_bytes += len(data)
        self._parser.feed_data(data[:room])
        if len(data) > room and not self.head.done():
            raise httptools.HttpParserError("the head is too large")

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == _RETRY_AFTER and len(value) <= _MOST_RETRY_AFTER:
            self.retry_after = value.decode("ascii", "replace")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= HTTPStatus.OK and not self.head.done():
            self.head.set_result(status)

    def on_message_complete(self) -> None:
        if self.head.done():
            self._end()

    def _fail(self, error: Exception) -> None:
        if not self.head.done():
            self.head.set_exception(error)
            self.head.exception()  # whoever stopped waiting need not see it

    def _end(self) -> None:
        """Nothing behind it is read: the transport's own buffer is the last bound."""
        if not self.ended.done():
            self.ended.set_result(None)
            if self._transport is not None:
                self._transport.abort()
