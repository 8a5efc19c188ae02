"""The consumers of a service agree on the events that all of them have applied (decision 27)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Protocol
from uuid import UUID, uuid4

from shared.concurrency.backoff import Backoff
from shared.concurrency.tasks import background, was_cancelled
from shared.errors import Unavailable
from shared.messaging import followed
from shared.messaging.outbox import Outbox
from shared.messaging.progress import Progress
from shared.messaging.retrying import retry_forever
from shared.postgres.pool import Pool

INTERVAL = 2.0
"""Seconds between two rounds."""
LONGEST_PAUSE = 10.0


class Sources(Protocol):
    """Both raise `Unavailable`."""

    async def feed_position(self) -> int:
        """Every event below it is in the feed, and none will get in there any more."""

    async def outboxes(self) -> Mapping[str, Outbox]:
        """Those of the owners whose events the service follows, by their names."""


class RollCall:
    """One for each process. All consumers of the queue take part, those of a process without `sources` too."""

    def __init__(self, pool: Pool, sources: Sources | None) -> None:
        self._pool = pool
        self._sources = sources
        self._pending: tuple[int, Mapping[str, Outbox]] | None = None

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[UUID]:
        """Around the connection of a consumer; raises `Unavailable`."""
        channel = uuid4()
        await followed.join(self._pool, channel)
        try:
            yield channel
        finally:
            with suppress(Unavailable):
                await followed.leave(self._pool, channel)

    @asynccontextmanager
    async def attended(self, channel: UUID, progress: Progress) -> AsyncIterator[None]:
        """From when the consumer has subscribed."""
        await followed.consume(self._pool, channel)
        rounds = retry_forever(
            partial(self._rounds, channel, progress), "the cursor of snapshots", longest_pause=LONGEST_PAUSE
        )
        async with background(rounds, name="roll call"):
            yield

    async def _rounds(self, channel: UUID, progress: Progress, backoff: Backoff) -> None:
        # The broker's client may make an outage of a cancellation.
        while not was_cancelled():
            await self.round(channel, progress)
            backoff.reset()
            await asyncio.sleep(INTERVAL)
        raise asyncio.CancelledError

    async def round(self, channel: UUID, progress: Progress) -> None:
        """Offers a position if there is none to confirm, and confirms it once this consumer has caught up."""
        current = await followed.current_round(self._pool, channel)
        if current.candidate is None:
            position = await self._published_position()
            if position is None:
                return
            current = await followed.offer(self._pool, position)
        if current.candidate is None:
            return
        consumers = await progress.caught_up()
        if consumers is not None:
            await followed.confirm(self._pool, channel, current.number, consumers)

    async def _published_position(self) -> int | None:
        """The feed's position, once every event below it is in all queues.

        One that is in delivery's queue may have been refused by another that was full, or be still on its way there:
        its owner publishes it again until the broker has confirmed it for all of them.
        """
        if self._sources is None:
            return None
        if self._pending is None:
            self._pending = await self._sources.feed_position(), await self._sources.outboxes()
            now = self._pending[1]
        else:
            now = await self._sources.outboxes()
        position, before = self._pending
        if not all(_published(before[owner], now[owner]) for owner in before):
            return None
        self._pending = None
        return position


def _published(before: Outbox, now: Outbox) -> bool:
    """Whether all events that were there before are in all queues now."""
    return now.oldest is None or now.oldest > before.last
