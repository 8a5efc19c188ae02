"""What one connection can make a process hold: of what it sends and nobody reads, and of answers it does not read."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.errors import ApiError, Overloaded
from shared.http.request import Request
from shared.http.responses import Answer
from shared.http.server.app import create_app
from shared.http.server.bounded_reads import READ_BYTES
from shared.http.server.connection import UNREAD_BYTES, Protocol
from shared.http.server.responder import RESPONDER
from tests.support.eventually import eventually
from tests.support.raw_http import PROBE, answers_in, exchange
from tests.support.stack import serving

PATIENCE = 1.0
LARGE = "x" * 12 * 1024 * 1024
"""More than both ends' kernels keep."""
STANDARD = b"GET /first HTTP/1.1\r\nHost: x\r\nTE: trailers\r\n\r\n"
"""Not a simple request, so it takes the standard path."""
MOST_UNSENT = 512 * 1024
MOST_HELD = 4 * READ_BYTES + 4 * UNREAD_BYTES


class Served:
    """An application that keeps the protocol of its newest request on the standard path."""

    def __init__(self) -> None:
        self.app = create_app()
        self.url = ""
        self.protocol: Protocol | None = None
        self.go_on = asyncio.Event()
        self.app[RESPONDER].handler = self.handle

    def handle(self, request: Request) -> Awaitable[Answer] | ApiError:
        if request.stream is not None:
            self.protocol = request.stream.protocol  # type: ignore[assignment]
        return Overloaded() if request.target.path == "/refused" else self.answer(request.target.path)

    async def answer(self, path: str) -> Answer:
        if path == "/wait":
            await self.go_on.wait()
        return Answer(LARGE if path == "/large" else "{}")

    async def is_gone(self) -> bool:
        return self.protocol is not None and self.protocol.transport is None

    async def is_known(self) -> bool:
        return self.protocol is not None

    def held(self) -> int:
        """Bytes of requests."""
        assert self.protocol is not None
        request: Any = self.protocol._current_request
        unread = getattr(request.content, "_size", 0) if request is not None else 0
        heads = sum(len(str(message)) for message, _ in self.protocol._messages)
        return int(unread + heads + len(self.protocol._held_back))

    def unsent(self) -> int:
        assert self.protocol is not None
        return self.protocol.transport.get_write_buffer_size() if self.protocol.transport is not None else 0


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr("shared.http.server.listener.UNREAD_ANSWER_TIMEOUT", PATIENCE)
    served = Served()
    async with serving(served.app, shutdown_timeout=0.1) as served.url:
        yield served
        served.go_on.set()


async def connected(url: str) -> socket.socket:
    address = urlsplit(url)
    connection = socket.socket()
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (address.hostname, address.port))
    return connection


async def pushed(connection: socket.socket, data: bytes) -> int:
    """How much of it the other end and both kernels take, before they have taken nothing for a while."""
    sent = 0
    for _ in range(20):
        try:
            while sent < len(data):
                sent += connection.send(data[sent : sent + 65_536])
        except (BlockingIOError, ConnectionError):
            pass
        await asyncio.sleep(0.005)
    return sent


@pytest.mark.parametrize("more", [b"TE: trailers\r\n", b""], ids=["standard path", "fast path"])
async def test_a_client_that_reads_none_of_its_answer_is_cut(served: Served, more: bytes) -> None:
    with await connected(served.url) as connection:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(connection, STANDARD)
        await loop.sock_recv(connection, 1000)
        await loop.sock_sendall(connection, b"GET /large HTTP/1.1\r\nHost: x\r\n%b\r\n" % more)
        await eventually(served.is_gone)


@pytest.mark.parametrize("path", [b"/first", b"/large", b"/refused"])
async def test_a_client_that_asks_on_and_reads_nothing_is_held_up(served: Served, path: bytes) -> None:
    """Each request by itself takes the fast path, many in one read take the standard one."""
    with await connected(served.url) as connection:
        await asyncio.get_running_loop().sock_sendall(connection, STANDARD)
        await eventually(served.is_known)
        await pushed(connection, b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path * 400_000)
        assert served.unsent() <= MOST_UNSENT
        assert served.held() <= MOST_HELD
        await eventually(served.is_gone)


async def test_control_with_answers_in_one_piece(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.server.response_bytes.PIECE_BYTES", len(LARGE))
    monkeypatch.setattr("shared.http.server.standard_path.PIECE_BYTES", len(LARGE))
    with pytest.raises(AssertionError):
        await test_a_client_that_asks_on_and_reads_nothing_is_held_up(served, b"/large")


async def test_a_body_that_nobody_reads_is_not_taken_in(served: Served) -> None:
    with await connected(served.url) as connection:
        head = b"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(connection, head)
        await eventually(served.is_known)
        assert await pushed(connection, b"x" * 20_000_000) < 20_000_000
        assert served.held() <= MOST_HELD


async def test_requests_behind_one_that_is_answered_are_not_taken_in(served: Served) -> None:
    with await connected(served.url) as connection:
        await asyncio.get_running_loop().sock_sendall(connection, STANDARD.replace(b"/first", b"/wait"))
        await eventually(served.is_known)
        request = b"GET /wait HTTP/1.1\r\nHost: x\r\nX-Note: %b\r\n\r\n" % (b"x" * 7000)
        await pushed(connection, request * 3000)
        assert served.held() <= MOST_HELD


async def test_control_with_reads_as_large_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.server.connection.UNREAD_BYTES", 2**18)
    monkeypatch.setattr("shared.http.server.bounded_reads.READ_BYTES", 2**18)
    served = Served()
    async with serving(served.app, shutdown_timeout=0.1) as served.url:
        with pytest.raises(AssertionError):
            await test_a_body_that_nobody_reads_is_not_taken_in(served)
        served.go_on.set()


async def test_many_good_requests_in_one_segment_are_all_answered(served: Served) -> None:
    came = await exchange(served.url, STANDARD * 300 + PROBE)
    assert [answer.status for answer in came.answers] == [200] * 300


async def test_a_request_is_read_alike_in_whatever_pieces_it_comes(served: Served) -> None:
    """A header's value that looks like a request line at the begin of a piece stays what it is."""
    head = b"POST /first HTTP/1.1\r\nHost: x\r\nX-Note: a FOO /b HTTP/1.1\r\n"
    bodies = (b"Content-Length: 8\r\n\r\n\r\n\r\n\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n2\r\n\r\n\r\n0\r\n\r\n")
    for request in [head + body + STANDARD for body in bodies]:
        for size in range(len(request) + 1):
            assert await statuses(served, request[:size], request[size:]) == [200, 200], request[:size]


async def test_an_unknown_method_is_one_in_the_second_of_two_requests_as_well(served: Served) -> None:
    unknown = b"FOO" + STANDARD[3:]
    assert await statuses(served, STANDARD + unknown + STANDARD) == [200, 501, 200]
    assert await statuses(served, unknown * 50, STANDARD) == [501] * 50 + [200]


async def statuses(served: Served, *pieces: bytes) -> list[int]:
    """What is answered to pieces that the process reads one by one, on a connection of their own."""
    served.protocol = None
    with await connected(served.url) as connection:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(connection, STANDARD)
        await loop.sock_recv(connection, 1000)
        await eventually(served.is_known)
        protocol = served.protocol
        assert protocol is not None
        for piece in pieces:
            if piece:
                protocol.data_received(piece)
        protocol.data_received(PROBE)
        received = b""
        async with asyncio.timeout(20):
            while more := await loop.sock_recv(connection, 65_536):
                received += more
    return [answer.status for answer in answers_in(received)][:-1]
