"""What a service makes of the messages in its queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from shared.observability import Trace
from shared.postgres.pool import Connection


class Followed(Protocol):
    """A decoded message."""

    @property
    def organisation_id(self) -> int: ...

    @property
    def trace(self) -> Trace: ...

    @property
    def type(self) -> str:
        """One of a closed set of names: it is one in the metrics."""

    @property
    def time(self) -> datetime | None: ...


M = TypeVar("M", bound=Followed)


class Follower(Protocol[M]):
    """`shared.messaging.subscriptions` keeps the newest state of each row; the feed keeps every event
    (services/delivery/feed.py)."""

    @property
    def routing_keys(self) -> Sequence[str]:
        """Of the events that its queue is bound to."""

    def decode(self, body: bytes) -> M:
        """Raises `EventInvalid` for a message that can never be applied."""

    async def apply(self, connection: Connection, messages: Sequence[M]) -> None:
        """Applies the messages of a batch, in the order in which they came, inside the given transaction."""
