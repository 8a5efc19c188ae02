"""Another service that subscribes to the events, as the API's users write one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from tests.support.databases import amqp_url
from tests.support.examples import exactly

DEADLINE = 20.0


@dataclass
class Subscriber:
    """What has arrived for one organisation; the exchange carries that of all tests."""

    organisation: int
    messages: list[AbstractIncomingMessage] = field(default_factory=list)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, message: AbstractIncomingMessage) -> None:
        if exactly(message.body.decode())["organisationid"] == str(self.organisation):
            async with self._arrived:
                self.messages.append(message)
                self._arrived.notify_all()

    async def message(self, routing_key: str, count: int = 1) -> AbstractIncomingMessage:
        """The `count`th message with the routing key, once it has arrived."""

        def found() -> list[AbstractIncomingMessage]:
            return [message for message in self.messages if message.routing_key == routing_key]

        async with asyncio.timeout(DEADLINE), self._arrived:
            await self._arrived.wait_for(lambda: len(found()) >= count)
        return found()[count - 1]

    async def event(self, routing_key: str, count: int = 1) -> dict[str, Any]:
        """Its body, as `exactly` reads it."""
        body: dict[str, Any] = exactly((await self.message(routing_key, count)).body.decode())
        return body


@asynccontextmanager
async def subscriber(exchange: str, organisation: int) -> AsyncIterator[Subscriber]:
    """Subscribed to every event from here on."""
    subscriber = Subscriber(organisation)
    async with await aio_pika.connect(amqp_url(), timeout=5) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, "#")
        await queue.consume(subscriber.take, no_ack=True)
        yield subscriber
