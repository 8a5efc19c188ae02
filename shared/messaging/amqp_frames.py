"""The socket of a broker connection, with a tap for the frames of busy channels (decision 9).

For each delivery aiormq and aio-pika parse three frames, start a task and build a message; for each confirmation they
keep a future. That costs 100 µs and more. A handler that taps a channel gets its frames as bytes, at a few µs.
Everything else stays with aiormq: the handshake, TLS, heartbeats, opening and closing, errors (AMQP 0-9-1, sections
2.3.5 and 4.2).
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

FrameHandler = Callable[[int, bytes], bool]
"""Gets the type and the payload of a frame; returns whether it consumed the frame. aiormq gets the others."""

_HEAD = struct.Struct(">BHI")
_END = 0xCE
_AROUND = _HEAD.size + 1
_HEARTBEAT_INTERVAL = 1.0
"""Seconds. A broker that delivers sends no heartbeats, and aiormq closes a connection on which it reads nothing."""
_HEARTBEAT = Heartbeat().marshal()


def method_index(method: type[Frame]) -> bytes:
    """The first four bytes of the payload of a method frame."""
    return struct.pack(">I", method.index)


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """A whole frame, as it goes over the wire."""
    return b"%b%b\xce" % (_HEAD.pack(kind, channel, len(payload)), payload)


class FrameTap(TransportFactory):
    """Opens the connection for aiormq, and passes frames of tapped channels to their handlers."""

    def __init__(self) -> None:
        self._handlers: dict[int, FrameHandler] = {}
        self._writer: asyncio.StreamWriter

    async def create(self, url: URL, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Like `asyncio.open_connection`, with a reader of our own; raises `AMQPConnectionError`."""
        contexts = options.pop("ssl_context_provider")
        context = await contexts.get_context() if url.scheme == "amqps" else None
        loop = asyncio.get_running_loop()
        reader = _Reader(self._handlers, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            transport, _ = await loop.create_connection(
                lambda: protocol, str(url.host), int(url.port or 0), ssl=context, **options
            )
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        self._writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return reader, self._writer

    def tap_channel(self, channel: int, handle: FrameHandler) -> None:
        """From now on the channel's frames go to `handle` first."""
        self._handlers[channel] = handle

    async def send(self, frames: bytes) -> None:
        """Sends whole frames in one write; returns when the socket has room again. Raises `BrokerUnavailable`."""
        with broker_outages():
            self._writer.write(frames)
            await self._writer.drain()


class _Reader(asyncio.StreamReader):
    """The stream that aiormq reads: all frames that no handler consumed."""

    def __init__(self, handlers: dict[int, FrameHandler], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._time = loop.time
        self._handlers = handlers
        self._begun = b""
        self._fed = 0.0

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        frames = list(self._whole_frames(self._begun + bytes(data)))
        left = b"".join(each for each in frames if not self._is_consumed(each))
        if frames and not left and self._time() > self._fed + _HEARTBEAT_INTERVAL:
            left = _HEARTBEAT
        if left:
            self._fed = self._time()
            super().feed_data(left)

    def feed_eof(self) -> None:
        """asyncio calls this when the broker closes its side, and again when the connection is lost."""
        begun, self._begun = self._begun, b""
        if begun:
            super().feed_data(begun)  # not a frame, such as the reply to a client of another protocol version
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

    def _is_consumed(self, whole: bytes) -> bool:
        kind, channel, _ = _HEAD.unpack_from(whole)
        handle = self._handlers.get(channel)
        return handle is not None and whole[-1] == _END and handle(kind, whole[_HEAD.size : -1])
