"""What becomes of events: in the outbox, on their way through the broker, and where they are applied."""

import time
from collections import Counter as Tally
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.metrics.requests import OTHER

BATCH_BUCKETS: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500)
LAG_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0)
"""Seconds: up to those of a consumer that was stopped for half an hour."""
MOST_TYPES: Final = 100
"""Types of events by name; beyond them an event counts as one of `OTHER`."""
LANES: Final = ("direct", "bulk")
"""Events that somebody waits for, and those of an import (decision 31)."""


class LaneMetrics:
    """What one lane of the relay has published."""

    def __init__(self, published: Counter, batch_size: Histogram, lane: str) -> None:
        self.published = published.labels(lane)
        self.batch_size = batch_size.labels(lane)


class RelayMetrics:
    """Of the relay of one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        published = Counter(
            "muster_relay_published_total",
            "Events of the outbox that the broker has confirmed.",
            ["lane"],
            registry=registry,
        )
        batch_size = Histogram(
            "muster_relay_batch_size",
            "Events that the relay sends to the broker together.",
            ["lane"],
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self.direct, self.bulk = (LaneMetrics(published, batch_size, lane) for lane in LANES)
        self.refused = Counter(
            "muster_relay_refused_total",
            "Events that the broker refused, because no queue is bound to their routing key or one is full.",
            registry=registry,
        )
        self.connected = Gauge(
            "muster_relay_connected",
            "Whether the relay is connected to broker and database: 1, or 0.",
            registry=registry,
        )


class OutboxMetrics:
    """What waits in the outbox."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        waiting = Gauge(
            "muster_outbox_waiting",
            "Events in the outbox that are not published yet; counted up to a hundred thousand.",
            ["lane"],
            registry=registry,
        )
        oldest = Gauge(
            "muster_outbox_oldest_seconds",
            "For how long the oldest event in the outbox has waited; 0 where none waits.",
            ["lane"],
            registry=registry,
        )
        self.waiting = {lane: waiting.labels(lane) for lane in LANES}
        self.oldest = {lane: oldest.labels(lane) for lane in LANES}


class Applied(Protocol):
    """An event that was applied: its type without prefix and version, and the time of its change at its owner."""

    @property
    def type(self) -> str: ...

    @property
    def time(self) -> datetime | None: ...


class ConsumerMetrics:
    """Of the consumer of one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._applied = Counter(
            "muster_consumer_applied_total",
            "Events that were applied here, whether they were news or not.",
            ["event_type"],
            registry=registry,
        )
        self._lag = Histogram(
            "muster_projection_lag_seconds",
            "From the change at its owner, by the event's time, until it is applied here, by this machine's clock.",
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        self.failed = Counter(
            "muster_consumer_failed_total",
            "Messages that could not be applied and went to the dead-letter queue.",
            registry=registry,
        )
        self.batch_size = Histogram(
            "muster_consumer_batch_size", "Events that are taken up together.", buckets=BATCH_BUCKETS, registry=registry
        )
        self.connected = Gauge(
            "muster_consumer_connected", "Whether the consumer is connected to the broker: 1, or 0.", registry=registry
        )
        self._of_type: dict[str, Counter] = {}

    def applied(self, events: Sequence[Applied]) -> None:
        """Once they are committed."""
        now = time.time()
        for event_type, number in Tally(event.type for event in events).items():
            self._child(event_type).inc(number)
        for event in events:
            if event.time is not None:
                self._lag.observe(max(now - event.time.timestamp(), 0.0))

    def _child(self, event_type: str) -> Counter:
        child = self._of_type.get(event_type)
        if child is None:
            name = event_type if len(self._of_type) < MOST_TYPES else OTHER
            child = self._applied.labels(name)
            self._of_type.setdefault(name, child)
        return child


class QueueMetrics:
    """What waits at the broker."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.messages = Gauge(
            "muster_queue_messages",
            "Events in the service's queue, with those that this process has taken and not applied yet.",
            registry=registry,
        )
        self.dead_letters = Gauge(
            "muster_dead_letters", "Messages in the service's dead-letter queue.", registry=registry
        )
