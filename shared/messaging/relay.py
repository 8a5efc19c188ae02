"""The relay publishes the outbox: it marks an event as published once the broker has confirmed it (architecture,
principle 2).

A crash between confirmation and mark publishes the event again. No event is marked that the broker did not confirm.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from opentelemetry.trace import SpanKind

from shared.concurrency.backoff import Backoff
from shared.concurrency.tasks import first_ended
from shared.events.cloudevents import trace_in
from shared.events.types import EXCHANGE
from shared.messaging import outbox
from shared.messaging.broker import connection_to
from shared.messaging.errors import BrokerUnavailable
from shared.messaging.outbox import OutboxRow
from shared.messaging.publisher import Outcome, Publisher, publisher_on
from shared.messaging.retrying import retry_forever
from shared.metrics.messaging import LaneMetrics, RelayMetrics
from shared.postgres.connection import dedicated_connection
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import COMMAND_TIMEOUT, Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.tracing.spans import Batch

log = logging.getLogger(__name__)

BATCH = 500
LANES = 2
"""Batches published concurrently: events committed while the broker stores one batch do not wait for it."""
CONNECTIONS = LANES + 1
"""Of the database: each lane holds one, and there is a lane for events in bulk."""
BULK_INTERVAL = 0.15
"""Seconds at least from one batch in bulk to the next: 3,300 events a second leave the rest of a machine to everybody
else (decision 31)."""
BULK_INTERVAL_MEANWHILE = 0.6
"""The same while a file is imported, to which most of the machine is left."""
BULK_QUIET = 1.0
"""Seconds after which an import that has added none has ended."""
POLL_INTERVAL = 1.0
"""Seconds between two polls of the outbox without a notification, in case one is lost."""
BULK_POLL_INTERVAL = 5.0
"""The same for events in bulk, which nobody waits for."""
POSTPONED_FOR = timedelta(seconds=10)
_CLOSED = "the database closed the connection that listens for notifications"


class Relay:
    """Publishes one database's outbox. Any number may run at once: each locks rows that no other holds."""

    def __init__(
        self,
        pool: Pool,
        database_url: str,
        amqp_url: str,
        *,
        name: str,
        exchange: str = EXCHANGE,
        metrics: RelayMetrics | None = None,
    ) -> None:
        self._pool = pool
        self._database_url = database_url
        self._amqp_url = amqp_url
        self._name = name
        self._span = f"{name} relay"
        self._exchange = exchange
        self._metrics = metrics or RelayMetrics()
        self._wake = asyncio.Event()
        self._wake_bulk = asyncio.Event()
        self._more_in_bulk_at = -math.inf
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
                self._note_connected(True)
                self._wake.set()
                self._wake_bulk.set()
                lanes = [self._lane(publisher, listener, backoff) for _ in range(LANES)]
                await first_ended([*lanes, self._bulk_lane(publisher, listener, backoff)])
        finally:
            self._note_connected(False)

    def _note_connected(self, connected: bool) -> None:
        self._connected = connected
        self._metrics.connected.set(connected)

    async def _lane(self, publisher: Publisher, listener: Connection, backoff: Backoff) -> None:
        """Publishes batch after batch; raises `DatabaseUnavailable` when the database closes the listener, and
        `BrokerUnavailable` within `POLL_INTERVAL` when the broker is gone, even if there is nothing to publish."""
        while not listener.is_closed():
            publisher.require_open()
            if await self._publish_batch(publisher):
                backoff.reset()
        raise DatabaseUnavailable(_CLOSED)

    async def _bulk_lane(self, publisher: Publisher, listener: Connection, backoff: Backoff) -> None:
        """The same for events in bulk, a batch in each interval."""
        while not listener.is_closed():
            await _set_within(self._wake_bulk, BULK_POLL_INTERVAL)
            began = time.monotonic()
            if await self._publish_bulk(publisher):
                backoff.reset()
                self._wake_bulk.set()
                await asyncio.sleep(began + self._bulk_interval() - time.monotonic())
        raise DatabaseUnavailable(_CLOSED)

    def _bulk_interval(self) -> float:
        more = time.monotonic() - self._more_in_bulk_at < BULK_QUIET
        return BULK_INTERVAL_MEANWHILE if more else BULK_INTERVAL

    async def _publish_batch(self, publisher: Publisher) -> bool:
        """Publishes one batch; returns whether there was one. Its rows stay locked until the broker has confirmed them.

        A batch that is not full holds every unpublished row; rows committed later send a notification of their own.
        The transaction begins before the wait for a notification, which saves a round trip; it holds no lock meanwhile.
        """
        async with transaction(self._pool, EVERY_ORGANISATION) as connection:
            await self._woken()
            with Batch(self._span, SpanKind.PRODUCER) as traced:
                rows = await outbox.lock_unpublished(connection, BATCH)
                if len(rows) == BATCH:
                    self._wake.set()
                published = await _publish_locked(connection, publisher, rows, traced)
        self._count(published, self._metrics.direct)
        published.report()
        return bool(rows)

    def _count(self, published: "_Published", lane: LaneMetrics) -> None:
        """Once it is committed."""
        if published.size:
            lane.batch_size.observe(published.size)
            lane.published.inc(published.confirmed)
            self._metrics.refused.inc(len(published.refused))

    async def _publish_bulk(self, publisher: Publisher) -> bool:
        """Nobody waits for these: the transaction begins when there may be some."""
        async with transaction(self._pool, EVERY_ORGANISATION) as connection:
            with Batch(self._span, SpanKind.PRODUCER) as traced:
                rows = await outbox.lock_unpublished(connection, BATCH, bulk=True)
                published = await _publish_locked(connection, publisher, rows, traced)
        self._count(published, self._metrics.bulk)
        published.report()
        return bool(rows)

    async def _woken(self) -> None:
        """Returns after a notification, in one lane alone, or after `POLL_INTERVAL`."""
        async with self._turn:
            await _set_within(self._wake, POLL_INTERVAL)

    @asynccontextmanager
    async def _notified(self) -> AsyncIterator[Connection]:
        """A connection of its own for LISTEN; polling goes on if no notification arrives."""
        async with dedicated_connection(
            self._database_url, name=f"{self._name} relay", command_timeout=COMMAND_TIMEOUT
        ) as listener:
            await listener.add_listener(outbox.CHANNEL, self._notice)
            yield listener

    def _notice(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        if payload == outbox.MORE_IN_BULK_NOTIFICATION:
            self._more_in_bulk_at = time.monotonic()
        in_bulk = payload in (outbox.MORE_IN_BULK_NOTIFICATION, outbox.BULK_NOTIFICATION)
        (self._wake_bulk if in_bulk else self._wake).set()


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Returns once the event is set, which it is no more then, or after so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()


@dataclass(frozen=True, slots=True)
class _Published:
    """What became of a batch of this size: how many rows the broker confirmed, and which it refused. It answered
    nothing for the rest."""

    size: int
    confirmed: int
    refused: Sequence[OutboxRow]

    def report(self) -> None:
        """Once it is committed. Raises `BrokerUnavailable` where not every row was answered."""
        for row in self.refused:
            log.error(
                "event stays in the outbox: no queue is bound to its routing key, or a queue is full",
                extra={"event_id": str(row.event_id), "routing_key": row.routing_key},
            )
        if self.size > self.confirmed + len(self.refused):
            raise BrokerUnavailable("the connection was lost before every event was confirmed")


async def _publish_locked(
    connection: Connection, publisher: Publisher, rows: Sequence[OutboxRow], traced: Batch
) -> _Published:
    """Publishes rows that are locked, and marks those that the broker confirmed; what it refused comes again later."""
    if not rows:
        return _Published(0, 0, ())
    traced.take(trace_in(row.body) for row in rows)
    confirmed, refused = await _publish(publisher, rows)
    await outbox.mark_published(connection, [row.id for row in confirmed])
    if refused:
        await outbox.postpone(connection, [row.id for row in refused], POSTPONED_FOR)
    return _Published(len(rows), len(confirmed), refused)


async def _publish(publisher: Publisher, rows: Sequence[OutboxRow]) -> tuple[list[OutboxRow], list[OutboxRow]]:
    """The rows that the broker confirmed, and those it refused; it answered nothing for the rest."""
    outcomes = list(zip(rows, await publisher.publish(rows), strict=True))
    confirmed = [row for row, outcome in outcomes if outcome is Outcome.CONFIRMED]
    return confirmed, [row for row, outcome in outcomes if outcome is Outcome.REFUSED]
