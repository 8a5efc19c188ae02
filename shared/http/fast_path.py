"""The fast path: plain requests are answered straight from their connection, by a handler of the application's own.

aiohttp's way (parser, request object, task, middlewares, router, response object, writer) costs 250–400 µs a request;
this one 30–60. It does what `shared.http.server.edge` does there: gives the request its trace, bounds how many run,
and turns errors into answers.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from shared.errors import Overloaded
from shared.http.answers import Answer, api_error, failure
from shared.http.in_flight import IN_FLIGHT
from shared.http.plain import PlainRequest
from shared.http.wire import Written, written
from shared.observability import Trace, current_trace, trace_from

Handler = Callable[[PlainRequest, Trace], Awaitable[Answer | Written]]
FastPath = Callable[[PlainRequest], Handler | None]
"""Who answers a plain request; None: it takes the ordinary way, where all else is decided."""
FAST_PATH = web.AppKey[FastPath]("fast_path")


async def answer_plain(app: web.Application, handler: Handler, request: PlainRequest) -> Written:
    """The answer, whatever happens; `Written` already where the handler has passed one through."""
    trace = trace_from(request.headers.get("X-Request-Id", ""), request.headers.get("traceparent", ""))
    current_trace.set(trace)
    in_flight = app[IN_FLIGHT]
    in_flight.count += 1
    try:
        if in_flight.count > in_flight.limit:
            raise Overloaded
        answer = await handler(request, trace)
    except Exception as error:
        answer = failure(api_error(error))
    finally:
        in_flight.count -= 1
    return answer if isinstance(answer, Written) else written(answer, trace.request_id)
