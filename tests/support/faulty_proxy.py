"""A proxy of HTTP that loses answers after the server has given them, resets connections, and says 503."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.proxy import reset

REFUSAL = b'{"success": false, "message": "Not now.", "code": "upstream_unavailable"}'
FATES = ("lost", "cut", "reset", "refused")
"""After the server has answered: nothing of it, or half of it; before it was asked: no answer, or a 503."""


@dataclass
class FaultyProxy:
    """Of `faults` in a hundred requests, each of the fates meets as many. `strip` takes a header away from all."""

    host: str
    port: int
    choice: random.Random
    faults: int = 40
    strip: bytes | None = None
    met: Counter[str] = field(default_factory=Counter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            upstream = await asyncio.open_connection(self.host, self.port)
            try:
                while await self._exchange(reader, writer, *upstream):
                    pass
            finally:
                upstream[1].close()
        writer.close()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
    ) -> bool:
        """Whether the connection goes on."""
        request = await _message(reader)
        fate = self._fate()
        self.met[fate] += 1
        if fate == "refused":
            head = f"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: {len(REFUSAL)}\r\n\r\n"
            writer.write(head.encode() + REFUSAL)
            return True
        if fate == "reset":
            reset(writer)
            return False
        upstream.write(self._stripped(request))
        answer = await _message(answers)
        writer.write(answer if fate == "passed" else answer[: len(answer) // 2] if fate == "cut" else b"")
        await writer.drain()
        if fate == "passed":
            return True
        reset(writer)
        return False

    def _fate(self) -> str:
        number = self.choice.randrange(100)
        return FATES[number % len(FATES)] if number < self.faults else "passed"

    def _stripped(self, request: bytes) -> bytes:
        if self.strip is None:
            return request
        head, end, body = request.partition(b"\r\n\r\n")
        kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(self.strip + b":")]
        return b"\r\n".join(kept) + end + body


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One of HTTP/1.1 whose length is in its head."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.partition(b":")[2]))
    return head


@asynccontextmanager
async def faulty_proxy(url: str, seed: int, **changes: object) -> AsyncIterator[tuple[FaultyProxy, str]]:
    """The proxy in front of the server of `url`, and its address."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = FaultyProxy(parts.hostname, parts.port, random.Random(seed))
    for name, value in changes.items():
        setattr(proxy, name, value)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server:
        yield proxy, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
