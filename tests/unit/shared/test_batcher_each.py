"""`each`: work on many items, so many at once."""

import asyncio

import pytest

from shared.concurrency.batcher import each
from tests.support.batches import Doubling


async def test_each_gives_outcomes_in_the_order_of_the_items() -> None:
    progress: list[int] = []

    async def work(item: int) -> int:
        for _ in range(10 - item):
            await asyncio.sleep(0)
        return 2 * item

    assert await each(range(10), work, progress.append) == [2 * item for item in range(10)]
    assert progress == list(range(1, 11))


async def test_each_runs_no_more_at_once_than_allowed() -> None:
    work = Doubling(released=False)

    async def one(item: int) -> int:
        [outcome] = await work([item])
        assert isinstance(outcome, int)
        return outcome

    task = asyncio.create_task(each(range(9), one, lambda _: None, concurrency=2))
    for _ in range(20):
        await asyncio.sleep(0)
    assert work.running == 2
    work.released.set()
    assert await task == [2 * item for item in range(9)]
    assert work.most_running == 2


async def test_each_ends_at_the_first_exception() -> None:
    async def work(item: int) -> int:
        return 1 // item

    with pytest.raises(ExceptionGroup) as raised:
        await each([1, 0, 2], work, lambda _: None)
    assert raised.group_contains(ZeroDivisionError)


async def test_each_runs_six_at_once_unless_it_is_said() -> None:
    running = most = 0

    async def work(item: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return item

    await each(range(20), work, lambda _: None)
    assert most == 6
