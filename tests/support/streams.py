"""An application whose answers are streams that the test feeds, and a client that reads them byte by byte."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from shared.errors import ApiError, Unavailable
from shared.http.request import Request
from shared.http.responses import Answer
from shared.http.server.app import create_app
from shared.http.server.responder import RESPONDER
from shared.http.server.response_stream import ResponseStream
from shared.http.streaming import Push, Streamed
from tests.support.stack import serving

DEADLINE = 20.0
Chunks = Callable[[Request], AsyncIterator[bytes]]
FAST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
STANDARD = b"GET / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nHost: x\r\n\r\n"
PATHS = {"fast path": FAST, "standard path": STANDARD, "HTTP/1.0": OLD}
PIECE = b"x" * 16_384
LOOKS = 10
"""After which what did not move stands still."""


@dataclass
class Source:
    """Counts what is taken from it, and notes how it ended."""

    chunks: Chunks
    cut_behind: int | None = None
    push: Push | None = None
    length: int | None = None
    taken: int = 0
    began: int = 0
    ended: int = 0
    _looks: deque[int] = field(default_factory=lambda: deque(maxlen=LOOKS))

    def answer(self, request: Request) -> Streamed | ResponseStream:
        if self.length is not None:
            lines = b"Content-Length: %d\r\n" % self.length
            return ResponseStream(200, lines, self._counted(request), length=self.length)
        return Streamed(
            self._counted(request), "text/plain", headers={"X-Own": "1"}, cut_behind=self.cut_behind, push=self.push
        )

    async def _counted(self, request: Request) -> AsyncIterator[bytes]:
        self.began += 1
        try:
            async for chunk in self.chunks(request):
                self.taken += len(chunk)
                yield chunk
        finally:
            self.ended += 1

    async def has_ended(self) -> bool:
        return self.ended == self.began > 0

    async def stands_still(self) -> bool:
        """Whether nothing was taken between ten looks."""
        self._looks.append(self.taken)
        return len(self._looks) == LOOKS and len(set(self._looks)) == 1


@dataclass
class Streaming:
    """`source` answers every request; each has a slot, of `organisation` and `user`."""

    source: Source
    organisation: int | None = None
    user: str | None = None
    has_slots: bool = True
    most_bytes: int = 0
    url: str = ""
    reply: Callable[[Request], Awaitable[Answer | Streamed | ResponseStream]] | None = None
    """In place of `answer`; it takes its slots by itself."""
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app = create_app()
        self.responder = self.app[RESPONDER]
        self.responder.handler = self.handle

    def handle(self, request: Request) -> Awaitable[Answer | Streamed | ResponseStream] | ApiError:
        self.requests.append(request)
        return (self.reply or self.answer)(request)

    async def answer(self, request: Request) -> Streamed | ResponseStream:
        if self.has_slots:
            self.responder.begin_stream(request, self.organisation, self.user)
        request.most_bytes = self.most_bytes
        return self.source.answer(request)

    async def has_no_slots(self) -> bool:
        return not self.responder.streams.open

    async def is_open(self) -> bool:
        return bool(self.responder.streams.open)


@asynccontextmanager
async def streaming(source: Source, *, shutdown_timeout: float = 0.1, **more: object) -> AsyncIterator[Streaming]:
    served = Streaming(source, **more)  # type: ignore[arg-type]
    async with serving(served.app, shutdown_timeout=shutdown_timeout) as served.url:
        yield served


@dataclass
class Read:
    """What came of a connection: `head` and what follows it; `reset` if it did not end in order."""

    received: bytes
    reset: bool

    @property
    def head(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[2]

    @property
    def has_last_chunk(self) -> bool:
        return self.received.endswith(b"\r\n0\r\n\r\n")


@asynccontextmanager
async def connection(url: str, *parts: bytes, receive_buffer: int | None = None) -> AsyncIterator[socket.socket]:
    address = urlsplit(url)
    loop = asyncio.get_running_loop()
    with socket.socket() as made:
        if receive_buffer is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        made.setblocking(False)
        await loop.sock_connect(made, (address.hostname, address.port))
        for part in parts:
            await loop.sock_sendall(made, part)
        yield made


async def read_until(made: socket.socket, end: bytes) -> bytes:
    """What comes until this has; raises `ConnectionError` if the connection ends before."""
    received = b""
    async with asyncio.timeout(DEADLINE):
        while end not in received:
            more = await asyncio.get_running_loop().sock_recv(made, 65_536)
            if not more:
                raise ConnectionError(received)
            received += more
    return received


async def read_all(made: socket.socket) -> Read:
    received = b""
    async with asyncio.timeout(DEADLINE):
        try:
            while more := await asyncio.get_running_loop().sock_recv(made, 65_536):
                received += more
        except ConnectionError:
            return Read(received, reset=True)
    return Read(received, reset=False)


async def read_of(url: str, request: bytes, *, until: bytes = b"", then: bytes = b"") -> Read:
    """`then` is sent once so much has come."""
    async with connection(url, request) as made:
        came = await read_until(made, until) if until else b""
        if until and not then:
            return Read(came, reset=False)
        if then:
            await asyncio.get_running_loop().sock_sendall(made, then)
        read = await read_all(made)
    return Read(came + read.received, read.reset)


def unchunked(body: bytes) -> bytes:
    """What the chunks carry; raises `AssertionError` for a body that has no end."""
    carried = b""
    while True:
        size, line_end, rest = body.partition(b"\r\n")
        assert line_end, "the last chunk is missing"
        length = int(size, 16)
        if not length:
            return carried
        assert len(rest) >= length + 2, "a chunk is incomplete"
        carried, body = carried + rest[:length], rest[length + 2 :]


async def unwatched(_: object) -> None:
    """In place of `OpenStreams.check`. The watch itself goes on: so does that of the gateway that other tests share."""


async def three(_: Request) -> AsyncIterator[bytes]:
    yield b"one"
    yield b""
    yield b"two"
    yield b"x" * 200_000


async def endless(_: Request) -> AsyncIterator[bytes]:
    while True:
        yield PIECE
        await asyncio.sleep(0)


async def failing(_: Request) -> AsyncIterator[bytes]:
    yield b"one"
    raise Unavailable


async def silent(_: Request) -> AsyncIterator[bytes]:
    yield b"one"
    await asyncio.Event().wait()
