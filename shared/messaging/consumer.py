"""Consumers: how a service applies events and acknowledges deliveries (architecture, principles 3 and 7).

Messages that wait together are applied in one transaction and acknowledged together after its commit. While the
database is unavailable, the batch is kept and retried. A message that can never be applied goes to the dead-letter
queue with its reason before any message of its batch is acknowledged.
"""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from aio_pika.abc import AbstractChannel
from opentelemetry.trace import SpanKind

from shared.concurrency.backoff import Backoff
from shared.errors import Unavailable
from shared.events.cloudevents import EventInvalid
from shared.messaging.broker import (
    OPERATION_TIMEOUT,
    QueueName,
    connection_to,
    find_exchange,
    find_queue,
    open_channel,
)
from shared.messaging.dead_letter import dead_letter_of
from shared.messaging.deliveries import Delivery, subscribe
from shared.messaging.errors import BrokerUnavailable, broker_outages
from shared.messaging.follower import Followed, Follower
from shared.messaging.progress import Progress
from shared.messaging.queue_watch import QueueWatch
from shared.messaging.retrying import retry_forever
from shared.messaging.roll_call import RollCall
from shared.metrics.messaging import ConsumerMetrics, QueueMetrics
from shared.postgres.errors import StatementTooSlow
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import scope
from shared.tracing.spans import Batch as TracedBatch

log = logging.getLogger(__name__)

BATCH = 500
BUSY_RATE = 750
"""Messages a second from which on a batch waits for more messages: most of the cost of a small batch is its
transaction, and enrollments need the processor more. Below this rate, latency matters more."""
GATHER_SECONDS = 0.006
"""How long a batch then waits."""
WATCH_INTERVAL = 5.0
"""Seconds without a delivery after which the consumer asks the broker whether it is still registered."""

Arrivals = asyncio.Queue[Delivery | None]
"""Deliveries that are not in a batch yet; None once the channel is closed."""


Decoded = tuple[Delivery, Followed]


class Batch:
    """Deliveries that are applied in one transaction and acknowledged together; never empty."""

    def __init__(self, first: Delivery, follower: Follower[Any]) -> None:
        self.last = first
        self._follower = follower
        self.decoded: list[Decoded] = []
        self.invalid: list[tuple[Delivery, Exception]] = []
        self._add(first)

    def __len__(self) -> int:
        return len(self.decoded) + len(self.invalid)

    def take(self, arrived: Arrivals) -> None:
        """Adds the deliveries that have arrived meanwhile, up to `BATCH`; leaves the final None in the queue."""
        while len(self) < BATCH and not arrived.empty():
            delivery = arrived.get_nowait()
            if delivery is None:
                arrived.put_nowait(None)
                return
            self._add(delivery)

    def messages(self) -> list[Any]:
        return _messages(self.decoded)

    def _add(self, delivery: Delivery) -> None:
        """One that meets a defect is no event either: left out of both, it would be acknowledged with the others."""
        self.last = delivery
        try:
            self.decoded.append((delivery, self._follower.decode(delivery.body)))
        except Exception as error:
            self.invalid.append((delivery, error))


def gather_seconds(messages: int, seconds: float) -> float:
    """Seconds that a batch waits for more messages, if so many arrived in the given seconds before it."""
    return GATHER_SECONDS if messages >= BUSY_RATE * seconds else 0.0


