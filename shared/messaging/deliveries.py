"""What a queue delivers, as bytes: a message is made of it only where somebody asks for one."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.messaging.amqp_frames import HEADER, METHOD, method_index
from shared.messaging.broker import OPERATION_TIMEOUT, BrokerConnection
from shared.messaging.errors import broker_outages

_DELIVER = method_index(Basic.Deliver)
_NUMBER = struct.Struct(">Q")
"""Of the tag in a method, and of the body's size in a header."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that the broker handed out on the channel; `method` and `header` as they came (AMQP 0-9-1, 4.2)."""

    channel: AbstractChannel
    method: bytes
    header: bytes
    body: bytes

    @property
    def tag(self) -> int:
        """Its number on the channel; in the method it follows the consumer's name."""
        tag: int = _NUMBER.unpack_from(self.method, 5 + self.method[4])[0]
        return tag

    async def acknowledge_all(self) -> None:
        """This one, and all that the channel delivered before it; raises `BrokerUnavailable`."""
        with broker_outages():
            await self.channel.basic_ack(self.tag, multiple=True)

    def message(self) -> AbstractIncomingMessage:
        """With its properties; raises ValueError where those cannot be read."""
        delivery, header = Basic.Deliver(), ContentHeader()
        delivery.unmarshal(self.method[4:])
        header.unmarshal(self.header)
        return aio_pika.IncomingMessage(DeliveredMessage(delivery, header, self.body, self.channel))


class Deliveries:
    """Puts a channel's deliveries together from their frames: a method, a header, and bodies up to the size told."""

    def __init__(self, channel: AbstractChannel, arrived: Callable[[Delivery], None]) -> None:
        self._channel = channel
        self._arrived = arrived
        self._method = self._header = b""
        self._bodies: list[bytes] = []
        self._missing = 0

    def take(self, kind: int, payload: bytes) -> bool:
        """Everything of deliveries; not what else comes on the channel, such as a message that is returned."""
        if kind == METHOD:
            if payload[:4] != _DELIVER:
                return False
            self._method = payload
            return True
        if not self._method:
            return False
        if kind == HEADER:
            self._header, self._bodies = payload, []
            self._missing = _NUMBER.unpack_from(payload, 4)[0]
        else:
            self._bodies.append(payload)
            self._missing -= len(payload)
        if not self._missing:
            self._arrived(Delivery(self._channel, self._method, self._header, b"".join(self._bodies)))
            self._method = b""
        return True


async def deliver(
    connection: BrokerConnection, channel: aio_pika.abc.AbstractChannel, queue: str, arrived: Callable[[Delivery], None]
) -> None:
    """From now on calls `arrived` with what the queue delivers on this channel of the connection."""
    with broker_outages():
        underlay = await channel.get_underlay_channel()
        connection.wire.route(underlay.number, Deliveries(underlay, arrived).take)
        await underlay.basic_consume(queue, _passed_over, timeout=OPERATION_TIMEOUT)


async def _passed_over(message: DeliveredMessage) -> None:
    raise AssertionError(f"aiormq saw the delivery {message.delivery_tag}, which is never acknowledged")
