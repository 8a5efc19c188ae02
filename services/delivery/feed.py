"""What takes every event into the feed, as the broker delivered it, each once (contract, section 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.delivery import erasing
from services.delivery.store import feed
from shared.events.cloudevents import CloudEvent, envelope_of, trace_of
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


class Feed:
    """The follower of every event there is."""

    routing_keys: Sequence[str] = ("#",)

    def decode(self, body: bytes) -> Arrived:
        return Arrived(envelope_of(body), body)

    async def apply(self, connection: Connection, messages: Sequence[Arrived]) -> None:
        await feed.take(connection, await erasing.entries(connection, messages))


FEED: Final = Feed()
