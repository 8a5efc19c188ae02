"""Consumers: what a service follows, and how deliveries are answered (architecture, decisions 3 and 7).

Messages that wait together are applied in one transaction and acknowledged together after its commit. While
the database is away the batch is kept and tried again; what can never be applied goes to the dead-letter
queue at once, with its reason.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from aio_pika.abc import AbstractChannel

from shared.backoff import Backoff
from shared.broker import OPERATION_TIMEOUT, QueueName, connection_to, find_exchange, find_queue
from shared.cloudevents import EventInvalid, decode
from shared.database import Connection, Pool, is_unavailable, transaction
from shared.dead_letters import dead_letter_of
from shared.deliveries import Delivery, deliver
from shared.events import Event, State
from shared.outages import through_outages

log = logging.getLogger(__name__)

BATCH = 500
GATHERING = 0.001
"""Seconds for the rest of what was published together, which the broker hands out one by one: the transaction that
a few more would need takes longer."""
MANY, GATHERING_MANY = 8, 0.006
"""Where a batch held that many messages, at about a thousand a second, the next one gathers for so long: most of what a
small batch costs is its transaction, and those who enroll need the processor more."""
WATCH_INTERVAL = 5.0
"""Seconds of silence after which the consumer asks the broker whether it is still registered."""

Handler = Callable[[Connection, Sequence[Any]], Awaitable[None]]
"""Applies events of its kind inside the transaction given; at most one for each row, the newest."""

Subscriptions = Mapping[type[Event[State]], Handler]
"""What a service follows: event → handler, in the order in which handlers run inside a batch."""

Decoded = tuple[Delivery, Event[State]]
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


def gathering(last_batch: int) -> float:
    """Seconds that a batch waits for more, after one of so many messages."""
    return GATHERING if last_batch < MANY else GATHERING_MANY


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
        self._last_batch = 0
        self._connected = False

    async def is_connected(self) -> bool:
        return self._connected

    async def run(self) -> None:
        """Runs until it is cancelled, through any outage; what was not acknowledged is delivered again."""
        await through_outages(self._consume, f"the consumer of {self._queue.name}")

    async def _consume(self, backoff: Backoff) -> None:
        try:
            async with connection_to(self._amqp_url, name=self._queue.name) as connection:
                channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                await channel.set_qos(prefetch_count=2 * BATCH, timeout=OPERATION_TIMEOUT)
                queue = await find_queue(channel, self._queue.name)
                # Bounded by the prefetch: the broker sends no more than that without an acknowledgement.
                arrived = Arrivals()
                await _tell_of_end(channel, arrived)
                underlay = await channel.get_underlay_channel()
                await deliver(connection, underlay, queue.name, arrived.put_nowait)
                self._connected = True
                while True:
                    deliveries = await self._next_batch(channel, arrived)
                    await self._handle(channel, deliveries)
                    backoff.reset()
        finally:
            self._connected = False

    async def _next_batch(self, channel: AbstractChannel, arrived: Arrivals) -> list[Delivery]:
        while True:
            try:
                taken = [await asyncio.wait_for(arrived.get(), WATCH_INTERVAL)]
            except TimeoutError:
                await self._watch(channel)
                continue
            if arrived.qsize() < BATCH - 1:
                await asyncio.sleep(gathering(self._last_batch))
            while len(taken) < BATCH and not arrived.empty():
                taken.append(arrived.get_nowait())
            self._last_batch = len(taken)
            deliveries = [delivery for delivery in taken if delivery is not None]
            if len(deliveries) < len(taken):
                raise ConnectionResetError("the broker sends the consumer no more")
            return deliveries

    async def _watch(self, channel: AbstractChannel) -> None:
        """A consumer can be dropped without a word (mosquito/aio-pika#231); the broker knows."""
        queue = await find_queue(channel, self._queue.name)
        if not queue.declaration_result.consumer_count:
            raise ConnectionResetError("the broker has no consumer on this queue any more")

    async def _handle(self, channel: AbstractChannel, deliveries: Sequence[Delivery]) -> None:
        decoded: list[Decoded] = []
        for delivery in deliveries:
            try:
                decoded.append((delivery, decode(delivery.body)))
            except EventInvalid as error:
                await self._dead_letter(channel, delivery, error)
        try:
            await self._commit([event for _, event in decoded])
        except Exception as error:
            log.warning("a batch was refused and is applied one by one: %r", error)
            await self._handle_one_by_one(channel, decoded)
        # Deliveries of a channel are numbered in order, and each of these is settled one way or the other.
        await deliveries[-1].acknowledge_all()

    async def _handle_one_by_one(self, channel: AbstractChannel, decoded: Sequence[Decoded]) -> None:
        for delivery, event in decoded:
            try:
                await self._commit([event])
            except Exception as error:
                await self._dead_letter(channel, delivery, error)

    async def _commit(self, events: Sequence[Event[State]]) -> None:
        """Applies the events in one transaction, waiting as long as the database is away."""
        backoff = Backoff()
        while events:
            try:
                async with transaction(self._pool) as connection:
                    await apply(connection, self._subscriptions, events)
                return
            except Exception as error:
                if not is_unavailable(error):
                    raise
                log.warning("the consumer waits for the database: %r", error)
            await asyncio.sleep(backoff.next())

    async def _dead_letter(self, channel: AbstractChannel, delivery: Delivery, error: Exception) -> None:
        """Confirmed in the dead-letter queue before the original is acknowledged."""
        message = delivery.message()
        log.error(
            "a message can never be applied and goes to the dead letters",
            extra={"queue": self._queue.name, "event_id": message.message_id, "reason": repr(error)},
        )
        exchange = await find_exchange(channel, self._queue.dead_letters)
        await exchange.publish(
            dead_letter_of(message, error), self._queue.dead_letters, mandatory=True, timeout=OPERATION_TIMEOUT
        )


async def _tell_of_end(channel: AbstractChannel, arrived: Arrivals) -> None:
    """Wakes the consumer at once when its channel closes, or the broker cancels it as when its queue is deleted."""

    def tell(*_: Any) -> None:
        arrived.put_nowait(None)

    channel.close_callbacks.add(tell)
    (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(tell)
