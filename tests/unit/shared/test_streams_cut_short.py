"""Streams that end before they have said all: their client has gone, or their slot or process ends."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from shared.http.request import Request
from shared.http.server.response_stream import ResponseStream
from shared.http.streaming import ENDING, Streamed
from tests.support.eventually import eventually
from tests.support.streams import (
    FAST,
    OLD,
    PATHS,
    STANDARD,
    Source,
    connection,
    read_all,
    read_of,
    read_until,
    silent,
    streaming,
)


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
