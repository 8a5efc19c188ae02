"""The fast path: plain requests are answered straight from their connection, by a handler of the application's own.

aiohttp's way (parser, request object, task, middlewares, router, response object, writer) costs 250–400 µs a request;
this one 30–60. It does what `shared.http.server.app.edge` does there: gives the request its trace, bounds how many run,
and turns errors into answers.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from shared.errors import ApiError
from shared.http.responses import Answer, api_error, failure
from shared.http.server.in_flight import IN_FLIGHT
from shared.http.server.response_bytes import Written, written
from shared.http.server.simple_request import PlainRequest
from shared.observability import Trace, current_trace, trace_from

Handler = Callable[[PlainRequest, Trace], Awaitable[Answer | Written]]
FastPath = Callable[[PlainRequest], Handler | ApiError | None]
"""Who answers a plain request, or what it is refused with at once, which says the same each time: under overload most
of what arrives is refused, so that must cost next to nothing. None: it takes the ordinary way, where all else is
decided."""
FAST_PATH = web.AppKey[FastPath]("fast_path")


async def answer_plain(app: web.Application, handler: Handler, request: PlainRequest) -> Written:
    """The answer, whatever happens; `Written` already where the handler has passed one through.

    Whoever calls this has counted the request among those in flight; it ends here.
    """
    trace = trace_from(request.headers.get("X-Request-Id", ""), request.headers.get("traceparent", ""))
    current_trace.set(trace)
    try:
        answer = await handler(request, trace)
    except Exception as error:
        answer = failure(api_error(error))
    finally:
        app[IN_FLIGHT].count -= 1
    whole = answer if isinstance(answer, Written) else written(answer, trace.request_id)
    return Written(whole.head, b"") if request.without_body else whole
