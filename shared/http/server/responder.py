"""What becomes of a request, whichever parser read it: its trace, its bounds, its handler, and errors as answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import TypeAlias, cast

from aiohttp import web

from shared.errors import ApiError, NotFound, Overloaded
from shared.http.body import require_no_input
from shared.http.cors import Cors
from shared.http.errors import MethodNotAllowed
from shared.http.problem import prefers_problem
from shared.http.request import Request
from shared.http.responses import Answer, Caching, api_error, failure
from shared.http.server.request_log import RequestLog
from shared.http.server.response_bytes import ResponseBytes, http_date, serialize
from shared.http.server.response_stream import ResponseStream, response_stream
from shared.http.stream_slots import Slot, Streams
from shared.http.streaming import Streamed
from shared.metrics.requests import RequestDurations
from shared.metrics.traffic import Refusals
from shared.observability import current_trace
from shared.security_log import SecurityEvent, record
from shared.time_spent import Spent, current_spent
from shared.tracing.entrance import Entrance

Answering: TypeAlias = Awaitable[Answer | ResponseBytes | Streamed | ResponseStream]
Handler = Callable[[Request], Answering | ApiError]
"""Begins to answer a request. An error that it returns is a refusal that cost nothing: under overload most of what
arrives is refused."""
CountUnadmitted = Callable[[Request, str], Awaitable[None]]
"""Takes a request and the code of its refusal; raises `RateLimited`."""


def _not_found(_: Request) -> ApiError:
    return NotFound()


async def _health(request: Request, health: Callable[[], Awaitable[Answer]]) -> Answer:
    await require_no_input(request)
    return await health()


class Responder:
    """One for each application. `health` has the health routes, which are answered under any load."""

    def __init__(
        self,
        max_in_flight: int,
        health: Mapping[str, Callable[[], Awaitable[Answer]]],
        durations: RequestDurations | None = None,
        refusals: Refusals | None = None,
        request_log: RequestLog | None = None,
    ) -> None:
        self.max_in_flight = max_in_flight
        self._durations = durations or RequestDurations()
        self._refusals = refusals or Refusals()
        self.request_log = request_log or RequestLog()
        self.in_flight = 0
        self.entrance = Entrance()
        self._health = health
        self.handler: Handler = _not_found
        self.count_unadmitted: CountUnadmitted | None = None
        self.lines_by_caching: Mapping[Caching, bytes] = {}
        """Header lines that the application adds to its answers, by who may keep them."""
        self.cors: Cors | None = None
        self.streams = Streams()

    def begin(self, request: Request) -> Answering | ApiError:
        """Hands the request to its handler, if there is room for it and it has no fault."""
        path = request.target.path
        if self.in_flight >= self.max_in_flight and path not in self._health:
            return Overloaded()
        if request.fault is not None:
            return request.fault
        if self.cors is not None and self.cors.is_preflight(request):
            return self.cors.preflight()
        health = self._health.get(path)
        if health is None:
            return self.handler(request)
        request.route = path
        return _health(request, health) if request.method == "GET" else MethodNotAllowed(["GET"])

    def begin_stream(
        self, request: Request, organisation: int | None = None, user: str | None = None, service: str | None = None
    ) -> Slot:
        """To be called by the handler of what may be a stream, or takes as long as one: from now on it counts among
        those, and not among the requests in flight. Raises `Overloaded` or `TooManyStreams`."""
        carrier = asyncio.current_task() if request.stream is None else request.stream.transport
        request.slot = self.streams.take(organisation, user, service=service, carrier=carrier)
        self.in_flight -= 1
        return request.slot

    def respond(self, request: Request, begun: Answering | ApiError) -> Awaitable[ResponseBytes | ResponseStream]:
        """The answer, whatever happens. The request counts as in flight from now on, until it is answered."""
        self.in_flight += 1
        return self._respond(request, begun, perf_counter())

    async def _respond(
        self, request: Request, begun: Answering | ApiError, began: float
    ) -> ResponseBytes | ResponseStream:
        own = request.own
        request.trace = self.entrance.enter(own.request_id, own.traceparent, own.tracestates)
        current_trace.set(request.trace)
        spent, code = Spent(), None
        current_spent.set(spent)
        try:
            if isinstance(begun, ApiError):
                raise begun
            answer = await begun
            response = answer if isinstance(answer, ResponseBytes) else self._written(answer, request)
        except Exception as error:
            refusal = await self._refusal(request, api_error(error))
            code = refusal.code
            self._refusals.count(refusal.code, request.route)
            response = self._serialized(failure(refusal, as_problem=prefers_problem(request.headers)))
        except BaseException:
            if request.slot is not None:
                request.slot.close()
            raise
        finally:
            if request.slot is None:
                self.in_flight -= 1
            if request.reservation is not None:
                request.reservation.end()
        self._complete(response, request)
        seconds = perf_counter() - began
        self._durations.observe(request.route, request.method, response.status, seconds)
        self.entrance.leave(request.trace, own.traceparent, (request.method, request.route), response.status, began)
        if self.request_log.is_notable(response.status, seconds) and request.target.path not in self._health:
            self.request_log.write(request, response, code, seconds, spent)
        return response if request.slot is None else await self._in_slot(response, request.slot, request)

    async def _in_slot(
        self, response: ResponseBytes | ResponseStream, slot: Slot, request: Request
    ) -> ResponseBytes | ResponseStream:
        """A stream keeps its slot until it ends."""
        if isinstance(response, ResponseStream):
            response.slot = slot
            if not request.is_head:
                return response
            await response.close()
            return response.without_body()
        slot.close()
        return response

    async def refuse_malformed(self, request: Request, error: ApiError) -> ResponseBytes:
        """The answer to what is not HTTP as it is spoken here."""
        if self.count_unadmitted is None:
            record(SecurityEvent.REQUEST_REFUSED, reason=error.code, address=request.peer)
        return cast(ResponseBytes, await self.respond(request, error))

    def count_refused_at_once(self, request: Request, error: ApiError) -> None:
        """For what is refused in no time, beside `respond`."""
        self._refusals.count(error.code, request.route)
        self._durations.observe(request.route, request.method, error.status, 0.0)
        self.request_log.leave_out(error.code)

    def refusal(self, error: ApiError, request_id: str, more: str = "", *, as_problem: bool) -> ResponseBytes:
        """An answer that needs nothing of its request but the id, `more` header lines, and the form that it prefers."""
        response = self._serialized(failure(error, as_problem=as_problem))
        response.lines += _lines_of_every_answer(request_id, more)
        return response

    def _written(self, answer: Answer | Streamed | ResponseStream, request: Request) -> ResponseBytes | ResponseStream:
        if isinstance(answer, Answer):
            return self._serialized(answer)
        if request.slot is None:
            raise TypeError("Only a route that is declared as streamed may answer with a stream.")
        if isinstance(answer, ResponseStream):
            return answer
        stream = response_stream(answer)
        stream.lines += self.lines_by_caching.get(answer.caching, b"")
        return stream

    def _serialized(self, answer: Answer) -> ResponseBytes:
        response = serialize(answer)
        response.lines += self.lines_by_caching.get(answer.caching, b"")
        return response

    def _complete(self, response: ResponseBytes | ResponseStream, request: Request) -> None:
        more = request.answer_lines if self.cors is None else request.answer_lines + self.cors.lines(request)
        response.lines += _lines_of_every_answer(request.trace.request_id, more)
        if request.is_head and isinstance(response, ResponseBytes):
            response.body = b""

    async def _refusal(self, request: Request, error: ApiError) -> ApiError:
        """What the request is refused with: this error, or another if its address has sent too many."""
        if self.count_unadmitted is not None and _is_unadmitted(request, error):
            try:
                await self.count_unadmitted(request, error.code)
            except ApiError as limited:
                return limited
        return error


def _is_unadmitted(request: Request, error: ApiError) -> bool:
    """Whether it is refused before anybody knows whose it is, and not counted yet. A refusal for lack of room must stay
    cheap, and one by a limit is counted already."""
    return not request.is_counted and ((error.status < 500 and error.status != 429) or error.status == 501)


def _lines_of_every_answer(request_id: str, more: str = "") -> bytes:
    return f"Date: {http_date()}\r\nX-Request-Id: {request_id}\r\n{more}".encode()


RESPONDER = web.AppKey("responder", Responder)
