"""Answers that are sent while they are made: how they begin, go on and end, whichever parser read their request."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from typing import cast

import pytest

from shared.errors import Unavailable
from shared.http.request import Request
from shared.http.server.outlet import ClientGone, Outlet
from shared.http.server.response_stream import ResponseStream
from shared.http.streaming import ENDING, Push, Streamed
from tests.support.eventually import eventually
from tests.support.raw_http import PROBE
from tests.support.streams import (
    Source,
    connection,
    read_all,
    read_of,
    read_until,
    streaming,
    unchunked,
)

FAST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
STANDARD = b"GET / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nHost: x\r\n\r\n"
PATHS = {"fast path": FAST, "standard path": STANDARD, "HTTP/1.0": OLD}
PIECE = b"x" * 16_384
MOST_TAKEN = 8 * 2**20
"""By two kernels, a buffer of ours and one piece."""


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


@pytest.mark.parametrize("request_", [FAST, STANDARD], ids=["fast path", "standard path"])
async def test_a_stream_comes_in_chunks_and_has_an_end(request_: bytes) -> None:
    async with streaming(Source(three)) as served:
        read = await read_of(served.url, request_, until=b"\r\n0\r\n\r\n", then=PROBE)
        assert b"Transfer-Encoding: chunked" in read.head
        assert b"X-Own: 1" in read.head
        assert b"X-Request-Id: " in read.head
        assert b"Content-Length" not in read.head
        assert unchunked(read.body) == b"onetwo" + b"x" * 200_000
        assert not read.reset
        assert (b"Connection: close" in read.head) == (request_ == STANDARD)
        assert read.body.endswith(b'{"status": "live"}') == (request_ == FAST)  # the connection is used again
        await eventually(served.has_no_slots)


async def test_an_old_client_reads_to_the_end_of_its_connection() -> None:
    async with streaming(Source(three)) as served:
        read = await read_of(served.url, OLD)
        assert b"Transfer-Encoding" not in read.head
        assert (read.body, read.reset) == (b"onetwo" + b"x" * 200_000, False)


@pytest.mark.parametrize("request_", PATHS.values(), ids=PATHS)
async def test_what_fails_in_the_middle_is_seen_to_be_incomplete(request_: bytes) -> None:
    async with streaming(Source(failing)) as served:
        read = await read_of(served.url, request_)
        assert read.reset
        assert not read.has_last_chunk
        await eventually(served.has_no_slots)


async def test_control_without_the_reset_an_old_client_takes_it_for_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Outlet, "_reset", lambda outlet: outlet._transport.close())
    async with streaming(Source(failing)) as served:
        assert not (await read_of(served.url, OLD)).reset


@pytest.mark.parametrize("announced", [5, 7])
@pytest.mark.parametrize("request_", [FAST, STANDARD], ids=["fast path", "standard path"])
async def test_another_length_than_was_announced_ends_in_a_reset(request_: bytes, announced: int) -> None:
    async def six(_: Request) -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async with streaming(Source(six, length=announced)) as served:
        read = await read_of(served.url, request_)
        assert read.reset
        assert len(read.body) < announced


async def test_the_announced_length_needs_no_chunks() -> None:
    async def six(_: Request) -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async with streaming(Source(six, length=6)) as served:
        read = await read_of(served.url, FAST, until=b"onetwo", then=PROBE)
        assert read.body.startswith(b"onetwoHTTP/1.1 200 OK")


@pytest.mark.parametrize("more", [b"", b"TE: trailers\r\n"], ids=["fast path", "standard path"])
async def test_a_head_is_the_head_alone(more: bytes) -> None:
    source = Source(endless)
    async with streaming(source) as served:
        request = b"HEAD / HTTP/1.1\r\nHost: x\r\n%b\r\n" % more
        read = await read_of(served.url, request, until=b"\r\n\r\n", then=PROBE)
        assert read.body.startswith(b"HTTP/1.1 200 OK")
        assert read.body.endswith(b'{"status": "live"}')
        assert source.began == 0
        assert not served.responder.streams.open


@pytest.mark.parametrize("request_", PATHS.values(), ids=PATHS)
async def test_a_slow_reader_holds_the_stream_up(request_: bytes) -> None:
    source = Source(endless)
    async with streaming(source) as served, connection(served.url, request_) as made:
        await eventually(served.is_open)
        taken = -1
        while taken != source.taken:
            taken = source.taken
            await asyncio.sleep(0.05)
        assert 0 < taken <= MOST_TAKEN
        for _ in range(2 * taken // 65_536):
            await asyncio.get_running_loop().sock_recv(made, 65_536)

        async def goes_on() -> bool:
            return source.taken > taken

        await eventually(goes_on)


async def test_control_without_the_wait_for_room_it_takes_it_all_in(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_wait(*_: object) -> None:
        return None

    monkeypatch.setattr(Outlet, "_make_room", no_wait)
    source = Source(endless)
    async with streaming(source) as served, connection(served.url, FAST):

        async def too_much() -> bool:
            return source.taken > 2 * MOST_TAKEN

        await eventually(too_much)


@pytest.mark.parametrize("request_", PATHS.values(), ids=PATHS)
async def test_a_reader_with_whom_nothing_moves_is_cut(request_: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.server.outlet.STALL_TIMEOUT", 0.2)
    source = Source(endless)
    async with streaming(source) as served, connection(served.url, request_) as made:
        await eventually(served.is_open)
        await eventually(served.has_no_slots)
        assert await source.has_ended()
        assert (await read_all(made)).reset


async def test_a_slow_reader_with_whom_something_moves_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.server.outlet.STALL_TIMEOUT", 0.2)
    source = Source(endless)
    async with streaming(source) as served, connection(served.url, FAST) as made:
        for _ in range(16):
            await asyncio.sleep(0.05)
            await asyncio.get_running_loop().sock_recv(made, 1_000_000)
        assert served.responder.streams.open


@pytest.mark.parametrize("request_", PATHS.values(), ids=PATHS)
async def test_who_is_behind_with_news_is_cut(request_: bytes) -> None:
    source = Source(endless, cut_behind=65_536)
    async with streaming(source) as served, connection(served.url, request_, receive_buffer=32_768) as made:
        await eventually(source.has_ended)
        await eventually(served.has_no_slots)
        assert source.taken < 2**20
        assert (await read_all(made)).reset


def pushed(source: Source, chunk: bytes) -> None:
    assert source.push is not None
    assert source.push.write is not None
    source.push.write(chunk)


@pytest.mark.parametrize("request_", PATHS.values(), ids=PATHS)
async def test_what_is_pushed_is_sent_between_the_chunks(request_: bytes) -> None:
    source = Source(silent, cut_behind=65_536, push=Push())
    async with streaming(source) as served, connection(served.url, request_) as made:
        await read_until(made, b"one")
        pushed(source, b"two")
        pushed(source, b"three")
        assert (await read_until(made, b"three")).count(b"two") == 1
        assert source.taken == 3
    await eventually(source.has_ended)

    async def is_over() -> bool:
        return source.push is not None and source.push.write is None

    await eventually(is_over)


@pytest.mark.parametrize("request_", PATHS.values(), ids=PATHS)
async def test_who_is_behind_with_what_is_pushed_is_cut(request_: bytes) -> None:
    source, sent = Source(silent, cut_behind=65_536, push=Push()), 0
    async with streaming(source) as served, connection(served.url, request_, receive_buffer=32_768) as made:
        await read_until(made, b"one")
        while source.push is not None and source.push.write is not None:
            source.push.write(b"x" * 1000)
            sent += 1000
            await asyncio.sleep(0)
        assert sent < 2**20
        await eventually(source.has_ended)
        assert (await read_all(made)).reset


@pytest.mark.parametrize("request_", PATHS.values(), ids=PATHS)
async def test_what_is_pushed_to_who_goes_away_in_this_moment_harms_nobody(request_: bytes) -> None:
    source = Source(silent, cut_behind=2**20, push=Push())
    async with streaming(source) as served:
        async with connection(served.url, request_) as made:
            await read_until(made, b"one")
        while source.push is not None and source.push.write is not None:
            source.push.write(b"x")
            await asyncio.sleep(0)
        await eventually(source.has_ended)


class Closing:
    """In the place of a transport: `unsent` bytes wait in it, and what is written to it is kept."""

    def __init__(self, unsent: int = 0, *, is_closing: bool = False) -> None:
        self.unsent, self.written = unsent, list[bytes]()
        self.is_closing = lambda: is_closing
        self.write = self.written.append

    def get_write_buffer_size(self) -> int:
        return self.unsent


async def forever() -> None:
    await asyncio.Event().wait()


async def test_who_is_being_cut_gets_no_more_news() -> None:
    """Behind a gap it would take what comes for all that came."""
    transport = Closing(unsent=100_000)
    outlet = Outlet(cast(asyncio.Transport, transport))
    outlet._sending = asyncio.create_task(forever())
    outlet._push(False, 65_536, b"left out")
    transport.unsent = 0
    outlet._push(False, 65_536, b"after the gap")
    await asyncio.wait({outlet._sending}, timeout=20)
    assert (transport.written, outlet._sending.cancelled()) == ([], True)


async def test_to_who_has_gone_in_this_moment_nothing_is_written() -> None:
    outlet = Outlet(cast(asyncio.Transport, Closing(is_closing=True)))
    with pytest.raises(ClientGone):
        outlet._write(b"one")


@pytest.mark.parametrize("request_", PATHS.values(), ids=PATHS)
async def test_a_client_that_goes_away_ends_its_stream(request_: bytes) -> None:
    source = Source(silent)
    async with streaming(source) as served:
        async with connection(served.url, request_) as made:
            await read_until(made, b"one")
            assert served.responder.streams.open
        await eventually(source.has_ended)
        await eventually(served.has_no_slots)


@pytest.mark.parametrize("request_", PATHS.values(), ids=PATHS)
async def test_a_slot_that_is_cut_ends_its_stream(request_: bytes) -> None:
    async with streaming(Source(silent)) as served, connection(served.url, request_) as made:
        await read_until(made, b"one")
        [slot] = served.responder.streams.open
        slot.cut()
        assert (await read_all(made)).reset
        await eventually(served.has_no_slots)


async def test_a_slot_that_was_cut_before_sends_nothing() -> None:
    source = Source(silent)
    async with streaming(source) as served:

        async def cut(request: Request) -> Streamed | ResponseStream:
            answered = await served.answer(request)
            assert request.slot is not None
            request.slot.cut()
            return answered

        served.reply = cut
        assert await read_of(served.url, FAST) == await read_of(served.url, STANDARD)
        assert source.began == 0
        assert not served.responder.streams.open


@pytest.mark.parametrize("request_", PATHS.values(), ids=PATHS)
async def test_the_end_of_the_process_cuts_what_has_no_end_of_its_own(request_: bytes) -> None:
    source = Source(silent)
    async with streaming(source, shutdown_timeout=0.2) as served:
        loop = asyncio.get_running_loop()
        made = await _connected(served.url, request_)
        await read_until(made, b"one")
        reading = loop.create_task(read_all(made))
    read = await reading
    made.close()
    assert read.reset
    assert await source.has_ended()


@pytest.mark.parametrize("request_", PATHS.values(), ids=PATHS)
async def test_a_stream_may_end_by_itself_when_the_process_does(request_: bytes) -> None:
    async def until_the_end(_: Request) -> AsyncIterator[bytes]:
        yield b"one"
        await served.app[ENDING].wait()
        yield b"bye"

    async with streaming(Source(until_the_end), shutdown_timeout=5) as served:
        made = await _connected(served.url, request_)
        await read_until(made, b"one")
        reading = asyncio.get_running_loop().create_task(read_all(made))
    read = await reading
    made.close()
    assert b"bye" in read.received
    assert not read.reset
    assert read.has_last_chunk or request_ == OLD


async def _connected(url: str, request: bytes) -> socket.socket:
    opened = connection(url, request)
    made = await opened.__aenter__()
    return made.dup()


async def test_only_what_is_declared_may_stream(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    source = Source(three)
    async with streaming(source, has_slots=False) as served:
        assert (await read_of(served.url, FAST, until=b"\r\n\r\n", then=PROBE)).received.startswith(b"HTTP/1.1 500 ")
        assert source.began == 0


async def test_streams_do_not_count_as_requests_in_flight() -> None:
    async with streaming(Source(silent)) as served, connection(served.url, FAST) as made:
        await read_until(made, b"one")
        assert served.responder.in_flight == 0
    assert served.responder.in_flight == 0
