"""What the gateway counts and measures, beside what every process does.

Its parts only add numbers up. What Prometheus reads is made of them when it is read.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway.admission.gate import Gate
from gateway.live.live_sessions import LiveSessions
from gateway.routes import UpstreamName
from gateway.upstream.upstream import Upstream
from shared.metrics.tally import Tally

_LABELS: Final = ("upstream",)
_OF_UPSTREAMS: Final[Mapping[str, tuple[str, Callable[[Upstream], float]]]] = {
    "muster_bulkhead_in_flight": ("Requests that are at the service.", lambda each: each.bulkhead.in_flight),
    "muster_bulkhead_waiting": (
        "Requests that wait for their turn at the service.",
        lambda each: each.bulkhead.waiting,
    ),
    "muster_bulkhead_limit": (
        "Requests of a single organisation that may be at the service.",
        lambda each: each.bulkhead.limit,
    ),
    "muster_circuit_open": (
        "Whether requests to the service are refused at once, because it does not respond: 1, or 0.",
        lambda each: each.circuit.is_open,
    ),
}


class GatewayMetrics(Collector):
    def __init__(self, upstreams: Mapping[UpstreamName, Upstream], gate: Gate, live: LiveSessions) -> None:
        self._upstreams = upstreams
        self._gate = gate
        self._live = live

    def collect(self) -> Iterator[Metric]:
        yield from self._gauges_of_upstreams()
        yield self._shed()
        yield self._durations()
        yield from self._of_redis()
        yield self._rate_limited()
        yield GaugeMetricFamily("muster_live_followers", "Clients that watch seats.", self._live.watching_now)

    def _gauges_of_upstreams(self) -> Iterator[Metric]:
        for name, (meaning, value) in _OF_UPSTREAMS.items():
            gauge = GaugeMetricFamily(name, meaning, labels=_LABELS)
            for service, upstream in self._upstreams.items():
                gauge.add_metric([service], value(upstream))
            yield gauge

    def _shed(self) -> Metric:
        meaning = "Requests refused because too many are at the service, or wait for it."
        shed = CounterMetricFamily("muster_shed", meaning, labels=_LABELS)
        for service, upstream in self._upstreams.items():
            shed.add_metric([service], upstream.bulkhead.refused)
        return shed

    def _durations(self) -> Metric:
        meaning = "From when a request is sent to the service until its answer is there, or given up; without streams."
        durations = HistogramMetricFamily("muster_upstream_duration_seconds", meaning, labels=_LABELS)
        for service, upstream in self._upstreams.items():
            upstream.durations.add_to(durations, [service])
        return durations

    def _of_redis(self) -> Iterator[Metric]:
        limiter = self._gate.limiter
        yield _histogram("muster_redis_batch_size", "Requests that one call to Redis counts.", limiter.sizes)
        yield _histogram("muster_redis_duration_seconds", "What one call to Redis takes.", limiter.durations)
        meaning = "Whether Redis counts the requests: 1, or 0 while the process does so by itself."
        yield GaugeMetricFamily("muster_redis_available", meaning, float(bool(limiter.availability)))
        yield CounterMetricFamily("muster_redis_failures", "Calls to Redis that failed.", limiter.availability.failures)

    def _rate_limited(self) -> Metric:
        meaning = "Requests refused because a user, or an address without a valid token, sent too many."
        limited = CounterMetricFamily("muster_rate_limited", meaning, labels=["kind"])
        limited.add_metric(["user"], self._gate.limited.user)
        limited.add_metric(["address"], self._gate.limited.address)
        return limited


def _histogram(name: str, meaning: str, tally: Tally) -> Metric:
    histogram = HistogramMetricFamily(name, meaning)
    tally.add_to(histogram)
    return histogram
