"""Publishes many events with one write and collects their confirmations (RabbitMQ, "Publisher Confirms")."""

import asyncio
import contextlib
import struct
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import Any

import pamqp.frame
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.events.cloudevents import CONTENT_TYPE
from shared.messaging.amqp_frames import BODY, HEADER, METHOD, FrameTap, frame, method_index
from shared.messaging.broker import OPERATION_TIMEOUT, BrokerConnection, find_exchange
from shared.messaging.errors import BrokerUnavailable, broker_outages
from shared.messaging.outbox import OutboxRow

_TAG = struct.Struct(">QB")
_MULTIPLE = 1
"""The bit behind the tag that extends a confirmation to all tags before it."""
_PERSISTENT = 2
_SIZE, _ANY_SIZE = struct.Struct(">Q"), 2**64 - 1
_ANY_ID = "00000000-0000-0000-0000-000000000000"


class Outcome(Enum):
    """What the broker answered for one event."""

    CONFIRMED = auto()
    """Stored in every queue it is routed to."""
    REFUSED = auto()
    """Routed to no queue although it must be, or to a full one."""
    UNKNOWN = auto()
    """No answer: it may or may not be stored."""


_OUTCOMES = {method_index(Basic.Ack): Outcome.CONFIRMED, method_index(Basic.Nack): Outcome.REFUSED}
_RETURN = method_index(Basic.Return)


class _Batch:
    def __init__(self, rows: Sequence[OutboxRow]) -> None:
        self.ids = [str(row.event_id) for row in rows]
        self.outcomes = [Outcome.UNKNOWN] * len(rows)
        self.ended = asyncio.Event()
        self._unsettled = len(rows)

    def settle(self, position: int, outcome: Outcome) -> None:
        self.outcomes[position] = outcome
        self._unsettled -= 1
        if not self._unsettled:
            self.ended.set()


class Publisher:
    """Publishes to one exchange, on a channel used for nothing else, and handles the channel's confirmations.

    Delivery tags count the messages published on a channel, from 1.
    """

    def __init__(self, tap: FrameTap, channel: int, exchange: str, frame_max: int) -> None:
        self._tap = tap
        self._channel = channel
        self._body_max = frame_max - len(frame(BODY, channel, b""))
        self._last_tag = 0
        self._unsettled: OrderedDict[int, tuple[_Batch, int]] = OrderedDict()
        self._returned: set[str] = set()
        self._ended = False
        self._method = lru_cache(maxsize=100)(self._make_method)
        self._exchange = exchange
        self._before_size, self._before_id = self._make_header()

    def require_open(self) -> None:
        """Raises `BrokerUnavailable` when the channel is closed."""
        if self._ended:
            raise BrokerUnavailable("the channel is closed")

    async def publish(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """The outcome of each event, after `OPERATION_TIMEOUT` seconds at the latest.

        Raises `BrokerUnavailable` when the channel is closed.
        """
        self.require_open()
        batch = _Batch(rows)
        tags = range(self._last_tag + 1, self._last_tag + 1 + len(rows))
        self._unsettled.update((tag, (batch, position)) for position, tag in enumerate(tags))
        self._last_tag += len(rows)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OPERATION_TIMEOUT):
                await self._tap.send(b"".join(self._frames(rows, batch.ids)))
                await batch.ended.wait()
        return list(batch.outcomes)

    def handle(self, kind: int, payload: bytes) -> bool:
        """Consumes confirmations and returned events; a returned event comes before its confirmation."""
        if kind == METHOD:
            method = payload[:4]
            if method in _OUTCOMES:
                tag, bits = _TAG.unpack_from(payload, 4)
                self._settle(tag, bits, _OUTCOMES[method])
            return method in _OUTCOMES or method == _RETURN
        if kind == HEADER:
            header = ContentHeader()
            header.unmarshal(payload)
            self._returned.add(header.properties.message_id or "")
        return True

    def end(self, *_: Any) -> None:
        """The channel is closed: no confirmation will arrive any more."""
        self._ended = True
        for batch, _position in self._unsettled.values():
            batch.ended.set()

    def _settle(self, tag: int, bits: int, outcome: Outcome) -> None:
        if not bits & _MULTIPLE:
            self._settle_one(tag, outcome)
            return
        while self._unsettled and (oldest := next(iter(self._unsettled))) <= tag:
            self._settle_one(oldest, outcome)

    def _settle_one(self, tag: int, outcome: Outcome) -> None:
        batch, position = self._unsettled.pop(tag, (None, 0))
        if batch is None:
            return
        event_id = batch.ids[position]
        batch.settle(position, Outcome.REFUSED if event_id in self._returned else outcome)
        self._returned.discard(event_id)

    def _frames(self, rows: Sequence[OutboxRow], ids: Sequence[str]) -> Iterator[bytes]:
        for row, event_id in zip(rows, ids, strict=True):
            body = row.body.encode()
            yield self._method(row.routing_key, row.must_route)
            yield b"%b%b%b%b\xce" % (self._before_size, _SIZE.pack(len(body)), self._before_id, event_id.encode())
            for begin in range(0, len(body), self._body_max):
                yield frame(BODY, self._channel, body[begin : begin + self._body_max])

    def _make_method(self, routing_key: str, mandatory: bool) -> bytes:
        publish = Basic.Publish(exchange=self._exchange, routing_key=routing_key, mandatory=mandatory)
        return pamqp.frame.marshal(publish, self._channel)

    def _make_header(self) -> tuple[bytes, bytes]:
        """What all content headers share: the part before the body's size, and the part between size and id."""
        properties = Basic.Properties(content_type=CONTENT_TYPE, delivery_mode=_PERSISTENT, message_id=_ANY_ID)
        header = pamqp.frame.marshal(ContentHeader(body_size=_ANY_SIZE, properties=properties), self._channel)
        before, _, after = header.partition(_SIZE.pack(_ANY_SIZE))
        return before, after.partition(_ANY_ID.encode())[0]


async def publisher_on(connection: BrokerConnection, exchange: str) -> Publisher:
    """A publisher on a channel of its own.

    Raises `ChannelNotFoundEntity` where there is no such exchange, or `BrokerUnavailable`.
    """
    with broker_outages():
        channel = await connection.channel(publisher_confirms=True)
        underlay = await channel.get_underlay_channel()
    await find_exchange(channel, exchange)
    frame_max = underlay.connection.connection_tune.frame_max
    publisher = Publisher(connection.tap, underlay.number, exchange, frame_max)
    channel.close_callbacks.add(publisher.end)
    connection.tap.tap_channel(underlay.number, publisher.handle)
    return publisher
