"""Orderly endings: the first signal cancels the work, and further ones do not interrupt its cleanup."""

import asyncio
import signal
from collections.abc import Awaitable, Coroutine, Sequence

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def interruptible(work: Coroutine[None, None, int], stopped_status: int) -> int:
    """Run the work and return its exit status, or `stopped_status` when a signal cancelled it."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if not task.cancelling():
            task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        return stopped_status


async def all_or_first_error(awaitables: Sequence[Awaitable[None]]) -> None:
    """Wait for all; when one fails, cancel the others and raise its error alone."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
