"""Writes a stream to its connection, no faster than the client reads, and ends it visibly where it ends early."""

import asyncio
import fcntl
import logging
import socket
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final

from shared.concurrency.deadline import current_deadline
from shared.errors import ApiError
from shared.http.server.response_bytes import parts
from shared.http.server.response_stream import ResponseStream
from shared.http.stream_slots import STALL_TIMEOUT

log = logging.getLogger(__name__)

UNSENT_BYTES: Final = 64 * 1024
"""That may wait for the kernel, beside the piece that was written last; what a transport calls its high-water mark."""
LAST_WORDS_TIMEOUT: Final = 5.0
"""Seconds in which the reader of a stream that fails may still read what was sent before, which says why."""
_LAST_WORDS_POLL: Final = 0.02
_LAST_CHUNK: Final = b"0\r\n\r\n"
_RESET: Final = struct.pack("ii", 1, 0)
"""Of SO_LINGER: what is unsent is dropped, and the other end sees a reset."""


class StreamCut(Exception):
    """It ends in the middle because its reader is too slow."""


class ClientGone(Exception):
    """It ends in the middle because its connection is closed already, in this very moment."""


class LengthMissed(Exception):
    """There was more or less of it than it announced."""


class Outlet:
    """One stream on one connection."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._sending: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._is_too_slow = False

    async def send(self, stream: ResponseStream, *, in_chunks: bool, last: bool) -> None:
        """In a task of its own: it ends with its connection, with its slot, and with the process.

        Raises `ConnectionError` for one that ended in the middle; its connection is reset then.
        """
        if stream.cut_behind is not None:
            self._bound_kernel_buffer(stream.cut_behind)
        self._transport.set_write_buffer_limits(high=UNSENT_BYTES)
        sending = self._sending = asyncio.get_running_loop().create_task(self._send(stream, in_chunks, last))
        try:
            if stream.slot is not None:
                stream.slot.when_cut(sending.cancel)
            await asyncio.wait({sending})
        finally:
            if not sending.done():
                sending.cancel()
                await asyncio.wait({sending})
        error = None if sending.cancelled() else sending.exception()
        if sending.cancelled() or error is not None:
            self._note_end(error)
            if isinstance(error, Exception) and not isinstance(error, ClientGone | StreamCut | LengthMissed):
                await self._received()
            self._reset()
            raise ConnectionError("The stream ended in the middle.")

    def has_moved(self) -> None:
        """The transport has room again."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    async def ended(self, within: float | None) -> None:
        if self._sending is not None:
            await asyncio.wait({self._sending}, timeout=within)

    def cut(self) -> None:
        """Ends the stream in the middle. Nobody can take what came for all of it, however its end is marked."""
        if self._sending is not None and not self._sending.done():
            self._sending.cancel()
            self._reset()

    async def _send(self, stream: ResponseStream, in_chunks: bool, last: bool) -> None:
        """The deadline was that of its beginning."""
        current_deadline.set(None)
        in_chunks, left = in_chunks and stream.length is None, stream.length
        self._write(stream.head(in_chunks=in_chunks, last=last))
        with self._pushing(stream, in_chunks):
            async for chunk in stream.chunks:
                for part in parts(chunk):
                    await self._make_room(stream.cut_behind)
                    left = None if left is None else left - len(part)
                    if left is not None and left < 0:
                        raise LengthMissed
                    self._write(_framed(part) if in_chunks else part)
        if left:
            raise LengthMissed
        if in_chunks:
            self._write(_LAST_CHUNK)

    def _write(self, data: bytes) -> None:
        """Raises `ClientGone`, where uvloop would raise `RuntimeError`."""
        if self._transport.is_closing():
            raise ClientGone
        self._transport.write(data)

    @contextmanager
    def _pushing(self, stream: ResponseStream, in_chunks: bool) -> Iterator[None]:
        push = stream.push
        if push is None or stream.cut_behind is None:
            yield
            return
        push.write = partial(self._push, in_chunks, stream.cut_behind)
        try:
            yield
        finally:
            push.write = None

    def _push(self, in_chunks: bool, cut_behind: int, chunk: bytes) -> None:
        """Nothing for a client who went away in this moment: uvloop raises `RuntimeError` for what is written then. Nor
        for one that is being cut: it would take what comes for all that came."""
        if self._transport.is_closing() or self._is_too_slow:
            return
        if self._unsent() <= cut_behind:
            self._transport.write(_framed(chunk) if in_chunks else chunk)
        elif self._sending is not None:
            self._is_too_slow = True
            self._sending.cancel()

    async def _make_room(self, cut_behind: int | None) -> None:
        """Raises `StreamCut`."""
        if cut_behind is not None and self._unsent() > cut_behind:
            raise StreamCut
        while cut_behind is None and self._unsent() > UNSENT_BYTES:
            unsent, self._room = self._unsent(), asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(STALL_TIMEOUT):
                    await self._room
            except TimeoutError:
                if self._unsent() >= unsent:
                    raise StreamCut from None

    def _unsent(self) -> int:
        return self._transport.get_write_buffer_size()

    def _bound_kernel_buffer(self, size: int) -> None:
        """What the kernel holds for a reader counts as behind, too; it takes twice the number for its own needs."""
        connection = self._transport.get_extra_info("socket")
        if connection is not None and not self._transport.is_closing():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size // 2)

    async def _received(self) -> None:
        """Waits until the other end has everything, or for `LAST_WORDS_TIMEOUT`.

        What was sent last may say why the stream fails, and a reset drops what is under way.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_TIMEOUT):
                while not self._transport.is_closing() and (self._unsent() or self._unacknowledged()):  # noqa: ASYNC110
                    await asyncio.sleep(_LAST_WORDS_POLL)

    def _unacknowledged(self) -> int:
        """Bytes that the kernel holds for the other end (tcp(7)); 0 where it does not say."""
        connection = self._transport.get_extra_info("socket")
        try:
            held = b"" if connection is None else fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
        except OSError:
            return 0
        return int.from_bytes(held, sys.byteorder)

    def _reset(self) -> None:
        connection = self._transport.get_extra_info("socket")
        if connection is not None and not self._transport.is_closing():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def _note_end(self, error: BaseException | None) -> None:
        match error:
            case None if not self._is_too_slow:
                log.info("a stream was cut")
            case ClientGone():
                log.info("a stream was cut: its client went away")
            case None | StreamCut():
                log.info("a stream was cut: its reader is too slow")
            case LengthMissed():
                log.error("a stream has another length than it announced")
            case ApiError():
                log.warning("a stream ended in the middle: %s", error)
            case _:
                log.error("a stream ended in the middle", exc_info=error)


def _framed(chunk: bytes) -> bytes:
    """RFC 9112, section 7.1."""
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)
