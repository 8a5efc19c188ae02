"""A batcher's work that waits until it is let go, and items that wait behind it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from shared.concurrency.batcher import Batcher
from tests.support.virtual_time import clock

BOUND = 5.0
"""Seconds after which a call that should have been answered hangs."""


class Doubling:
    """Work that waits until it is let go, and remembers its batches."""

    def __init__(self, *, released: bool = True) -> None:
        self.batches: list[list[int]] = []
        self.running = 0
        self.most_running = 0
        self.released = asyncio.Event()
        self.started = asyncio.Event()
        if released:
            self.released.set()

    async def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(items))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.started.set()
        await self.released.wait()
        self.running -= 1
        return [ValueError(item) if item < 0 else 2 * item for item in items]


def submitted(batcher: Batcher[int, int], items: Sequence[int]) -> list["asyncio.Task[int]"]:
    return [asyncio.create_task(batcher.submit(item)) for item in items]


async def stuck(*items: int, **options: Any) -> tuple[Batcher[int, int], Doubling, list["asyncio.Task[int]"]]:
    """A batcher on the clock of its loop whose work has number 0 and does not end, with items that wait behind it."""
    work = Doubling(released=False)
    batcher = Batcher(work, clock=clock, **options)
    first = submitted(batcher, [0])
    await work.started.wait()
    return batcher, work, first + await behind(batcher, *items)


async def behind(batcher: Batcher[int, int], *items: int) -> list["asyncio.Task[int]"]:
    tasks = submitted(batcher, items)
    await asyncio.sleep(0)
    return tasks
