"""HTTP as it is spoken here: bounds on what a connection may bring, and refusals in the envelope of the contract.

What aiohttp's parser refuses never becomes a request, so no middleware sees it: it is answered here
(RFC 9112; contract, section 1).
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.http import HttpProcessingError, HttpVersion10, HttpVersion11, RawRequestMessage
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import _ErrInfo

from shared.errors import ApiError, BadRequest
from shared.http.answers import api_error, failure
from shared.http.door import Door
from shared.http.wire import Written
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


class Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ("_answering", "_door", "_ending", "_head_timer", "_held_back", "_newest_body", "_peer")

    def __init__(self, server: web.Server, loop: asyncio.AbstractEventLoop, ending: asyncio.Event, door: Door) -> None:
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
        self._door = door
        self._answering: asyncio.Task[None] | None = None
        self._held_back = b""
        self._peer = ""
        self._head_timer: asyncio.TimerHandle | None = None
        self._newest_body: StreamReader | None = None

    def data_received(self, data: bytes) -> None:
        if self._answering is not None:
            self._hold_back(data)
        elif not self._is_between_requests() or not self._is_answered_at_the_door(data):
            super().data_received(data)
            if self._messages:
                self._refuse_faulty_framing()
                self._notice_broken_body()
            self._bound_head()

    def _is_answered_at_the_door(self, data: bytes) -> bool:
        answer = self._door.answer(data, self._peer)
        if isinstance(answer, bytes):
            self._write(answer)
        elif answer is not None:
            self._answering = self._loop.create_task(self._answer(answer))
        return answer is not None

    async def _answer(self, answer: Awaitable[Written]) -> None:
        """Not cancelled when its client goes away: what has begun is finished, as it is on the ordinary way."""
        try:
            answered = await answer
            self._write(answered.message(last=self._ending.is_set()))
            if self._ending.is_set():
                self.force_close()
            elif self._paused:
                await self._drain_helper()
        except ConnectionError:
            log.info("a client went away before it had its answer")
        except Exception as error:
            log.error("a defect", exc_info=error)
            self.force_close()
        finally:
            self._answering = None
            self._next_keepalive_close_time = self._loop.time() + KEEPALIVE_TIMEOUT
            self._take_back()

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
        if self.transport is not None:
            self.transport.pause_reading()

    def _take_back(self) -> None:
        data, self._held_back = self._held_back, b""
        if data and self.transport is not None:
            self.transport.resume_reading()
            self.data_received(data)

    def _process_keepalive(self) -> None:
        if self._answering is not None:
            self._next_keepalive_close_time = self._loop.time() + KEEPALIVE_TIMEOUT
        super()._process_keepalive()

    async def shutdown(self, timeout: float | None = None) -> None:
        if self._answering is not None:
            await asyncio.wait({self._answering}, timeout=timeout)
        await super().shutdown(timeout)

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
        """Whether no request is under way: aiohttp waits for one, or has had none yet on this connection."""
        return self._request_count == 0 or (self._waiter is not None and not self._waiter.done())

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
