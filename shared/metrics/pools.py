"""The connections to the database, and how long whoever needs one waits."""

from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Gauge, Histogram

WAIT_BUCKETS: Final = (0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
"""Seconds; nobody waits much longer than a quarter of one."""


class Pooled(Protocol):
    """A pool that can be watched."""

    waits: Histogram

    def get_size(self) -> int: ...
    def get_idle_size(self) -> int: ...
    def get_max_size(self) -> int: ...


def wait_histogram(registry: CollectorRegistry | None = None) -> Histogram:
    return Histogram(
        "muster_pool_wait_seconds",
        "How long one waits for a connection to the database.",
        ["pool"],
        buckets=WAIT_BUCKETS,
        registry=registry,
    )


UNWATCHED: Final = wait_histogram().labels("unwatched")
"""For a pool that nobody reads the metrics of."""


class PoolMetrics:
    """Of all pools of one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._waits = wait_histogram(registry)
        self._connections = Gauge(
            "muster_pool_connections",
            "Connections to the database that are open, by whether they are in use.",
            ["pool", "state"],
            registry=registry,
        )
        self._limit = Gauge(
            "muster_pool_limit", "Connections to the database that a pool has at most.", ["pool"], registry=registry
        )

    def watch(self, name: str, pool: Pooled) -> None:
        """`name` is the pool's in the metrics."""
        pool.waits = self._waits.labels(name)
        self._limit.labels(name).set_function(pool.get_max_size)
        self._connections.labels(name, "idle").set_function(pool.get_idle_size)
        self._connections.labels(name, "used").set_function(lambda: pool.get_size() - pool.get_idle_size())
