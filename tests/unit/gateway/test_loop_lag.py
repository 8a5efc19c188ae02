"""The lag of the event loop: an average of how late a timer fires."""

import asyncio

import pytest

from gateway.upstream.loop_lag import LATE_SECONDS, MEASURE_INTERVAL, LoopLag
from tests.support.virtual_time import VirtualLoop, clock, in_virtual_time, pass_time


async def watched(lag: LoopLag, *blocked: float) -> None:
    """For as many measurements, in each of which something blocks the loop for so many seconds."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    watching = asyncio.create_task(lag.watch())
    for seconds in blocked:
        await pass_time(MEASURE_INTERVAL / 2)
        loop.now += MEASURE_INTERVAL / 2 + seconds
        for _ in range(4):
            await asyncio.sleep(0)
    watching.cancel()


@in_virtual_time
async def test_an_idle_loop_is_not_late() -> None:
    lag = LoopLag(clock)
    await watched(lag, *[0.0] * 10)
    assert not lag.is_late
    assert lag._seconds == pytest.approx(0.0, abs=1e-9)


@in_virtual_time
async def test_each_measurement_counts_for_an_eighth() -> None:
    lag = LoopLag(clock)
    await watched(lag, 0.08, 0.04)
    assert lag._seconds == pytest.approx(0.01 + (0.04 - 0.01) / 8)
    assert lag.is_late


@pytest.mark.parametrize(("blocked", "is_late"), [(0.99, False), (1.01, True)])
@in_virtual_time
async def test_it_is_late_when_its_average_is_more_than_the_bound(blocked: float, is_late: bool) -> None:
    lag = LoopLag(clock)
    await watched(lag, 8 * LATE_SECONDS * blocked)
    assert lag.is_late is is_late
