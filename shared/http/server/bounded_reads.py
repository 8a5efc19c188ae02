"""Reads of a bounded size: uvloop by itself hands over up to 250 KB at once, before any of it is parsed."""

import asyncio
from typing import Final

READ_BYTES: Final = 16 * 1024
"""A well-behaved client's request without an unusually long body comes whole in one read."""


class BoundedReads(asyncio.BufferedProtocol):
    """Stands between a transport and its protocol.

    Every connection of a loop reads into the same `buffer`: what was read is taken out before the next one reads.
    """

    __slots__ = ("_buffer", "_data_received", "_protocol")

    def __init__(self, protocol: asyncio.Protocol, buffer: memoryview) -> None:
        self._protocol = protocol
        self._data_received = protocol.data_received
        self._buffer = buffer

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._data_received(self._buffer[:nbytes].tobytes())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
