"""What takes every event into the feed, as the broker delivered it, each once (contract, section 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry

from services.delivery import erasing
from services.delivery.metrics import FeedMetrics
from services.delivery.store import feed
from shared.events.cloudevents import CloudEvent, envelope_of, known_type, trace_of
from shared.metrics.requests import OTHER
from shared.observability import Trace
from shared.postgres.pool import Connection


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event, of a type and version that need not be known here, and the bytes that carried it."""

    envelope: CloudEvent
    body: bytes

    @property
    def organisation_id(self) -> int:
        return self.envelope.organisationid

    @property
    def trace(self) -> Trace:
        return trace_of(self.envelope)

    @property
    def type(self) -> str:
        """As its routing key, or `OTHER` where it is none of those known here."""
        return known_type(self.envelope.type) or OTHER

    @property
    def time(self) -> datetime:
        return self.envelope.time


class Feed:
    """The follower of every event there is."""

    routing_keys: Sequence[str] = ("#",)

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._metrics = FeedMetrics(registry)

    def decode(self, body: bytes) -> Arrived:
        return Arrived(envelope_of(body), body)

    async def apply(self, connection: Connection, messages: Sequence[Arrived]) -> None:
        taken = await feed.take(connection, await erasing.entries(connection, messages))
        self._metrics.events.inc(taken)


FEED: Final = Feed()
