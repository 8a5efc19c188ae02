"""Answers that are sent while they are made: how they begin, go on and end, whichever parser read their request."""

import logging
from collections.abc import AsyncIterator

import pytest

from shared.errors import Unavailable
from shared.http.request import Request
from shared.http.server.outlet import Outlet
from tests.support.eventually import eventually
from tests.support.raw_http import PROBE
from tests.support.streams import (
    FAST,
    OLD,
    PATHS,
    STANDARD,
    Read,
    Source,
    Streaming,
    connection,
    endless,
    failing,
    read_all,
    read_of,
    read_until,
    silent,
    streaming,
    three,
    unchunked,
)


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


LAST_WORDS = b"x" * 2**20 + b"#error"


async def with_last_words(_: Request) -> AsyncIterator[bytes]:
    yield LAST_WORDS
    raise Unavailable


async def read_late(served: Streaming, request: bytes) -> Read:
    """By a client who begins to read when all that the kernels take is on its way."""
    async with connection(served.url, request, receive_buffer=32_768) as made:
        await read_until(made, b"HTTP/1.1 200")
        await eventually(served.source.stands_still)
        return await read_all(made)


@pytest.mark.parametrize("request_", PATHS.values(), ids=PATHS)
async def test_what_fails_may_say_why_before(request_: bytes) -> None:
    async with streaming(Source(with_last_words)) as served:
        read = await read_late(served, request_)
        assert read.reset
        assert b"#error" in read.received[-100:]
        assert not read.has_last_chunk
        await eventually(served.has_no_slots)


async def test_control_without_the_wait_a_slow_reader_does_not_see_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.server.outlet.LAST_WORDS_TIMEOUT", 0.0)
    async with streaming(Source(with_last_words)) as served:
        read = await read_late(served, FAST)
        assert read.reset
        assert b"#error" not in read.received


async def test_who_does_not_read_the_last_words_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.server.outlet.LAST_WORDS_TIMEOUT", 0.1)
    async with streaming(Source(with_last_words)) as served, connection(served.url, FAST, receive_buffer=32_768):
        await eventually(served.is_open)
        await eventually(served.has_no_slots)


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
