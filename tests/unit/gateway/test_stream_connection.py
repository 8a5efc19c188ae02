"""An answer is read alike in whatever pieces it comes, and as it is read where answers are gathered."""

import asyncio
from typing import Any, cast

import pytest

from gateway.upstream.http_client import AnswerBroken, Connection, Connections, RawAnswer
from gateway.upstream.stream_connection import READ_BYTES, StreamConnection
from shared.errors import UpstreamFailed

HEAD = b"HTTP/1.1 200 OK\r\nX-Row: 1\r\n"
ANSWERS = {
    "length": HEAD + b'Content-Length: 10\r\n\r\n{"id": 16}',
    "chunks": HEAD + b'Transfer-Encoding: chunked\r\n\r\na\r\n{"id": 16}\r\n0\r\n\r\n',
    "two chunks": HEAD + b'Transfer-Encoding: chunked\r\n\r\n4\r\n{"id\r\n6;x=1\r\n": 16}\r\n0\r\nX-Last: 1\r\n\r\n',
    "no body": b"HTTP/1.1 204 No Content\r\nX-Row: 1\r\n\r\n",
    "an interim one before": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\n{}",
    "other protocol": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + HEAD,
    "both framings": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a size that is none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a line end in a header": HEAD + b"X-Two: a\rb\r\nContent-Length: 0\r\n\r\n",
    "no colon": HEAD + b"X-Two\r\nContent-Length: 0\r\n\r\n",
}
Outcome = tuple[int, list[tuple[bytes, bytes]], bytes] | None
"""None for what is broken."""


class Wire:
    """In the place of a transport: notes whether the connection reads on."""

    def __init__(self) -> None:
        self.is_reading = True
        self.is_closed = False

    def set_write_buffer_limits(self, high: int) -> None:
        assert high

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def abort(self) -> None:
        self.is_closed = True


def connected() -> tuple[StreamConnection, Wire]:
    connection, wire = StreamConnection(), Wire()
    connection.connection_made(cast(Any, wire))
    return connection, wire


async def streamed(*pieces: bytes) -> Outcome:
    connection, _ = connected()
    for piece in pieces:
        connection.data_received(piece)
    connection.connection_lost(None)
    try:
        answer = await connection.head(1)
        body = b"".join([part async for part in connection])
    except (AnswerBroken, UpstreamFailed):
        return None
    return answer.status, answer.headers, body


async def gathered(answer: bytes) -> Outcome:
    connection = Connection(Connections("http://127.0.0.1:1"))
    waiting: asyncio.Future[RawAnswer] = asyncio.get_running_loop().create_future()
    connection._waiting = waiting
    connection.data_received(answer)
    connection.connection_lost(None)
    try:
        came = await waiting
    except AnswerBroken:
        return None
    return came.status, came.headers, came.body


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_is_the_same_in_any_two_pieces(answer: bytes) -> None:
    expected = await gathered(answer)
    for cut in range(1, len(answer)):
        assert await streamed(answer[:cut], answer[cut:]) == expected, answer[:cut]


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_part_of_an_answer_is_none(answer: bytes) -> None:
    for length in range(1, len(answer)):
        assert await streamed(answer[:length]) is None, answer[:length]


async def test_a_reader_who_waits_holds_up_the_service() -> None:
    connection, wire = connected()
    connection.data_received(HEAD + b"Content-Length: 1000000\r\n\r\n")
    connection.data_received(b"x" * READ_BYTES)
    assert wire.is_reading
    connection.data_received(b"x")
    assert not wire.is_reading
    for _ in range(2):
        await anext(connection)
    assert wire.is_reading


async def test_an_answer_that_is_complete_ends_its_connection() -> None:
    connection, wire = connected()
    connection.data_received(ANSWERS["chunks"])
    assert wire.is_closed
    connection.data_received(ANSWERS["length"])
    assert [part async for part in connection] == [b'{"id": 16}']
