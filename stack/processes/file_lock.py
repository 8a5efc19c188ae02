"""One command at a time starts or stops the stack of a clone."""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stack.console import Steps
from stack.errors import StackError

WAIT_SECONDS = 300.0
POLL_SECONDS = 0.1


@asynccontextmanager
async def exclusive(lock_file: Path, steps: Steps) -> AsyncIterator[None]:
    """Hold the lock while the block runs; the kernel frees it when its holder ends, however it ends.

    Raises StackError when another command holds it for longer than five minutes.
    """
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        await _lock(descriptor, steps)
        yield
    finally:
        os.close(descriptor)


async def _lock(descriptor: int, steps: Steps) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    said = False
    while not _try_lock(descriptor):
        if not said:
            steps.say("Another ./dev is starting or stopping the stack: waiting for it")
            said = True
        if time.monotonic() > deadline:
            raise StackError(f"Another ./dev has been starting or stopping the stack for {WAIT_SECONDS:.0f} s.")
        await asyncio.sleep(POLL_SECONDS)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
