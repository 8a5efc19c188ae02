"""HTTP as it is spoken here: bounds on what a connection may bring, and refusals in the envelope of the contract.

What aiohttp's parser refuses never becomes a request, so no middleware sees it: it is answered here
(RFC 9112; contract, section 1).
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import StreamReader, web
from aiohttp.http import HttpProcessingError, HttpVersion10, HttpVersion11, RawRequestMessage
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import _ErrInfo

from shared.errors import ApiError, BadRequest
from shared.http.answers import api_error, failure
from shared.observability import current_trace, new_uuid, trace_from

log = logging.getLogger(__name__)

MAX_LINE_BYTES = 8190
"""Of a request's target; of one header, name and value together, as well."""
MAX_HEADERS = 64
HEAD_TIMEOUT = 10.0
"""Seconds from the first byte of a request to the end of its headers; without it a dripped one holds its connection."""
LINGER = 2.0
"""Seconds a client that was refused gets to send the rest of its body: cut at once, it may never see the answer."""
KEEPALIVE_TIMEOUT = 75.0
"""Seconds an idle connection stays open; longer than any client of ours keeps it, so that none is cut in use."""
BACKLOG = 1024
LAST_CALL_POLL = 0.02

Doorkeeper = Callable[[bytes], ApiError | None]
"""Looks at the beginning of a request before it is parsed, which is most of the work that a refusal costs.

What it refuses with says the same each time.
"""
DOORKEEPER = web.AppKey[Doorkeeper]("doorkeeper")


@asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, *, shutdown_timeout: float, last_call: float = 0.0
) -> AsyncIterator[tuple[str, int]]:
    """Serves the application, and gives the address.

    At the end nobody new is let in. For `last_call` seconds open connections are served on, each answer being the
    last of its connection, so that nobody sends a request into a connection that is just being closed. Then
    running requests get `shutdown_timeout` seconds.
    """
    runner = web.AppRunner(app, shutdown_timeout=shutdown_timeout)
    await runner.setup()
    try:
        server, loop, ending = cast(web.Server, runner.server), asyncio.get_running_loop(), asyncio.Event()
        door = app.get(DOORKEEPER)

        def connection() -> Protocol:
            return Protocol(server, loop, ending, door)

        listener = await loop.create_server(connection, host, port, backlog=BACKLOG)
        door_socket = listener.sockets[0]
        try:
            yield door_socket.getsockname()[:2]
        finally:
            with socket.socket(fileno=os.dup(door_socket.fileno())) as still_open:
                listener.close()
                await _take_in_the_last(still_open, connection)
            ending.set()
            await _connections_end(server, last_call)
    finally:
        await runner.cleanup()


async def _take_in_the_last(listener: socket.socket, connection: Callable[[], "Protocol"]) -> None:
    """The kernel has taken connections that nobody has accepted yet; closing the listener would reset them."""
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


class Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ("_doorkeeper", "_ending", "_head_timer", "_newest_body")

    def __init__(
        self,
        server: web.Server,
        loop: asyncio.AbstractEventLoop,
        ending: asyncio.Event,
        doorkeeper: Doorkeeper | None,
    ) -> None:
        options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "keepalive_timeout": KEEPALIVE_TIMEOUT,
            "lingering_time": LINGER,
            "max_line_size": MAX_LINE_BYTES,
            "max_field_size": MAX_LINE_BYTES,
            "max_headers": MAX_HEADERS,
        }
        super().__init__(server, loop=loop, **options)
        self._ending = ending
        self._doorkeeper = doorkeeper
        self._head_timer: asyncio.TimerHandle | None = None
        self._newest_body: StreamReader | None = None

    def data_received(self, data: bytes) -> None:
        if self._doorkeeper is not None and self._is_between_requests() and _is_one_read(data):
            refusal = self._doorkeeper(data)
            if refusal is not None and self.transport is not None:
                self.transport.write(_written(refusal))
                return
        super().data_received(data)
        if self._messages:
            self._refuse_faulty_framing()
            self._notice_broken_body()
        self._bound_head()

    def _refuse_faulty_framing(self) -> None:
        """Puts the parser's own refusal in the place of what it lets pass, and drops what came behind."""
        for position, (message, _) in enumerate(self._messages):
            if isinstance(message, RawRequestMessage) and not _is_framed_well(message):
                refusal = _ErrInfo(400, BadHttpMessage("framing"), "")
                while len(self._messages) > position:
                    self._messages.pop()
                self._messages.append((refusal, EMPTY_PAYLOAD))
                return

    def _notice_broken_body(self) -> None:
        """Bytes that are no body end the request whose body they should be: it, and nothing else, is refused."""
        message, payload = self._messages[-1]
        if isinstance(message, RawRequestMessage):
            self._newest_body = payload
            return
        body = self._messages[-2][1] if len(self._messages) > 1 else self._newest_body
        if body is not None and not body.is_eof():
            self._messages.pop()
            body.set_exception(web.RequestPayloadError("The body is malformed."))
            self.close()

    def _bound_head(self) -> None:
        """Runs a timer while a part of a request's head, and nothing else, has arrived."""
        waiting = self._is_idle() and not self._messages
        if waiting and self._head_timer is None:
            self._head_timer = self._loop.call_later(HEAD_TIMEOUT, self._give_up_head)
        elif not waiting and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up_head(self) -> None:
        self._head_timer = None
        if self._is_idle():
            self.force_close()

    def _is_idle(self) -> bool:
        return self._waiter is not None and not self._waiter.done()

    def _is_between_requests(self) -> bool:
        return self._is_idle() and not self._messages and self._head_timer is None and not self._ending.is_set()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Answers, and says so when the connection ends with it."""
        if isinstance(resp, web.HTTPException):  # an expectation that nobody meets, which aiohttp refuses by itself
            resp = _refusal(api_error(resp))
        if self._close or self._ending.is_set() or resp.headers.get("Connection") == "close":
            resp.force_close()
        if request.content.exception() is not None:
            request.content.feed_eof()  # not before: an ended body without bytes would pass for none
        return await super().finish_response(request, resp, start_time)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A client that breaks off a body nobody reads any more is no defect; aiohttp closes the connection."""
        if isinstance(kw.get("exc_info"), web.RequestPayloadError):
            log.info("a body broke off behind the answer to its request")
        else:
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no request, and to a defect outside of every middleware; the connection ends."""
        if request.writer.output_size > 0:
            raise ConnectionError("A part of the answer is sent already.")
        if isinstance(exc, HttpProcessingError):
            log.info("not HTTP: %s from %s", type(exc).__name__, request.remote)
            response = _refusal(_bad_request(exc))
        else:
            response = _refusal(api_error(exc if isinstance(exc, Exception) else TimeoutError()))
        response.force_close()
        return response


def _is_one_read(data: bytes) -> bool:
    """Whether it is one whole GET without a body, so that the next byte begins another request."""
    if not data.startswith(b"GET ") or data.find(b"\r\n\r\n") != len(data) - 4:
        return False
    head = data.lower()
    return b"\ncontent-length" not in head and b"\ntransfer-encoding" not in head and b"\nconnection" not in head


def _written(refusal: ApiError) -> bytes:
    """The answer as it goes over the wire; the connection stays."""
    kind = type(refusal)
    if kind not in _WRITTEN_ONCE:
        _WRITTEN_ONCE[kind] = _around_request_id(refusal)
    head, body = _WRITTEN_ONCE[kind]
    return head + str(new_uuid()).encode() + body


_WRITTEN_ONCE: Final[dict[type[ApiError], tuple[bytes, bytes]]] = {}
"""What stands before the request id and behind it: the same each time."""


def _around_request_id(refusal: ApiError) -> tuple[bytes, bytes]:
    answer = failure(refusal)
    body = answer.text.encode()
    head = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        "Content-Type: application/json; charset=utf-8",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        "X-Request-Id: ",
    ]
    return "\r\n".join(head).encode(), b"\r\n\r\n" + body


def _is_framed_well(message: RawRequestMessage) -> bool:
    """Whether its version is one spoken here, and any other server would find the same end of it.

    RFC 9112, section 6.1: a coding that is not understood, or HTTP/1.0 with one, makes the framing faulty. CONNECT
    is no request at all to a server that is no proxy, and what follows it need not be HTTP.
    """
    if message.method == "CONNECT":
        return False
    coding = message.headers.get("Transfer-Encoding")
    if coding is None:
        return message.version in (HttpVersion10, HttpVersion11)
    return message.version == HttpVersion11 and coding.lower() == "chunked"


def _bad_request(error: HttpProcessingError) -> BadRequest:
    if isinstance(error, LineTooLong):
        return BadRequest(f"The request's target or one of its headers is longer than {MAX_LINE_BYTES} bytes.")
    return BadRequest("The request is not HTTP as RFC 9112 has it.")


def _refusal(error: ApiError) -> web.Response:
    """Beside every middleware: the request id is made here, and aiohttp is not named."""
    trace = trace_from("", "")
    current_trace.set(trace)
    response = failure(error).response()
    response.headers["X-Request-Id"] = trace.request_id
    response.headers["Server"] = "muster"
    return response
