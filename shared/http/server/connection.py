"""HTTP as it is spoken here: bounds on what a connection may bring, and refusals in the envelope of the contract.

What aiohttp's parser refuses never becomes a request, so no middleware sees it: it is answered here
(RFC 9112; contract, section 1).

Private parts of aiohttp's `RequestHandler` may change with any version. They are used in this module alone, and
tests/unit/shared/test_aiohttp_private_parts.py lists them; pyproject.toml lets in no version that was not tried.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError, HttpVersion11, RawRequestMessage
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import _ErrInfo

from shared.errors import ApiError, BadRequest, Unavailable
from shared.http.errors import HeadersTooLarge, UriTooLong
from shared.http.problem import prefers_problem
from shared.http.request import from_aiohttp
from shared.http.responses import api_error
from shared.http.server.fast_dispatch import FastDispatcher
from shared.http.server.framing import MAX_HEAD_BYTES, Incoming, in_origin_form, is_framed_well
from shared.http.server.outlet import Outlet
from shared.http.server.responder import Responder
from shared.http.server.response_bytes import ResponseBytes
from shared.http.server.response_stream import ResponseStream
from shared.http.server.standard_path import StreamedResponse, aiohttp_response
from shared.observability import current_trace, trace_from

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
UNREAD_BYTES = 8 * 1024
"""Of a body without a reader: past twice as many the connection is read no further."""
QUEUED_REQUESTS = 2
"""Behind the one that is answered; past them the connection is read no further, and at most one read came before."""


class TargetTooLong(BadHttpMessage):
    pass


class HeadTooLarge(BadHttpMessage):
    pass


class Protocol(web.RequestHandler):
    """One connection."""

    def __init__(
        self,
        server: web.Server,
        loop: asyncio.AbstractEventLoop,
        ending: asyncio.Event,
        dispatcher: FastDispatcher,
        responder: Responder,
    ) -> None:
        options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "keepalive_timeout": KEEPALIVE_TIMEOUT,
            "lingering_time": LINGER,
            "max_line_size": MAX_LINE_BYTES,
            "max_field_size": MAX_LINE_BYTES,
            "max_headers": MAX_HEADERS,
            "read_bufsize": UNREAD_BYTES,
        }
        super().__init__(server, loop=loop, **options)
        self._ending = ending
        self._dispatcher = dispatcher
        self._responder = responder
        self._answering: asyncio.Task[None] | None = None
        self._outlet: Outlet | None = None
        self._held_back = b""
        self._peer = ""
        self._head_timer: asyncio.TimerHandle | None = None
        self._max_msg_queue_size, self._msg_queue_resume_size = QUEUED_REQUESTS, 0
        self._incoming = Incoming()
        self._is_deaf = False

    def data_received(self, data: bytes) -> None:
        if self._answering is not None:
            self._hold_back(data)
        elif self._is_deaf:
            return
        elif not self._is_between_requests() or not self._is_dispatched(data):
            self._parse(data)
            self._bound_head()

    def _parse(self, data: bytes) -> None:
        """Gives the parser one part of one message after the other, and keeps what there is no room for."""
        if not data:
            self._parse_piece(b"")  # goes on with what the parser itself has kept
        data, self._held_back = self._held_back + data, b""
        while data and not self._is_deaf:
            if self._reading_paused or len(self._messages) >= QUEUED_REQUESTS:
                self._held_back = data
                return
            piece, data = self._incoming.next_piece(data)
            self._parse_piece(piece)

    def _parse_piece(self, piece: bytes) -> None:
        known, body = len(self._messages), self._incoming.unfinished_body
        super().data_received(piece)
        if self._upgraded:
            self._decline_upgrade()
        if len(self._messages) == known:
            self._incoming.has_continued(piece, body)
            self._bound_parts()
        for position in range(known, len(self._messages)):
            refusal = self._taken(position, piece)
            if refusal is not None:
                self._refuse_from(position, refusal)
                return

    def _decline_upgrade(self) -> None:
        """Declines every upgrade: what follows is HTTP, and is parsed like the rest."""
        self._upgraded = False
        self._held_back, self._message_tail = self._message_tail + self._held_back, b""
        if self._parser is not None:
            self._parser.set_upgraded(False)

    def _taken(self, position: int, piece: bytes) -> BaseException | None:
        """Why this message is refused, if it is."""
        message, payload = self._messages[position]
        if not isinstance(message, RawRequestMessage):
            return self._named(message.exc, piece)
        if not is_framed_well(message):
            return BadHttpMessage("framing")
        self._messages[position] = in_origin_form(message), payload
        self._incoming.has_begun(message, payload, piece)
        return None

    def _named(self, error: BaseException, piece: bytes) -> BaseException:
        """The parser has one name for all that is too long."""
        if isinstance(error, LineTooLong) and self._incoming.line_bytes_with(piece) > MAX_LINE_BYTES:
            return TargetTooLong("target")
        return error

    def _bound_parts(self) -> None:
        """Bounds what no limit of the parser's covers: all of a head, and what chunks cost beside their data."""
        if self._incoming.head_bytes > MAX_HEAD_BYTES:
            self._refuse_from(len(self._messages), HeadTooLarge("head"))
        elif not self._reading_paused and self._incoming.has_too_much_overhead():
            self._refuse_from(len(self._messages), BadHttpMessage("chunks"))

    def _refuse_from(self, position: int, error: BaseException) -> None:
        """Queues a refusal behind the valid requests, and reads no further: nobody can say where the next one begins.

        Bytes that are no body end the request whose body they should be: it, and nothing else, is refused.
        """
        while len(self._messages) > position:
            self._messages.pop()
        self._is_deaf = True
        body = self._incoming.unfinished_body
        if body is not None:
            body.set_exception(web.RequestPayloadError("The body is malformed."))
            return
        self._messages.append((_ErrInfo(400, error, ""), EMPTY_PAYLOAD))
        self._request_count += 1
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _is_dispatched(self, data: bytes) -> bool:
        answer = self._dispatcher.dispatch(data, self._peer)
        if isinstance(answer, bytes):
            self._write(answer)
        elif answer is not None:
            self._answering = self._loop.create_task(self._answer(answer))
        return answer is not None

    async def _answer(self, answer: Awaitable[ResponseBytes | ResponseStream]) -> None:
        """Not cancelled when its client goes away: what has begun is finished, as on the standard path."""
        try:
            answered = await answer
            if isinstance(answered, ResponseStream):
                await self._send(answered, in_chunks=True, last=self._ending.is_set())
            else:
                await self._write_pieces(answered)
            if self._ending.is_set():
                self.force_close()
            elif self._paused:
                await self._drain_helper()
        except ConnectionError:
            log.info("client disconnected before its response was sent")
        except Exception as error:
            log.error("unhandled exception", exc_info=error)
            self.force_close()
        finally:
            self._answering = None
            self._next_keepalive_close_time = self._loop.time() + KEEPALIVE_TIMEOUT
            self._take_back()

    async def _write_pieces(self, answer: ResponseBytes) -> None:
        for piece in answer.pieces(last=self._ending.is_set()):
            if self._paused:
                await self._drain_helper()
            self._write(piece)

    async def _send(self, stream: ResponseStream, *, in_chunks: bool, last: bool) -> None:
        """Raises `ConnectionError` for a stream that ended in the middle; its connection is reset then."""
        try:
            if self.transport is None:
                raise ConnectionError("The client went away.")
            self._outlet = Outlet(self.transport)
            await self._outlet.send(stream, in_chunks=in_chunks, last=last)
        finally:
            self._outlet = None
            await stream.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""

    def _write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def _hold_back(self, data: bytes) -> None:
        """What comes behind a request waits for its answer, and the client with more of it."""
        self._held_back += data
        self._pause_transport_reading()

    def _take_back(self) -> None:
        data, self._held_back = self._held_back, b""
        if data and self.transport is not None:
            self._resume_transport_reading()
            self.data_received(data)

    def pause_writing(self) -> None:
        """A client that does not read its answers is asked nothing more: what is unsent stays bounded."""
        super().pause_writing()
        self._pause_transport_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._outlet is not None:
            self._outlet.has_moved()
        if not (self._held_back or self._reading_paused or self._buffer_paused):
            self._resume_transport_reading()

    def _resume_transport_reading(self) -> None:
        if not self._paused:
            super()._resume_transport_reading()

    def _process_keepalive(self) -> None:
        if self._answering is not None:
            self._next_keepalive_close_time = self._loop.time() + KEEPALIVE_TIMEOUT
        super()._process_keepalive()

    async def shutdown(self, timeout: float | None = None) -> None:
        if self._answering is not None:
            await asyncio.wait({self._answering}, timeout=timeout)
        elif self._outlet is not None:
            await self._outlet.ended(timeout)
        if self._outlet is not None:
            self._outlet.cut()
        await super().shutdown(timeout)

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
        """Whether no request is under way: aiohttp waits for one, or has had none yet on this connection."""
        return self._request_count == 0 or (self._waiter is not None and not self._waiter.done())

    def _is_between_requests(self) -> bool:
        return self._is_idle() and not self._messages and self._head_timer is None and not self._ending.is_set()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._responder.streams.lost(self._answering or self.transport)
        super().connection_lost(exc)
        if self._outlet is not None:
            self._outlet.cut()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Answers, and says so when the connection ends with it."""
        if isinstance(resp, web.HTTPException):  # an expectation (RFC 9110, section 10.1.1) that aiohttp refuses
            resp = _unnamed(self._refusal(request, api_error(resp)))
        is_last = self._is_deaf and not self._messages
        if is_last or self._close or self._ending.is_set() or resp.headers.get("Connection") == "close":
            resp.force_close()
        if request.content.exception() is not None:
            request.content.feed_eof()  # not before: an ended body without bytes would pass for none
        if isinstance(resp, StreamedResponse):
            return await self._finish_stream(request, resp)
        return await super().finish_response(request, resp, start_time)

    async def _finish_stream(self, request: web.BaseRequest, resp: StreamedResponse) -> tuple[web.StreamResponse, bool]:
        """An HTTP/1.0 client knows of no chunks: the end of its connection is that of the answer."""
        try:
            await self._send(resp.stream, in_chunks=request.version >= HttpVersion11, last=True)
        except ConnectionError:
            return resp, True
        return resp, False

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A client that ends a body early which is no longer read is no defect; aiohttp closes the connection."""
        if isinstance(kw.get("exc_info"), web.RequestPayloadError):
            log.info("request body ended early, after the response was sent")
        else:
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a defect outside of every middleware, and to what is no request; the connection ends."""
        if request.writer.output_size > 0:
            raise ConnectionError("A part of the answer is sent already.")
        if isinstance(exc, HttpProcessingError):
            return _last(self._refusal(request, _refused_as(exc)))
        return _last(self._refusal(request, api_error(exc) if isinstance(exc, Exception) else Unavailable()))

    def _make_error_handler(self, err_info: _ErrInfo) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        """Answers what is no request, once it is counted."""

        async def refuse(request: web.BaseRequest) -> web.StreamResponse:
            return _last(await self._responder.refuse_malformed(from_aiohttp(request), _refused_as(err_info.exc)))

        return refuse

    def _refusal(self, request: web.BaseRequest, error: ApiError) -> ResponseBytes:
        """Beside every middleware: the request id is made here."""
        headers = request.headers
        trace = trace_from("", "")
        current_trace.set(trace)
        return self._responder.refusal(error, trace.request_id, as_problem=bool(headers) and prefers_problem(headers))


def _refused_as(error: BaseException) -> ApiError:
    if isinstance(error, TargetTooLong):
        return UriTooLong(f"The request target is longer than {MAX_LINE_BYTES} bytes.")
    if isinstance(error, LineTooLong):
        return HeadersTooLarge(f"A header is longer than {MAX_LINE_BYTES} bytes.")
    if isinstance(error, HeadTooLarge):
        return HeadersTooLarge(f"The request's head is longer than {MAX_HEAD_BYTES} bytes.")
    if isinstance(error, BadHttpMessage) and error.message == "Too many headers received":
        return HeadersTooLarge(f"The request has more than {MAX_HEADERS} headers.")
    return BadRequest("The request is not valid HTTP/1.1 (RFC 9112).")


def _last(answer: ResponseBytes) -> web.Response:
    response = _unnamed(answer)
    response.force_close()
    return response


def _unnamed(answer: ResponseBytes) -> web.Response:
    """Beside every middleware, where aiohttp would name itself."""
    response = aiohttp_response(answer)
    response.headers["Server"] = "muster"
    return response
