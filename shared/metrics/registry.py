"""The metrics of one process.

Whoever counts something has instruments of its own, which `prometheus_client` keeps. What is only known by asking
somebody (the age of the outbox, the length of a queue) is asked when the metrics are read, and by nobody otherwise.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, disable_created_metrics
from prometheus_client.exposition import generate_latest

log = logging.getLogger(__name__)

disable_created_metrics()  # type: ignore[no-untyped-call]

SAMPLE_TIMEOUT: Final = 2.0
"""Seconds in which what is asked for must have come."""

Sample = Callable[[], Awaitable[None]]
"""Asks for what only others know, and sets its gauges."""


class Metrics:
    """`registry` is for the instruments of the process's parts: one for each application, and none for all."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._samples: dict[str, Sample] = {}
        self._missing: set[str] = set()
        self._sampled = Gauge(
            "muster_metrics_sampled",
            "Whether what the process had to ask others for was there when its metrics were read: 1, or 0.",
            ["sample"],
            registry=self.registry,
        )
        self._reading = asyncio.Lock()

    def sample(self, name: str, sample: Sample) -> None:
        """To be called whenever the metrics are read; `name` says in the metrics what could not be read."""
        self._samples[name] = sample

    async def exposition(self) -> bytes:
        """All metrics in Prometheus's text format. What cannot be asked for keeps its last value, and is named."""
        async with self._reading:
            await asyncio.gather(*(self._ask(name, sample) for name, sample in self._samples.items()))
        return generate_latest(self.registry)

    async def _ask(self, name: str, sample: Sample) -> None:
        try:
            async with asyncio.timeout(SAMPLE_TIMEOUT):
                await sample()
        except Exception as error:
            if name not in self._missing:  # once, and not whenever somebody reads
                log.warning("a metric could not be read", extra={"sample": name, "error": repr(error)})
            self._missing.add(name)
            self._sampled.labels(name).set(0)
        else:
            self._missing.discard(name)
            self._sampled.labels(name).set(1)


METRICS = web.AppKey("metrics", Metrics)
