"""Reads that go together."""

from typing import Final

from prometheus_client import CollectorRegistry, Histogram

BUCKETS: Final = (1, 2, 3, 4, 6, 8, 12, 16)


def read_batch_sizes(registry: CollectorRegistry | None = None) -> Histogram:
    return Histogram(
        "muster_read_batch_size", "Reads that one statement answers together.", buckets=BUCKETS, registry=registry
    )
