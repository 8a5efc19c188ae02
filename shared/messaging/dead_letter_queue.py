"""A service's dead-letter queue in the hands of one operator.

Reading takes messages out, and every message that goes back counts as a delivery: from RabbitMQ 4 on, a quorum queue
without a limit of its own drops a message after 20 of them. So whoever reads looks at that count, and puts messages
back as fresh copies, all of them in their order, before it can come near.
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
"""Dead letters that one command looks at, the oldest; more of them wait for the next."""
RENEW_AFTER = 10
"""Deliveries after which a dead letter is put back as a fresh copy: half of what RabbitMQ 4 allows."""
BUSY_TIMEOUT = 10.0
"""Seconds to wait for another operator's command on the same queue."""

Choice = Callable[[DeadLetter], bool]


class QueueMissing(Exception):
    """The service's queues have not been declared: `migrate` does."""


class QueueInUse(Exception):
    """Another command works on these dead letters."""


class DeadLetterQueue:
    """What the queue holds, read once: `letters`, oldest first; `total` counts those past the window too."""

    def __init__(self, channel: AbstractChannel, queue: QueueName, letters: Sequence[DeadLetter], total: int) -> None:
        self._channel = channel
        self._queue = queue
        self._settled: set[int] = set()
        self.letters = letters
        self.total = total

    async def retry(self, chosen: Choice) -> int:
        """Hands the chosen back to the service's own queue, in their order; how many.

        Not to the exchange: others have applied them. Each is confirmed there before it is gone from here, so that
        being killed in between repeats one and loses none. Raises `DeliveryError` when the queue takes no more.
        """
        return await self._settle(chosen, self._publish_retry)

    async def discard(self, chosen: Choice) -> int:
        """Deletes the chosen; how many."""

        async def nothing(letter: DeadLetter) -> None:
            """It is acknowledged, and that is all."""

        return await self._settle(chosen, nothing)

    async def give_back(self) -> None:
        """Leaves the rest where it was. It goes back when the channel closes, unless that happened too often."""
        rest = [letter for letter in self.letters if letter.message.delivery_tag not in self._settled]
        if any(letter.deliveries >= RENEW_AFTER for letter in rest):
            await self._settle(lambda _: True, self._publish_copy)

    async def _settle(self, chosen: Choice, first: Callable[[DeadLetter], Awaitable[None]]) -> int:
        count = 0
        for letter in self.letters:
            tag = letter.message.delivery_tag
            if tag is None or tag in self._settled or not chosen(letter):
                continue
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
        """Returns once the broker has it in that queue; raises `DeliveryError`."""
        with broker_outages():
            await self._channel.default_exchange.publish(message, queue, mandatory=True, timeout=OPERATION_TIMEOUT)


@asynccontextmanager
async def dead_letter_queue(amqp_url: str, queue: QueueName) -> AsyncIterator[DeadLetterQueue]:
    """The dead letters, for this operator alone until the block ends; what is not settled then goes back.

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
    """Keeps others out with a queue that only one connection can have, and that is gone with it.

    An exclusive consumer would be the broker's own way, but quorum queues of RabbitMQ 3 let others in all the same.
    """
    backoff, clock = Backoff(), asyncio.get_running_loop().time
    end = clock() + BUSY_TIMEOUT
    while True:
        channel = await open_channel(connection)  # the broker closes one on which it has refused something
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
    """The oldest messages, and how many there are at all."""
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
