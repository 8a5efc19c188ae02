"""What every process measures of itself."""

import asyncio
import platform
import time
from typing import Final

from prometheus_client import GC_COLLECTOR, CollectorRegistry, Histogram, Info, ProcessCollector

from shared.metrics.version import VERSION

LAG_INTERVAL: Final = 0.5
"""Seconds between two measurements."""
_LAG_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


def describe_process(registry: CollectorRegistry, name: str) -> None:
    """Its build, its start, its memory, its processor time, its open files."""
    build = Info("muster_build", "What runs here.", registry=registry)
    build.info({"process": name, "version": VERSION, "python": platform.python_version()})
    ProcessCollector(registry=registry)
    registry.register(GC_COLLECTOR)


async def measure_loop_lag(registry: CollectorRegistry) -> None:
    """How late the event loop is; runs for as long as the process does."""
    lag = Histogram(
        "muster_event_loop_lag_seconds",
        "How much later than it was due a timer fires: what every request waits for at least.",
        buckets=_LAG_BUCKETS,
        registry=registry,
    )
    while True:
        due = time.monotonic() + LAG_INTERVAL
        await asyncio.sleep(LAG_INTERVAL)
        lag.observe(max(time.monotonic() - due, 0.0))
