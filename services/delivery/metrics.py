"""What delivery measures: the feed, and what is sent to webhooks."""

import time
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

DURATION_BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)
"""Seconds: up to those after which a request is given up."""


class FeedMetrics:
    """Of what one process takes into the feed."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.events = Counter(
            "muster_feed_events_total", "Events that were added to the feed, each once.", registry=registry
        )


class HorizonMetrics:
    """For how long the readable end of the feed has stood still below what was taken in.

    The end is the oldest transaction that runs, which has no time of its own that everybody may read: its age counts
    from the first reading of the metrics that found it. `clock` gives seconds.
    """

    def __init__(self, registry: CollectorRegistry | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._behind = Gauge(
            "muster_feed_horizon_seconds",
            "For how long a transaction has held back the readable end of the feed; 0 where all can be read.",
            registry=registry,
        )
        self._clock = clock
        self._horizon: int | None = None
        self._since = 0.0

    def found(self, horizon: int, above: int) -> None:
        """`above` is behind all that was begun."""
        now = self._clock()
        if horizon != self._horizon or horizon >= above:
            self._horizon, self._since = horizon, now
        self._behind.set(now - self._since)


class WebhookMetrics:
    """Of what one process sends, and of what all have to send."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        attempts = Counter(
            "muster_webhook_attempts_total",
            "Tries to send a message: delivered, failed, or refused because its address may not be connected to.",
            ["outcome"],
            registry=registry,
        )
        self._delivered, self._failed, self._refused = (
            attempts.labels(outcome) for outcome in ("delivered", "failed", "refused")
        )
        self._duration = Histogram(
            "muster_webhook_duration_seconds",
            "From the first step towards an endpoint until its answer, or until there is none.",
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self.disabled = Counter(
            "muster_webhooks_disabled_total", "Webhooks that were disabled because all failed.", registry=registry
        )
        self.waiting = Gauge(
            "muster_webhooks_waiting",
            "Messages that are still to be sent to webhooks that are enabled; counted up to a hundred thousand.",
            registry=registry,
        )
        self.oldest = Gauge(
            "muster_webhook_oldest_seconds",
            "For how long the message has been due that has been so for longest; 0 where none is.",
            registry=registry,
        )

    def sent(self, seconds: float, *, delivered: bool, refused: bool) -> None:
        self._duration.observe(seconds)
        (self._delivered if delivered else self._refused if refused else self._failed).inc()
