"""Work that runs beside the requests for as long as a process lives."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

STOP_TIMEOUT = 5.0


def was_cancelled() -> bool:
    """Tells our own cancellation from a CancelledError that a library raises when its connection drops."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None], *, name: str) -> AsyncIterator[asyncio.Task[None]]:
    """Runs `work` until the block ends; then cancels it and gives it `STOP_TIMEOUT` seconds to end."""
    task = asyncio.create_task(work, name=name)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=STOP_TIMEOUT)


async def first_ended(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Runs all at once until one ends, and ends as that one did; the others are cancelled first.

    Unlike a task group it ends for a bare CancelledError too, with which libraries report a lost connection.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    ended.pop().result()
