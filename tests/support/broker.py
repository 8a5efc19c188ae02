"""The broker as a test sees it: an exchange and a queue of its own, and what passes through them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from aiormq.exceptions import ChannelNotFoundEntity

from shared.events.types import Event
from shared.messaging.broker import QueueName, connection_to, declare_exchange, declare_queue
from tests.support.databases import amqp_url
from tests.support.events import encoded

TIMEOUT = 10.0
Inbox = list[AbstractIncomingMessage]


@dataclass(frozen=True)
class Broker:
    """`exchange` and `queue` are named for one test alone; `url` is the broker's own address."""

    url: str
    channel: AbstractChannel
    exchange: AbstractExchange
    queue: QueueName

    async def inbox(self, routing_key: str = "#") -> Inbox:
        """A list that gets everything published with the routing key from now on."""
        received: Inbox = []

        async def receive(message: AbstractIncomingMessage) -> None:
            received.append(message)

        queue = await self.channel.declare_queue(exclusive=True, timeout=TIMEOUT)
        await queue.bind(self.exchange, routing_key, timeout=TIMEOUT)
        await queue.consume(receive, no_ack=True, timeout=TIMEOUT)
        return received

    async def declare(self, *routing_keys: str) -> None:
        """The queue as its service declares it, before anything follows it."""
        await declare_queue(self.channel, self.queue, routing_keys, self.exchange.name)

    async def publish(self, events: Iterable[Event[Any]]) -> None:
        """In this order; returns once the broker has all of them."""
        bodies = [(encoded(event)[1].encode(), event.type) for event in events]
        await asyncio.gather(*(self.publish_body(body, routing_key) for body, routing_key in bodies))

    async def publish_body(self, body: bytes, routing_key: str) -> None:
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await self.exchange.publish(message, routing_key, timeout=TIMEOUT)

    async def taken(self) -> Inbox:
        """What lies in the queue; it is taken out."""
        return await self._taken_from(self.queue.name)

    async def dead_letters(self) -> Inbox:
        """What lies in the dead-letter queue; it is taken out."""
        return await self._taken_from(self.queue.dead_letters)

    async def _taken_from(self, name: str) -> Inbox:
        queue = await self.channel.declare_queue(name, passive=True, timeout=TIMEOUT)
        found: Inbox = []
        while message := await queue.get(no_ack=True, fail=False, timeout=TIMEOUT):
            found.append(message)
        return found

    async def consumers(self) -> int:
        """Consumers of the queue, none while there is no such queue."""
        async with self.channel_of_its_own() as channel:
            try:
                queue = await channel.declare_queue(self.queue.name, passive=True, timeout=TIMEOUT)
            except ChannelNotFoundEntity:
                return 0
        return queue.declaration_result.consumer_count or 0

    async def is_delivered(self) -> bool:
        """Whether nothing in the queue waits for a consumer to be sent to."""
        queue = await self.channel.declare_queue(self.queue.name, passive=True, timeout=TIMEOUT)
        return queue.declaration_result.message_count == 0

    async def delete_queue(self) -> None:
        await self.channel.queue_delete(self.queue.name, timeout=TIMEOUT)

    @asynccontextmanager
    async def channel_of_its_own(self) -> AsyncIterator[AbstractChannel]:
        """A channel the broker may close without taking the test's with it."""
        async with connection_to(self.url, name="test") as connection:
            yield await connection.channel()


@asynccontextmanager
async def own_broker(service: str = "service") -> AsyncIterator[Broker]:
    """The exchange and the service's queue are gone afterwards."""
    unique = secrets.token_hex(6)
    queue = QueueName(f"test.{unique}.{service}")
    async with connection_to(amqp_url(), name="test") as connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await declare_exchange(channel, f"test.events.{unique}")
        try:
            yield Broker(amqp_url(), channel, exchange, queue)
        finally:
            await channel.queue_delete(queue.name, timeout=TIMEOUT)
            await channel.queue_delete(queue.dead_letters, timeout=TIMEOUT)
            for name in (exchange.name, queue.dead_letters):
                await channel.exchange_delete(name, timeout=TIMEOUT)
