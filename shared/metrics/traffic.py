"""What a process refuses, how many requests and streams it has, and how often it warns."""

import logging
from collections.abc import Iterator, Sized
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from shared.metrics.requests import MOST_SERIES, OTHER


class Refusals(Collector):
    """`muster_refusals_total` by code and route: refusing has to stay cheap, so this is a list of numbers too."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        if registry is not None:
            registry.register(self)

    def count(self, code: str, route: str) -> None:
        """`code` is one of ours, `route` a template of ours."""
        key = (code, route)
        if key not in self._counts and len(self._counts) >= MOST_SERIES:
            key = (code, OTHER)
        self._counts[key] = self._counts.get(key, 0) + 1

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "muster_refusals",
            "Requests that this process answered with an error of its own, by the error's code.",
            labels=["code", "route"],
        )
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family


class _Streams(Protocol):
    @property
    def open(self) -> Sized: ...


class _Responder(Protocol):
    in_flight: int
    max_in_flight: int

    @property
    def streams(self) -> _Streams: ...


def watch_requests(registry: CollectorRegistry, responder: _Responder) -> None:
    """What is under way is looked at when the metrics are read, and costs a request nothing."""
    in_flight = Gauge("muster_requests_in_flight", "Requests that are being answered now.", registry=registry)
    in_flight.set_function(lambda: responder.in_flight)
    limit = Gauge(
        "muster_requests_in_flight_limit",
        "Requests at once beyond which the process refuses (MAX_IN_FLIGHT).",
        registry=registry,
    )
    limit.set_function(lambda: responder.max_in_flight)
    streams = Gauge("muster_streams_open", "Streams and waiting requests that are open.", registry=registry)
    streams.set_function(lambda: len(responder.streams.open))


class LogLines(logging.Handler):
    """Counts the warnings and errors in the log of the process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__(logging.WARNING)
        lines = Counter("muster_log_lines_total", "Lines in the log of this level.", ["level"], registry=registry)
        self._warnings, self._errors = lines.labels("warning"), lines.labels("error")

    def emit(self, record: logging.LogRecord) -> None:
        (self._errors if record.levelno >= logging.ERROR else self._warnings).inc()
