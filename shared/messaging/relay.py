"""The relay publishes the outbox: it marks an event as published once the broker has confirmed it (architecture,
principle 2).

A crash between confirmation and mark publishes the event again. No event is marked that the broker did not confirm.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from shared.concurrency.backoff import Backoff
from shared.concurrency.tasks import first_ended
from shared.events.types import EXCHANGE
from shared.messaging import outbox
from shared.messaging.broker import connection_to
from shared.messaging.errors import BrokerUnavailable
from shared.messaging.outbox import OutboxRow
from shared.messaging.publisher import Outcome, Publisher, publisher_on
from shared.messaging.retrying import retry_forever
from shared.postgres.connection import dedicated_connection
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import COMMAND_TIMEOUT, Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION

log = logging.getLogger(__name__)

BATCH = 500
LANES = 2
"""Batches published concurrently: events committed while the broker stores one batch do not wait for it."""
POLL_INTERVAL = 1.0
"""Seconds between two polls of the outbox without a notification, in case one is lost."""
POSTPONED_FOR = timedelta(seconds=10)


class Relay:
    """Publishes one database's outbox. Any number may run at once: each locks rows that no other holds."""

    def __init__(self, pool: Pool, database_url: str, amqp_url: str, *, name: str, exchange: str = EXCHANGE) -> None:
        self._pool = pool
        self._database_url = database_url
        self._amqp_url = amqp_url
        self._name = name
        self._exchange = exchange
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._connected = False

    async def is_connected(self) -> bool:
        return self._connected

    async def run(self) -> None:
        """Runs until it is cancelled, through any outage of broker or database."""
        await retry_forever(self._relay, f"the {self._name} relay")

    async def _relay(self, backoff: Backoff) -> None:
        try:
            async with (
                connection_to(self._amqp_url, name=f"{self._name} relay") as connection,
                self._notified() as listener,
            ):
                publisher = await publisher_on(connection, self._exchange)
                self._connected = True
                self._wake.set()
                await first_ended(self._lane(publisher, listener, backoff) for _ in range(LANES))
        finally:
            self._connected = False

    async def _lane(self, publisher: Publisher, listener: Connection, backoff: Backoff) -> None:
        """Publishes batch after batch; raises `DatabaseUnavailable` when the database closes the listener."""
        while not listener.is_closed():
            if await self._publish_batch(publisher):
                backoff.reset()
        raise DatabaseUnavailable("the database closed the connection that listens for notifications")

    async def _publish_batch(self, publisher: Publisher) -> bool:
        """Publishes one batch; returns whether there was one. Its rows stay locked until the broker has confirmed them.

        A batch that is not full holds every unpublished row; rows committed later send a notification of their own.
        The transaction begins before the wait for a notification, which saves a round trip; it holds no lock meanwhile.
        """
        async with transaction(self._pool, EVERY_ORGANISATION) as connection:
            await self._woken()
            rows = await outbox.lock_unpublished(connection, BATCH)
            if not rows:
                return False
            if len(rows) == BATCH:
                self._wake.set()
            confirmed, refused = await _publish(publisher, rows)
            await outbox.mark_published(connection, [row.id for row in confirmed])
            if refused:
                await outbox.postpone(connection, [row.id for row in refused], POSTPONED_FOR)
        for row in refused:
            _report(row)
        if len(confirmed) + len(refused) < len(rows):
            raise BrokerUnavailable("the connection was lost before every event was confirmed")
        return True

    async def _woken(self) -> None:
        """Returns after a notification, in one lane alone, or after `POLL_INTERVAL`."""
        async with self._turn:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_INTERVAL):
                    await self._wake.wait()
            self._wake.clear()

    @asynccontextmanager
    async def _notified(self) -> AsyncIterator[Connection]:
        """A connection of its own for LISTEN; polling goes on if no notification arrives."""
        async with dedicated_connection(
            self._database_url, name=f"{self._name} relay", command_timeout=COMMAND_TIMEOUT
        ) as listener:
            await listener.add_listener(outbox.CHANNEL, lambda *_: self._wake.set())
            yield listener


async def _publish(publisher: Publisher, rows: Sequence[OutboxRow]) -> tuple[list[OutboxRow], list[OutboxRow]]:
    """The rows that the broker confirmed, and those it refused; it answered nothing for the rest."""
    outcomes = list(zip(rows, await publisher.publish(rows), strict=True))
    confirmed = [row for row, outcome in outcomes if outcome is Outcome.CONFIRMED]
    return confirmed, [row for row, outcome in outcomes if outcome is Outcome.REFUSED]


def _report(row: OutboxRow) -> None:
    log.error(
        "event stays in the outbox: no queue is bound to its routing key, or a queue is full",
        extra={"event_id": str(row.event_id), "routing_key": row.routing_key},
    )
