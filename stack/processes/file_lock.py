"""One command at a time does a thing: starts or stops the stack of a clone, or one of its processes."""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from stack.errors import StackError

WAIT_SECONDS = 300.0
POLL_SECONDS = 0.1

Say = Callable[[str], None]


@asynccontextmanager
async def exclusive(lock_file: Path, say: Say, work: str = "starting or stopping the stack") -> AsyncIterator[None]:
    """Hold the lock while the block runs; the kernel releases it when its holder ends, however it ends.

    `work` is what the lock is for, as a message about its other holder says it.
    Raises StackError when another command holds it for longer than five minutes.
    """
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        await _lock(descriptor, say, work)
        yield
    finally:
        os.close(descriptor)


async def _lock(descriptor: int, say: Say, work: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    said = False
    while not _try_lock(descriptor):
        if not said:
            say(f"Another ./dev is {work}: waiting for it")
            said = True
        if time.monotonic() > deadline:
            raise StackError(f"Another ./dev has been {work} for {WAIT_SECONDS:.0f} s.")
        await asyncio.sleep(POLL_SECONDS)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
