"""How many requests were answered, and how long they took.

Counted for each request, on the path that has to be fast: lists of numbers, of which Prometheus's own objects are made
when they are read (a fifth of the time that those take).
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""
_BOUNDS: Final = (*map(str, BUCKETS), "+Inf")
MOST_SERIES: Final = 2000
"""Combinations of labels at most: beyond them a request counts as one of `OTHER`."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""Any other is a client's own word, and counts as `OTHER`."""
OTHER: Final = "other"
"""The route of a request that belongs to none."""

_Labels = tuple[str, str, str]


class RequestDurations(Collector):
    """`http_server_request_duration_seconds` by route, method and status (OpenTelemetry's name for it)."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._counts: dict[_Labels, list[int]] = {}
        self._sums: dict[_Labels, float] = {}
        if registry is not None:
            registry.register(self)

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """`route` is a template of ours; a path as the client wrote it must never be one."""
        labels = (route, method, str(status))
        counts = self._counts.get(labels)
        if counts is None:
            labels, counts = self._added(labels)
        counts[bisect_left(BUCKETS, seconds)] += 1
        self._sums[labels] += seconds

    def _added(self, labels: _Labels) -> tuple[_Labels, list[int]]:
        route, method, status = labels
        labels = (
            OTHER if len(self._counts) >= MOST_SERIES else route,
            method if method in METHODS else OTHER,
            status,
        )
        self._sums.setdefault(labels, 0.0)
        return labels, self._counts.setdefault(labels, [0] * len(_BOUNDS))

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(
            "http_server_request_duration_seconds",
            "From the last byte of a request's head until its answer is made, or a stream has begun.",
            labels=["route", "method", "status"],
        )
        for labels, counts in self._counts.items():
            buckets = list(zip(_BOUNDS, accumulate(counts), strict=True))
            family.add_metric(labels, buckets, self._sums[labels])
        yield family
