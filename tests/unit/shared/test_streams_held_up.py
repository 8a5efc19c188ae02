"""Readers of a stream who are slow, or are behind with its news: they hold it up, or are cut."""

import asyncio
from typing import cast

import pytest

from shared.http.server.outlet import ClientGone, Outlet
from shared.http.streaming import Push
from tests.support.eventually import eventually
from tests.support.streams import (
    FAST,
    PATHS,
    Source,
    connection,
    endless,
    read_all,
    read_until,
    silent,
    streaming,
)

MOST_TAKEN = 8 * 2**20
"""By two kernels, a buffer of ours and one piece."""


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
