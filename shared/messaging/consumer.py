"""Consumers: what a service follows, and how deliveries are answered (architecture, principles 3 and 7).

Messages that wait together are applied in one transaction and acknowledged together after its commit. While
the database is away the batch is kept and tried again; what can never be applied goes to the dead-letter
queue, with its reason, before anything of its batch is acknowledged.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from aio_pika.abc import AbstractChannel

from shared.concurrency.backoff import Backoff
from shared.errors import Unavailable
from shared.events.cloudevents import EventInvalid, decode
from shared.events.types import Event, State
from shared.messaging.broker import (
    OPERATION_TIMEOUT,
    QueueName,
    connection_to,
    find_exchange,
    find_queue,
    open_channel,
)
from shared.messaging.dead_letter import dead_letter_of
from shared.messaging.deliveries import Delivery, deliver
from shared.messaging.errors import BrokerUnavailable, broker_outages
from shared.messaging.retrying import retry_forever
from shared.postgres.pool import Connection, Pool, transaction
from shared.postgres.row_security import scope

log = logging.getLogger(__name__)

BATCH = 500
MANY, GATHERING = 750, 0.006
"""From so many messages a second on a batch gathers for so many seconds: most of what a small one costs is its
transaction, and those who enroll need the processor more. Below that it counts how soon the news is there."""
WATCH_INTERVAL = 5.0
"""Seconds of silence after which the consumer asks the broker whether it is still registered."""

Handler = Callable[[Connection, Sequence[Any]], Awaitable[None]]
"""Applies events of its kind inside the transaction given; at most one for each row, the newest."""

Subscriptions = Mapping[type[Event[State]], Handler]
"""What a service follows: event → handler, in the order in which handlers run inside a batch."""

Arrivals = asyncio.Queue[Delivery | None]
"""What the broker sent and nobody has taken yet; None once it sends no more."""


def routing_keys(subscriptions: Subscriptions) -> list[str]:
    return [event_type.type for event_type in subscriptions]


async def apply(connection: Connection, subscriptions: Subscriptions, events: Iterable[Event[State]]) -> None:
    """Hands each handler its events, in the order of the table."""
    newest = newest_of_each_row(events)
    handlers = dict.fromkeys(subscriptions.values())
    for handler in handlers:
        mine = [event for event in newest if subscriptions.get(type(event)) is handler]
        if mine:
            await handler(connection, mine)


def newest_of_each_row(events: Iterable[Event[State]]) -> list[Event[State]]:
    """Events carry whole states, so within a batch only the highest version of a row matters."""
    newest: dict[tuple[type[State], int, int], Event[State]] = {}
    for event in events:
        row = (type(event.data), event.organisation_id, event.data.id)
        if row not in newest or newest[row].data.version < event.data.version:
            newest[row] = event
    # Rows in one order everywhere: two consumers that lock the same rows then cannot deadlock.
    return [newest[row] for row in sorted(newest, key=lambda row: row[1:])]


class Batch:
    """Deliveries that are applied in one transaction and acknowledged together; never empty."""

    def __init__(self, first: Delivery) -> None:
        self.last = first
        self.decoded: list[tuple[Delivery, Event[State]]] = []
        self.invalid: list[tuple[Delivery, EventInvalid]] = []
        self._add(first)

    def __len__(self) -> int:
        return len(self.decoded) + len(self.invalid)

    def take(self, arrived: Arrivals) -> None:
        """What has arrived meanwhile, as far as there is room; the news that nothing more comes stays where it is."""
        while len(self) < BATCH and not arrived.empty():
            delivery = arrived.get_nowait()
            if delivery is None:
                arrived.put_nowait(None)
                return
            self._add(delivery)

    def events(self) -> list[Event[State]]:
        return [event for _, event in self.decoded]

    def _add(self, delivery: Delivery) -> None:
        self.last = delivery
        try:
            self.decoded.append((delivery, decode(delivery.body)))
        except EventInvalid as error:
            self.invalid.append((delivery, error))


def gathering(messages: int, seconds: float) -> float:
    """Seconds that a batch waits for more, where that many messages came in the seconds before it."""
    return GATHERING if messages >= MANY * seconds else 0.0


class Consumer:
    """Follows one queue, which `migrate` has declared. Any number may run at once, here and elsewhere."""

    def __init__(
        self,
        pool: Pool,
        amqp_url: str,
        queue: QueueName,
        subscriptions: Subscriptions,
    ) -> None:
        self._pool = pool
        self._amqp_url = amqp_url
        self._queue = queue
        self._subscriptions = subscriptions
        self._gathering = 0.0
        self._began = -math.inf
        self._connected = False

    async def is_connected(self) -> bool:
        return self._connected

    async def run(self) -> None:
        """Runs until it is cancelled, through any outage; what was not acknowledged is delivered again."""
        await retry_forever(self._consume, f"the consumer of {self._queue.name}")

    async def _consume(self, backoff: Backoff) -> None:
        try:
            async with connection_to(self._amqp_url, name=self._queue.name) as connection:
                channel = await open_channel(connection, prefetch=2 * BATCH)
                queue = await find_queue(channel, self._queue.name)
                # Bounded by the prefetch: the broker sends no more than that without an acknowledgement.
                arrived = Arrivals()
                await _tell_of_end(channel, arrived)
                await deliver(connection, channel, queue.name, arrived.put_nowait)
                self._connected = True
                while True:
                    batch = await self._next_batch(channel, arrived)
                    await self._handle(channel, batch, arrived)
                    backoff.reset()
        finally:
            self._connected = False

    async def _next_batch(self, channel: AbstractChannel, arrived: Arrivals) -> Batch:
        """Of the first message that comes; others are taken along once its transaction has begun."""
        while True:
            try:
                async with asyncio.timeout(WATCH_INTERVAL):
                    first = await arrived.get()
            except TimeoutError:
                await self._watch(channel)
                continue
            if first is None:
                raise BrokerUnavailable("the broker sends the consumer no more")
            if self._gathering and arrived.qsize() < BATCH - 1:
                await asyncio.sleep(self._gathering)
            return Batch(first)

    async def _watch(self, channel: AbstractChannel) -> None:
        """A consumer can be dropped without a word (mosquito/aio-pika#231); the broker knows."""
        queue = await find_queue(channel, self._queue.name)
        if not queue.declaration_result.consumer_count:
            raise BrokerUnavailable("the broker has no consumer on this queue any more")

    async def _handle(self, channel: AbstractChannel, batch: Batch, arrived: Arrivals) -> None:
        began = time.monotonic()
        try:
            await self._commit(partial(self._gathered, batch, arrived))
        except Exception as error:
            log.warning("batch failed, applying its messages one at a time: %r", error)
            await self._handle_one_by_one(channel, batch)
        self._gathering, self._began = gathering(len(batch), began - self._began), began
        for delivery, invalid in batch.invalid:
            await self._dead_letter(channel, delivery, invalid)
        # Deliveries of a channel are numbered in order, and each of these is settled one way or the other.
        await batch.last.acknowledge_all()

    def _gathered(self, batch: Batch, arrived: Arrivals) -> list[Event[State]]:
        batch.take(arrived)
        return batch.events()

    async def _handle_one_by_one(self, channel: AbstractChannel, batch: Batch) -> None:
        for delivery, event in batch.decoded:
            try:
                await self._commit(partial(list, [event]))
            except Exception as error:
                await self._dead_letter(channel, delivery, error)

    async def _commit(self, events: Callable[[], Sequence[Event[State]]]) -> None:
        """Applies the events in one transaction, waiting as long as the database is away.

        It begins with the organisations of the events so far. They are asked for again when it has begun, which takes
        a round trip: what arrives meanwhile goes along, and seldom brings an organisation that was not there before.
        """
        backoff = Backoff()
        while True:
            try:
                organisations = _organisations(events())
                async with transaction(self._pool, organisations) as connection:
                    gathered = events()
                    if not organisations.issuperset(more := _organisations(gathered)):
                        await connection.execute(scope(more))
                    await apply(connection, self._subscriptions, gathered)
                return
            except Unavailable as error:
                log.warning("the consumer of %s waits for the database: %s", self._queue.name, error)
            await asyncio.sleep(backoff.next())

    async def _dead_letter(self, channel: AbstractChannel, delivery: Delivery, error: Exception) -> None:
        """Confirmed in the dead-letter queue before the original is acknowledged."""
        message = delivery.message()
        log.error(
            "message cannot be applied and moves to the dead-letter queue",
            extra={"queue": self._queue.name, "event_id": message.message_id, "reason": repr(error)},
            exc_info=None if isinstance(error, EventInvalid) else error,
        )
        exchange = await find_exchange(channel, self._queue.dead_letters)
        with broker_outages():
            await exchange.publish(
                dead_letter_of(message, error), self._queue.dead_letters, mandatory=True, timeout=OPERATION_TIMEOUT
            )


def _organisations(events: Iterable[Event[State]]) -> set[int]:
    return {event.organisation_id for event in events}


async def _tell_of_end(channel: AbstractChannel, arrived: Arrivals) -> None:
    """Wakes the consumer at once when its channel closes, or the broker cancels it as when its queue is deleted."""

    def tell(*_: Any) -> None:
        arrived.put_nowait(None)

    channel.close_callbacks.add(tell)
    with broker_outages():
        underlay = await channel.get_underlay_channel()
    underlay.on_consumer_cancel_callbacks.add(tell)