@dataclass(eq=False, repr=False)
class Consumer:
    """Consumes one queue, which `migrate` has declared. Any number may run at once, in any number of processes."""

    pool: Pool
    amqp_url: str
    queue: QueueName
    follower: Follower[Any]
    roll_call: RollCall | None = None
    """Where the service says which events it has applied."""
    metrics: ConsumerMetrics = field(default_factory=ConsumerMetrics)
    _gather_seconds: float = 0.0
    _began: float = -math.inf
    _connected: bool = False
    _progress: Progress | None = None
    _traced: TracedBatch = field(default_factory=lambda: TracedBatch(""))
    _watch_of_queue: QueueWatch | None = None

    async def is_connected(self) -> bool:
        return self._connected

    async def measure_queue(self, metrics: QueueMetrics) -> None:
        """Asks the broker what waits; raises `BrokerUnavailable` while there is no connection."""
        if self._watch_of_queue is None or self._progress is None or not self._connected:
            raise BrokerUnavailable("the consumer is not connected")
        in_queue, dead_letters = await self._watch_of_queue.counts()
        metrics.messages.set(in_queue + self._progress.waiting)
        metrics.dead_letters.set(dead_letters)

    async def run(self) -> None:
        """Runs until it is cancelled, through any outage; deliveries that were not acknowledged come again."""
        await retry_forever(self._consume, f"the consumer of {self.queue.name}")

    async def _consume(self, backoff: Backoff) -> None:
        try:
            async with self._joined() as entry, connection_to(self.amqp_url, name=self.queue.name) as connection:
                channel = await open_channel(connection, prefetch=2 * BATCH)
                queue = await find_queue(channel, self.queue.name)
                # Bounded by the prefetch: the broker sends no more than that without an acknowledgement.
                arrived = Arrivals()
                await _notice_end(channel, arrived)
                self._progress = Progress(channel, self.queue, arrived)
                self._watch_of_queue = QueueWatch(connection, self.queue)
                await subscribe(connection, channel, queue.name, arrived.put_nowait)
                self._note_connected(True)
                async with self._attended(entry, self._progress):
                    while True:
                        batch = await self._next_batch(channel, arrived)
                        await self._handle(channel, batch, arrived)
                        backoff.reset()
        finally:
            self._note_connected(False)

    def _note_connected(self, connected: bool) -> None:
        self._connected = connected
        self.metrics.connected.set(connected)

    @asynccontextmanager
    async def _joined(self) -> AsyncIterator[UUID | None]:
        if self.roll_call is None:
            yield None
        else:
            async with self.roll_call.joined() as entry:
                yield entry

    @asynccontextmanager
    async def _attended(self, entry: UUID | None, progress: Progress) -> AsyncIterator[None]:
        if self.roll_call is None or entry is None:
            yield
        else:
            async with self.roll_call.attended(entry, progress):
                yield

    async def _next_batch(self, channel: AbstractChannel, arrived: Arrivals) -> Batch:
        """A batch of the next delivery; others are added once its transaction has begun."""
        while True:
            try:
                async with asyncio.timeout(WATCH_INTERVAL):
                    first = await arrived.get()
            except TimeoutError:
                await self._watch(channel)
                continue
            if first is None:
                raise BrokerUnavailable("the consumer's channel was closed, or its queue deleted")
            batch = Batch(first, self.follower)
            if self._progress is not None:
                self._progress.took(batch)
            if self._gather_seconds and arrived.qsize() < BATCH - 1:
                await asyncio.sleep(self._gather_seconds)
            return batch

    async def _watch(self, channel: AbstractChannel) -> None:
        """Asks the broker for consumers: one can be dropped without notice (mosquito/aio-pika#231)."""
        queue = await find_queue(channel, self.queue.name)
        if not queue.declaration_result.consumer_count:
            raise BrokerUnavailable("the queue has no consumer any more")

    async def _handle(self, channel: AbstractChannel, batch: Batch, arrived: Arrivals) -> None:
        began = time.monotonic()
        with TracedBatch(self.queue.name, SpanKind.CONSUMER) as self._traced:
            try:
                await self._commit(partial(self._gathered, batch, arrived))
            except StatementTooSlow:
                await self._handle_in_halves(channel, batch.decoded)
            except Exception as error:
                await self._handle_one_by_one(channel, batch.decoded, error)
        self._gather_seconds, self._began = gather_seconds(len(batch), began - self._began), began
        self.metrics.batch_size.observe(len(batch))
        for delivery, invalid in batch.invalid:
            await self._dead_letter(channel, delivery, invalid)
        # Delivery tags ascend, and every delivery of the batch is applied or dead-lettered by now.
        await batch.last.acknowledge_all()
        if self._progress is not None:
            self._progress.acknowledged()

    def _gathered(self, batch: Batch, arrived: Arrivals) -> list[Followed]:
        batch.take(arrived)
        return batch.messages()

    async def _handle_in_halves(self, channel: AbstractChannel, decoded: Sequence[Decoded]) -> None:
        """What takes too long together takes as long the next time, and everything behind it would wait for ever."""
        middle = len(decoded) // 2
        log.warning("%s: %s messages take too long together, applying them in parts", self.queue.name, len(decoded))
        for half in (decoded[:middle], decoded[middle:]):
            try:
                await self._commit(partial(_messages, half))
            except StatementTooSlow:
                await self._handle_in_halves(channel, half)
            except Exception as error:
                await self._handle_one_by_one(channel, half, error)

    async def _handle_one_by_one(self, channel: AbstractChannel, decoded: Sequence[Decoded], error: Exception) -> None:
        log.warning("%s: batch failed, applying its messages one at a time: %r", self.queue.name, error)
        for delivery, message in decoded:
            try:
                await self._commit(partial(list, [message]))
            except Exception as error_of_one:
                await self._dead_letter(channel, delivery, error_of_one)

    async def _commit(self, messages: Callable[[], Sequence[Followed]]) -> None:
        """Applies the messages in one transaction, retrying for as long as the database is unavailable. Raises
        `StatementTooSlow` for several that take too long together.

        The transaction begins with the organisations of the messages so far. `messages` is called again after that
        round trip, to include what arrived meanwhile, which rarely adds an organisation.
        """
        backoff = Backoff()
        while True:
            try:
                organisations = _organisations(messages())
                async with transaction(self.pool, organisations) as connection:
                    gathered = messages()
                    if not organisations.issuperset(more := _organisations(gathered)):
                        await connection.execute(scope(more))
                    self._traced.take(message.trace for message in gathered)
                    with self._traced.inner("apply"):
                        await self.follower.apply(connection, gathered)
                self.metrics.applied(gathered)
                return
            except Unavailable as error:
                if isinstance(error, StatementTooSlow) and len(messages()) > 1:
                    raise
                log.warning("the consumer of %s is waiting for the database: %s", self.queue.name, error)
            await asyncio.sleep(backoff.next())

    async def _dead_letter(self, channel: AbstractChannel, delivery: Delivery, error: Exception) -> None:
        """Publishes the message to the dead-letter queue, confirmed, before the original is acknowledged."""
        message = delivery.message()
        log.error(
            "message cannot be applied and moves to the dead-letter queue",
            extra={"queue": self.queue.name, "event_id": message.message_id, "reason": repr(error)},
            exc_info=None if isinstance(error, EventInvalid) else error,
        )
        exchange = await find_exchange(channel, self.queue.dead_letters)
        with broker_outages():
            await exchange.publish(
                dead_letter_of(message, error), self.queue.dead_letters, mandatory=True, timeout=OPERATION_TIMEOUT
            )
        self.metrics.failed.inc()


def _messages(decoded: Iterable[Decoded]) -> list[Followed]:
    return [message for _, message in decoded]


def _organisations(messages: Iterable[Followed]) -> set[int]:
    return {message.organisation_id for message in messages}


async def _notice_end(channel: AbstractChannel, arrived: Arrivals) -> None:
    """Wakes the consumer at once when its channel closes, or when the broker cancels it as its queue is deleted."""

    def notice(*_: Any) -> None:
        arrived.put_nowait(None)

    channel.close_callbacks.add(notice)
    with broker_outages():
        underlay = await channel.get_underlay_channel()
    underlay.on_consumer_cancel_callbacks.add(notice)
