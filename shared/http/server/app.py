"""An HTTP process: its outermost middleware, health, limits, and an orderly end (architecture, principle 8)."""

import asyncio
import gc
import json
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import uvloop
from aiohttp import web

from shared import security_log
from shared.concurrency.tasks import background
from shared.http.body_budget import BODY_BUDGET, BodyBudget
from shared.http.models import MAX_BODY_BYTES
from shared.http.responses import Answer, Caching
from shared.http.server.listener import listening
from shared.http.server.memory_release import give_back_memory
from shared.http.server.request_log import SLOW, RequestLog
from shared.http.server.responder import RESPONDER, Responder
from shared.http.server.standard_path import outermost
from shared.http.streaming import ENDING
from shared.metrics.listener import metrics_listening
from shared.metrics.process import describe_process, measure_loop_lag
from shared.metrics.registry import METRICS, Metrics
from shared.metrics.requests import RequestDurations
from shared.metrics.traffic import LogLines, Refusals, watch_requests

log = logging.getLogger(__name__)

LAST_CALL = 1.0
SHUTDOWN_TIMEOUT = 6.0
"""Seconds after SIGTERM in which open connections are served on, and then for running requests to finish; the whole
process is gone after ten."""
MAX_IN_FLIGHT = 1000
NEW_OBJECTS = 20_000
"""Created between two runs of the garbage collector; of the largest kind they are a few megabytes."""

_LIVE, _READY = HEALTH_PATHS = ("/health/live", "/health/ready")

Check = Callable[[], Awaitable[bool]]
READINESS = web.AppKey("readiness", dict[str, Check])
"""What the process cannot work without."""
INFORMATION = web.AppKey("information", dict[str, Check])
"""What it can work without for a while: reported beside readiness, and no reason to take the process away."""


def create_app(
    *, max_in_flight: int = MAX_IN_FLIGHT, bodies: BodyBudget | None = None, slow_seconds: float = SLOW
) -> web.Application:
    """An application with the envelope, the trace, the bounds and the health routes every process has.

    Its `Responder` has no routes yet (`shared.http.routing.add_routes`). A request of `slow_seconds` has a line in the
    log.
    """
    app = web.Application(middlewares=[outermost], client_max_size=MAX_BODY_BYTES)
    app[BODY_BUDGET] = bodies or BodyBudget()
    app[ENDING] = asyncio.Event()
    app[READINESS] = {}
    app[INFORMATION] = {}
    app[METRICS] = Metrics()
    registry = app[METRICS].registry
    health: dict[str, Callable[[], Awaitable[Answer]]] = {_LIVE: _live, _READY: partial(_ready, app)}
    app[RESPONDER] = Responder(
        max_in_flight, health, RequestDurations(registry), Refusals(registry), RequestLog(slow_seconds)
    )
    watch_requests(registry, app[RESPONDER])
    app.on_response_prepare.append(_hide_server)
    app.on_cleanup.append(_flush_logs)
    app.cleanup_ctx.append(_memory)
    return app


def publish_metrics(app: web.Application, name: str, host: str, port: int | None) -> None:
    """Lets the process be read at an address of its own, if it has a port for that."""
    if port is not None:
        app.cleanup_ctx.append(partial(_metrics, name, host, port))


async def _metrics(name: str, host: str, port: int, app: web.Application) -> AsyncIterator[None]:
    metrics = app[METRICS]
    describe_process(metrics.registry, name)
    async with (
        _counted_lines(LogLines(metrics.registry)),
        metrics_listening(metrics, host, port) as address,
        background(measure_loop_lag(metrics.registry), name="loop lag"),
    ):
        log.info("metrics on http://%s:%s/metrics", *address)
        yield


@asynccontextmanager
async def _counted_lines(lines: LogLines) -> AsyncIterator[None]:
    logging.getLogger().addHandler(lines)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(lines)


async def _memory(app: web.Application) -> AsyncIterator[None]:
    async with background(give_back_memory(app[BODY_BUDGET]), name="memory"):
        yield


async def _hide_server(_: web.Request, response: web.StreamResponse) -> None:
    """Nobody outside needs to know what this is built with."""
    response.headers.popall("Server", None)


async def _flush_logs(app: web.Application) -> None:
    app[RESPONDER].request_log.flush()
    security_log.PROCESS_LOG.flush()


async def _live() -> Answer:
    return Answer('{"status": "live"}', caching=Caching.NOT_STORED)


async def _ready(app: web.Application) -> Answer:
    """503 while anything that the process cannot work without is unavailable; names which."""
    needed = app[READINESS]
    checks = needed | app[INFORMATION]
    outcomes = dict(zip(checks, await asyncio.gather(*(check() for check in checks.values())), strict=True))
    ready = all(outcomes[name] for name in needed)
    answer = {"status": "ready" if ready else "not ready", "checks": outcomes}
    return Answer(json.dumps(answer), 200 if ready else 503, caching=Caching.NOT_STORED)


def run(app: web.Application, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT, then finishes what runs and returns."""
    uvloop.run(_serve(app, host, port))


def _collect_rarely() -> None:
    """By default Python looks for cycles after every 700 new objects, and walks through all requests in flight each
    time: a seventh of what a request costs, for cycles that hardly any request leaves behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)


async def _serve(app: web.Application, host: str, port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    _collect_rarely()  # before anybody can connect: it takes as long as fifty requests
    async with listening(app, host, port, shutdown_timeout=SHUTDOWN_TIMEOUT, last_call=LAST_CALL) as address:
        log.info("serving on http://%s:%s", *address)
        await stopped.wait()
        log.info("stopping")
