"""How long a call to Redis may take."""

import asyncio
import socket
import time

import pytest

from gateway.admission.redis_client import TIMEOUT, within


async def test_a_call_that_gets_no_answer_is_cancelled() -> None:
    ended = asyncio.Event()

    async def never() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(TimeoutError):
        await within(never())
    async with asyncio.timeout(10):
        await ended.wait()


async def test_the_outcome_and_the_error_of_a_call_pass() -> None:
    async def fails() -> None:
        raise OSError("refused")

    assert await within(asyncio.sleep(0, "outcome")) == "outcome"
    with pytest.raises(OSError, match="refused"):
        await within(fails())


async def test_an_answer_that_came_while_the_loop_was_held_up_counts() -> None:
    loop, (near, far) = asyncio.get_running_loop(), socket.socketpair()
    near.setblocking(False)

    def answer_then_hold_up() -> None:
        far.send(b"x")
        until = time.monotonic() + 2 * TIMEOUT
        while time.monotonic() < until:
            pass

    async def read() -> bytes:
        received = await loop.sock_recv(near, 1)
        for _ in range(3):  # a reply takes some turns of the loop to get through the layers
            await asyncio.sleep(0)
        return received

    with near, far:
        loop.call_later(TIMEOUT / 10, answer_then_hold_up)
        assert await within(read()) == b"x"
