"""An HTTP process: its outermost middleware, health, limits, and an orderly end (architecture, decision 8)."""

import asyncio
import json
import logging
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import uvloop
from aiohttp import web

from shared.errors import Overloaded
from shared.http.answers import Answer, api_error, failure
from shared.http.body import MAX_BODY_BYTES
from shared.observability import current_trace, trace_from

log = logging.getLogger(__name__)

KEEPALIVE_TIMEOUT = 75.0
"""Seconds an idle connection stays open; longer than any client of ours keeps it, so that none is cut in use."""
SHUTDOWN_TIMEOUT = 8.0
"""Seconds that running requests get to finish after SIGTERM; the whole process is gone after ten."""
BACKLOG = 1024
MAX_IN_FLIGHT = 1000

Check = Callable[[], Awaitable[bool]]
READINESS = web.AppKey("readiness", dict[str, Check])
"""What the process cannot work without."""
INFORMATION = web.AppKey("information", dict[str, Check])
"""What it can work without for a while: told beside readiness, and no reason to take the process away."""


@dataclass
class InFlight:
    """How many requests run now, and how many may."""

    limit: int
    count: int = 0


IN_FLIGHT = web.AppKey("in_flight", InFlight)


def create_app(*, max_in_flight: int = MAX_IN_FLIGHT) -> web.Application:
    """An application with the envelope, the trace, the bounds and the health routes every process has."""
    app = web.Application(middlewares=[edge], client_max_size=MAX_BODY_BYTES)
    app[IN_FLIGHT] = InFlight(max_in_flight)
    app[READINESS] = {}
    app[INFORMATION] = {}
    app.router.add_get("/health/live", _live)
    app.router.add_get("/health/ready", _ready)
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
        response = await handler(request)
    except Exception as error:
        response = failure(api_error(error)).response()
    finally:
        in_flight.count -= 1
    if not response.prepared:
        response.headers["X-Request-Id"] = trace.request_id
    return response


async def _live(_: web.Request) -> web.Response:
    return Answer('{"status": "live"}').response()


async def _ready(request: web.Request) -> web.Response:
    """503 while anything the process cannot work without is away; names which."""
    needed = request.app[READINESS]
    checks = needed | request.app[INFORMATION]
    outcomes = dict(zip(checks, await asyncio.gather(*(check() for check in checks.values())), strict=True))
    ready = all(outcomes[name] for name in needed)
    answer = {"status": "ready" if ready else "not ready", "checks": outcomes}
    return Answer(json.dumps(answer), 200 if ready else 503).response()


def run(app: web.Application, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT, then finishes what runs and returns."""
    uvloop.run(_serve(app, host, port))


async def _serve(app: web.Application, host: str, port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=KEEPALIVE_TIMEOUT,
        auto_decompress=False,
        shutdown_timeout=SHUTDOWN_TIMEOUT,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
        log.info("serving on http://%s:%s", host, port)
        await stopped.wait()
        log.info("stopping")
    finally:
        await runner.cleanup()
