"""A service's dead-letter queue, for one operator's command at a time.

Reading takes messages out, and each return counts as a delivery. Since RabbitMQ 4 a quorum queue without a delivery
limit of its own drops a message after 20. So the reader checks that count, and well before the limit replaces all
messages with new copies, in their order.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aiormq.exceptions import ChannelLockedResource, ChannelNotFoundEntity

from shared.concurrency.backoff import Backoff
from shared.messaging.broker import OPERATION_TIMEOUT, QueueName, connection_to, find_queue, open_channel
from shared.messaging.dead_letter import DeadLetter
from shared.messaging.errors import broker_outages

WINDOW = 5000
"""The oldest dead letters, which one command works on; the others wait for the next command."""
RENEW_AFTER = 10
"""Deliveries after which dead letters are replaced with new copies: half of what RabbitMQ 4 allows."""
BUSY_TIMEOUT = 10.0
"""Seconds to wait for another operator's command on the same queue."""

Choice = Callable[[DeadLetter], bool]


class QueueMissing(Exception):
    """The service's queues have not been declared; `migrate` declares them."""


class QueueInUse(Exception):
    """Another command is working on these dead letters."""


class DeadLetterQueue:
    """The queue's contents, read once: `letters`, oldest first; `total` includes those beyond `WINDOW`."""

    def __init__(self, channel: AbstractChannel, queue: QueueName, letters: Sequence[DeadLetter], total: int) -> None:
        self._channel = channel
        self._queue = queue
        self._settled: set[int] = set()
        self.letters = letters
        self.total = total

    async def retry(self, chosen: Choice) -> int:
        """Publishes the chosen to the service's own queue, in their order; returns how many.

        They do not go to the exchange, because other services have applied them. Each is confirmed in that queue
        before it is acknowledged here: a crash in between repeats one and loses none. Raises `DeliveryError` when the
        queue is full.
        """
        return await self._settle(chosen, self._publish_retry)

    async def discard(self, chosen: Choice) -> int:
        """Deletes the chosen; returns how many."""
        return await self._settle(chosen)

    async def give_back(self) -> None:
        """Leaves the rest in the queue: it returns when the channel closes, as new copies if it was delivered often."""
        rest = [letter for letter in self.letters if letter.message.delivery_tag not in self._settled]
        if any(letter.deliveries >= RENEW_AFTER for letter in rest):
            await self._settle(lambda _: True, self._publish_copy)

    async def _settle(self, chosen: Choice, first: Callable[[DeadLetter], Awaitable[None]] | None = None) -> int:
        """Acknowledges the chosen, each after what is to be done `first`; returns how many."""
        count = 0
        for letter in self.letters:
            tag = letter.message.delivery_tag
            if tag is None or tag in self._settled or not chosen(letter):
                continue
            if first is not None:
                await first(letter)
            with broker_outages():
                await letter.message.ack()
            self._settled.add(tag)
            count += 1
        return count

    async def _publish_retry(self, letter: DeadLetter) -> None:
        await self._publish(letter.retry(), self._queue.name)

    async def _publish_copy(self, letter: DeadLetter) -> None:
        await self._publish(letter.copy(), self._queue.dead_letters)

    async def _publish(self, message: aio_pika.Message, queue: str) -> None:
        """Returns once the broker has stored it in that queue; raises `DeliveryError`."""
        with broker_outages():
            await self._channel.default_exchange.publish(message, queue, mandatory=True, timeout=OPERATION_TIMEOUT)


@asynccontextmanager
async def dead_letter_queue(amqp_url: str, queue: QueueName) -> AsyncIterator[DeadLetterQueue]:
    """The dead letters, for this command alone until the block ends; those not settled then return to the queue.

    Raises `QueueMissing`, or `QueueInUse` when another command does not end within `BUSY_TIMEOUT`.
    """
    async with connection_to(amqp_url, name=f"{queue.name} dead letters") as connection:
        await _lock(connection, queue)
        channel = await open_channel(connection, prefetch=WINDOW)
        messages, expected = await _read(channel, queue)
        letters = [DeadLetter(message) for message in messages]
        dead_letters = DeadLetterQueue(channel, queue, letters, expected)
        try:
            yield dead_letters
        finally:
            await dead_letters.give_back()


async def _lock(connection: AbstractConnection, queue: QueueName) -> None:
    """Keeps other commands out with an exclusive queue, which the broker deletes with its connection.

    An exclusive consumer would be the usual way, but quorum queues of RabbitMQ 3 do not enforce it.
    """
    backoff, clock = Backoff(), asyncio.get_running_loop().time
    end = clock() + BUSY_TIMEOUT
    while True:
        # A new one each time: the broker closes a channel on which it refused a command.
        channel = await open_channel(connection)
        try:
            with broker_outages():
                await channel.declare_queue(queue.operator, exclusive=True, timeout=OPERATION_TIMEOUT)
        except ChannelLockedResource:
            if clock() > end:
                raise QueueInUse(queue.dead_letters) from None
        else:
            return
        await asyncio.sleep(backoff.next())


async def _read(channel: AbstractChannel, queue: QueueName) -> tuple[list[AbstractIncomingMessage], int]:
    """The oldest messages, up to `WINDOW`, and the total number in the queue."""
    arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    try:
        declared = await find_queue(channel, queue.dead_letters)
    except ChannelNotFoundEntity:
        raise QueueMissing(queue.dead_letters) from None
    total = declared.declaration_result.message_count or 0
    expected = min(total, WINDOW)
    with broker_outages():
        await declared.consume(arrived.put, timeout=OPERATION_TIMEOUT)
        return [await asyncio.wait_for(arrived.get(), OPERATION_TIMEOUT) for _ in range(expected)], total
