"""RabbitMQ: connections, and the exchange and queues that events pass through."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractQueue
from aiormq.abc import ArgumentsType

from shared.concurrency.tasks import was_cancelled
from shared.events.types import EXCHANGE
from shared.messaging.amqp_frames import FrameTap
from shared.messaging.errors import BROKER_ERRORS, broker_outages

CONNECT_TIMEOUT = 5.0
OPERATION_TIMEOUT = 5.0
"""Seconds to wait for any single reply of the broker."""
HEARTBEAT = 10
"""Seconds; a broker that is silent for two of them counts as gone."""

MAX_QUEUE_LENGTH = 1_000_000
"""A full queue rejects new messages, which stay in the outbox, instead of dropping its oldest ones."""
DELIVERY_LIMIT = 100
"""Deliveries of a message without an acknowledgement, as when it crashes its consumer, before it is dead-lettered.
RabbitMQ 3 has no default limit and 4 has 20; a queue cannot change it once it is declared."""


@dataclass(frozen=True, slots=True)
class QueueName:
    """A service's queue, and its dead-letter queue for messages that can never be applied."""

    name: str

    @property
    def dead_letters(self) -> str:
        """The name of the dead-letter queue, and of the exchange that routes into both queues."""
        return f"{self.name}.dead-letters"

    @property
    def operator(self) -> str:
        """A queue that serves as a lock for the command that works on the dead letters; it never holds a message."""
        return f"{self.dead_letters}.operator"


class BrokerConnection(aio_pika.Connection):
    """A connection whose busy channels can be tapped (`tap`). Only `connection_to` closes it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.tap = FrameTap()
        self.kwargs["transport_factory"] = self.tap

    def __del__(self) -> None:
        """aio-pika's own starts a task from the garbage collector, which may run outside of any event loop."""


@asynccontextmanager
async def connection_to(url: str, *, name: str) -> AsyncIterator[BrokerConnection]:
    """A connection that does not reconnect by itself; raises `BrokerUnavailable`.

    The caller reconnects (`retry_forever`), because it knows what must be set up again.
    """
    with broker_outages():
        connection = await aio_pika.connect(
            url,
            timeout=CONNECT_TIMEOUT,
            client_properties={"connection_name": name},
            connection_class=BrokerConnection,
            heartbeat=HEARTBEAT,
        )
    try:
        yield connection
    finally:
        await _close(connection)


async def _close(connection: AbstractConnection) -> None:
    try:
        with broker_outages():
            await asyncio.wait_for(connection.close(), timeout=2)
    except BROKER_ERRORS:
        return
    except asyncio.CancelledError:
        if was_cancelled():
            raise


async def open_channel(connection: AbstractConnection, *, prefetch: int | None = None) -> AbstractChannel:
    """A channel that confirms what is published on it, and raises `DeliveryError` for what reaches no queue.

    `prefetch` bounds how many deliveries may be unanswered. Raises `BrokerUnavailable`.
    """
    with broker_outages():
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        if prefetch is not None:
            await channel.set_qos(prefetch_count=prefetch, timeout=OPERATION_TIMEOUT)
        return channel


async def declare_exchange(channel: AbstractChannel, name: str = EXCHANGE) -> AbstractExchange:
    return await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True, timeout=OPERATION_TIMEOUT)


async def find_exchange(channel: AbstractChannel, name: str) -> AbstractExchange:
    """Raises `ChannelNotFoundEntity` where there is none: processes that serve may not declare (decision 6)."""
    with broker_outages():
        return await channel.declare_exchange(name, passive=True, timeout=OPERATION_TIMEOUT)


async def find_queue(channel: AbstractChannel, name: str) -> AbstractQueue:
    """Raises `ChannelNotFoundEntity` where there is none, or `BrokerUnavailable`."""
    with broker_outages():
        return await channel.declare_queue(name, passive=True, timeout=OPERATION_TIMEOUT)


async def declare_queue(
    channel: AbstractChannel, queue: QueueName, routing_keys: Iterable[str], exchange_name: str = EXCHANGE
) -> AbstractQueue:
    """Declares a quorum queue bound to the routing keys, its dead-letter queue, and the exchange for both."""
    exchange = await declare_exchange(channel, exchange_name)
    limits: ArgumentsType = {"x-queue-type": "quorum", "x-max-length": MAX_QUEUE_LENGTH, "x-overflow": "reject-publish"}
    dead_letters = await channel.declare_queue(
        queue.dead_letters, durable=True, arguments=limits, timeout=OPERATION_TIMEOUT
    )
    declared = await channel.declare_queue(
        queue.name,
        durable=True,
        arguments={
            **limits,
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": queue.dead_letters,
            "x-dead-letter-strategy": "at-least-once",
        },
        timeout=OPERATION_TIMEOUT,
    )
    for routing_key in routing_keys:
        await declared.bind(exchange, routing_key, timeout=OPERATION_TIMEOUT)
    await _route_to(channel, queue.dead_letters, [dead_letters, declared])
    return declared


async def _route_to(channel: AbstractChannel, exchange_name: str, queues: Iterable[AbstractQueue]) -> None:
    """Declares an exchange that routes to these queues alone, by their names.

    The default exchange routes to every queue, so permission to write to it is permission to write to all of them.
    """
    exchange = await channel.declare_exchange(
        exchange_name, aio_pika.ExchangeType.DIRECT, durable=True, timeout=OPERATION_TIMEOUT
    )
    for queue in queues:
        await queue.bind(exchange, queue.name, timeout=OPERATION_TIMEOUT)
