"""An HTTP process: its outermost middleware, health, limits, and an orderly end (architecture, principle 8)."""

import asyncio
import gc
import json
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import uvloop
from aiohttp import web

from shared import security_log
from shared.concurrency.tasks import background
from shared.errors import ApiError, MethodNotImplemented, Overloaded
from shared.http.body_budget import BODY_BUDGET, BodyBudget, end_reservation
from shared.http.models import MAX_BODY_BYTES
from shared.http.request_target import check_address
from shared.http.responses import Answer, Caching, api_error, failure
from shared.http.server.framing import METHODS
from shared.http.server.in_flight import IN_FLIGHT, InFlight
from shared.http.server.listener import listening
from shared.http.server.memory_release import give_back_memory
from shared.http.server.unadmitted import COUNT_UNADMITTED, is_unadmitted, refused_unadmitted
from shared.observability import current_trace, trace_from

log = logging.getLogger(__name__)

LAST_CALL = 1.0
SHUTDOWN_TIMEOUT = 6.0
"""Seconds after SIGTERM in which open connections are served on, and then for running requests to finish; the whole
process is gone after ten."""
MAX_IN_FLIGHT = 1000
NEW_OBJECTS = 20_000
"""Between two looks of the garbage collector; of the largest kind they are a few megabytes."""

_LIVE, _READY = HEALTH_PATHS = ("/health/live", "/health/ready")

Check = Callable[[], Awaitable[bool]]
READINESS = web.AppKey("readiness", dict[str, Check])
"""What the process cannot work without."""
INFORMATION = web.AppKey("information", dict[str, Check])
"""What it can work without for a while: told beside readiness, and no reason to take the process away."""


def create_app(*, max_in_flight: int = MAX_IN_FLIGHT, bodies: BodyBudget | None = None) -> web.Application:
    """An application with the envelope, the trace, the bounds and the health routes every process has."""
    app = web.Application(middlewares=[edge], client_max_size=MAX_BODY_BYTES)
    app[IN_FLIGHT] = InFlight(max_in_flight)
    app[BODY_BUDGET] = bodies or BodyBudget()
    app[READINESS] = {}
    app[INFORMATION] = {}
    app.on_response_prepare.append(_hide_server)
    app.on_cleanup.append(_tell_suppressed_lines)
    app.cleanup_ctx.append(_memory)
    app.router.add_get(_LIVE, _live)
    app.router.add_get(_READY, _ready)
    return app


@web.middleware
async def edge(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Outermost: gives the request its trace, bounds how many run, and turns errors into answers."""
    trace = trace_from(request.headers.get("X-Request-Id", ""), request.headers.get("traceparent", ""))
    current_trace.set(trace)
    in_flight = request.app[IN_FLIGHT]
    in_flight.count += 1
    try:
        if in_flight.count > in_flight.limit and not request.path.startswith("/health/"):
            raise Overloaded
        if request.method not in METHODS:
            raise MethodNotImplemented
        check_address(request.raw_path, request.headers.getall("Host", []))
        response = await handler(request)
    except Exception as error:
        response = failure(await _refusal(request, api_error(error))).response()
    finally:
        in_flight.count -= 1
        end_reservation(request)
    if not response.prepared:
        response.headers["X-Request-Id"] = trace.request_id
    return response


async def _memory(app: web.Application) -> AsyncIterator[None]:
    async with background(give_back_memory(app[BODY_BUDGET]), name="memory"):
        yield


async def _refusal(request: web.Request, error: ApiError) -> ApiError:
    if COUNT_UNADMITTED in request.app and is_unadmitted(request, error):
        return await refused_unadmitted(request.app, error, request)
    return error


async def _hide_server(_: web.Request, response: web.StreamResponse) -> None:
    """Nobody outside needs to know what this is built with."""
    response.headers.popall("Server", None)


async def _tell_suppressed_lines(_: web.Application) -> None:
    security_log.PROCESS_LOG.flush()


async def _live(_: web.Request) -> web.Response:
    return Answer('{"status": "live"}', caching=Caching.NOT_STORED).response()


async def _ready(request: web.Request) -> web.Response:
    """503 while anything the process cannot work without is away; names which."""
    needed = request.app[READINESS]
    checks = needed | request.app[INFORMATION]
    outcomes = dict(zip(checks, await asyncio.gather(*(check() for check in checks.values())), strict=True))
    ready = all(outcomes[name] for name in needed)
    answer = {"status": "ready" if ready else "not ready", "checks": outcomes}
    return Answer(json.dumps(answer), 200 if ready else 503, caching=Caching.NOT_STORED).response()


def run(app: web.Application, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT, then finishes what runs and returns."""
    uvloop.run(_serve(app, host, port))


def _collect_seldom() -> None:
    """Python looks for cycles after every 700 new objects, and walks through all requests in flight each time: a
    seventh of what a request costs, for cycles that hardly any request leaves behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)


async def _serve(app: web.Application, host: str, port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    _collect_seldom()  # before anybody can connect: it takes as long as fifty requests
    async with listening(app, host, port, shutdown_timeout=SHUTDOWN_TIMEOUT, last_call=LAST_CALL) as address:
        log.info("serving on http://%s:%s", *address)
        await stopped.wait()
        log.info("stopping")
