"""The socket of a broker connection: frames that come by the thousand are taken out before aiormq reads them.

aiormq and aio-pika make three frames, a task and a message out of each delivery, and a future of each confirmation:
100 µs and more apiece. Whoever asks for a channel's frames gets them here as bytes, at a few µs. Everything else stays
theirs: the handshake, TLS, heartbeats, opening and closing, errors (AMQP 0-9-1, sections 2.3.5 and 4.2).
"""

import asyncio
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, SupportsIndex

from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError
from pamqp.base import Frame
from pamqp.heartbeat import Heartbeat
from yarl import URL

from shared.messaging.errors import broker_outages

METHOD, HEADER, BODY = 1, 2, 3
"""Types of frames."""

Take = Callable[[int, bytes], bool]
"""Given type and payload of a frame: whether it was taken. One that was not is for aiormq."""

_HEAD = struct.Struct(">BHI")
_END = 0xCE
_AROUND = _HEAD.size + 1
_SIGN_OF_LIFE = 1.0
"""Seconds. A broker that delivers sends no heartbeats, and aiormq holds one from which it sees nothing for dead."""
_HEARTBEAT = Heartbeat().marshal()


def method_index(method: type[Frame]) -> bytes:
    """What the payload of a method's frame begins with."""
    return struct.pack(">I", method.index)


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """A frame as it is sent."""
    return b"%b%b\xce" % (_HEAD.pack(kind, channel, len(payload)), payload)


class Wire(TransportFactory):
    """What aiormq opens its connection with, and the way past it."""

    def __init__(self) -> None:
        self._routes: dict[int, Take] = {}
        self._writer: asyncio.StreamWriter

    async def create(self, url: URL, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """As `asyncio.open_connection` does it, with another reader; raises `AMQPConnectionError`."""
        contexts = options.pop("ssl_context_provider")
        context = await contexts.get_context() if url.scheme == "amqps" else None
        loop = asyncio.get_running_loop()
        reader = _Reader(self._routes, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            transport, _ = await loop.create_connection(
                lambda: protocol, str(url.host), int(url.port or 0), ssl=context, **options
            )
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        self._writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return reader, self._writer

    def route(self, channel: int, take: Take) -> None:
        """From now on the channel's frames are offered to `take` first."""
        self._routes[channel] = take

    async def send(self, frames: bytes) -> None:
        """Whole frames, in one write; returns when the socket has room again. Raises `BrokerUnavailable`."""
        with broker_outages():
            self._writer.write(frames)
            await self._writer.drain()


class _Reader(asyncio.StreamReader):
    """What aiormq reads: the frames that nobody took."""

    def __init__(self, routes: dict[int, Take], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._time = loop.time
        self._routes = routes
        self._begun = b""
        self._fed = 0.0

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        frames = list(self._whole_frames(self._begun + bytes(data)))
        left = b"".join(each for each in frames if not self._is_taken(each))
        if frames and not left and self._time() > self._fed + _SIGN_OF_LIFE:
            left = _HEARTBEAT
        if left:
            self._fed = self._time()
            super().feed_data(left)

    def feed_eof(self) -> None:
        """Called by asyncio when the broker ends, and once more when the connection is lost."""
        begun, self._begun = self._begun, b""
        if begun:
            super().feed_data(begun)  # no frame, such as the answer to a client of another protocol
        super().feed_eof()

    def _whole_frames(self, data: bytes) -> Iterator[bytes]:
        begin, size = 0, len(data)
        while begin + _AROUND <= size:
            length = _HEAD.unpack_from(data, begin)[2]
            end = begin + length + _AROUND
            if end > size:
                break
            yield data[begin:end]
            begin = end
        self._begun = data[begin:]

    def _is_taken(self, whole: bytes) -> bool:
        kind, channel, _ = _HEAD.unpack_from(whole)
        take = self._routes.get(channel)
        return take is not None and whole[-1] == _END and take(kind, whole[_HEAD.size : -1])
