"""Where the metrics of a process are read: at an address of their own, which no client reaches."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from shared.metrics.registry import Metrics

PATH: Final = "/metrics"
SHUTDOWN_TIMEOUT: Final = 1.0


@asynccontextmanager
async def metrics_listening(metrics: Metrics, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
    """Answers `GET /metrics`, and gives the address; port 0 is any that is free."""

    async def read(_: web.Request) -> web.Response:
        return web.Response(body=await metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get(PATH, read)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][:2]
    finally:
        await runner.cleanup()
