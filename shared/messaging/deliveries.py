"""Deliveries of a queue as bytes; a message object is built only for the few that need one (decision 9)."""

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
"""The tag in a method, and the body's size in a header."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that the broker delivered; `method` and `header` are payloads as received (AMQP 0-9-1, section 4.2)."""

    channel: AbstractChannel
    method: bytes
    header: bytes
    body: bytes

    @property
    def tag(self) -> int:
        """The delivery tag; in the method it follows the consumer tag, a short string."""
        tag: int = _NUMBER.unpack_from(self.method, 5 + self.method[4])[0]
        return tag

    async def acknowledge_all(self) -> None:
        """Acknowledges this delivery and all before it on the channel; raises `BrokerUnavailable`."""
        with broker_outages():
            await self.channel.basic_ack(self.tag, multiple=True)

    def message(self) -> AbstractIncomingMessage:
        """The message with its properties; raises ValueError if they cannot be parsed."""
        delivery, header = Basic.Deliver(), ContentHeader()
        delivery.unmarshal(self.method[4:])
        header.unmarshal(self.header)
        return aio_pika.IncomingMessage(DeliveredMessage(delivery, header, self.body, self.channel))


class DeliveryAssembler:
    """Assembles a channel's deliveries from their frames: a method, a header, and bodies up to the declared size."""

    def __init__(self, channel: AbstractChannel, arrived: Callable[[Delivery], None]) -> None:
        self._channel = channel
        self._arrived = arrived
        self._method = self._header = b""
        self._bodies: list[bytes] = []
        self._missing = 0

    def handle(self, kind: int, payload: bytes) -> bool:
        """Consumes frames of deliveries only; aiormq gets the others, such as those of a returned message."""
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


async def subscribe(
    connection: BrokerConnection, channel: aio_pika.abc.AbstractChannel, queue: str, arrived: Callable[[Delivery], None]
) -> None:
    """Consumes the queue on this channel of the connection; calls `arrived` with each delivery."""
    with broker_outages():
        underlay = await channel.get_underlay_channel()
        connection.tap.tap_channel(underlay.number, DeliveryAssembler(underlay, arrived).handle)
        await underlay.basic_consume(queue, _unexpected, timeout=OPERATION_TIMEOUT)


async def _unexpected(message: DeliveredMessage) -> None:
    raise AssertionError(f"aiormq saw the delivery {message.delivery_tag}, which is never acknowledged")
