"""Programs that measure and end by themselves: wrk, pgbench, generators of our own."""

import asyncio
import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from bench.errors import NotMeasured
from bench.placement import pinned
from stack.paths import REPOSITORY
from stack.processes.environment import base_environment

GRACE_SECONDS = 30.0


async def output_of(command: Sequence[str], cores: Sequence[int], *, seconds: float, **variables: str) -> str:
    """What it prints; raises `NotMeasured` when it fails or takes much longer than `seconds`."""
    process = await asyncio.create_subprocess_exec(
        *pinned(command, cores),
        cwd=REPOSITORY,
        env=base_environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds + GRACE_SECONDS):
            printed, errors = await process.communicate()
    except TimeoutError:
        raise NotMeasured(f"{command[0]} did not end within {seconds + GRACE_SECONDS:.0f} s") from None
    finally:
        with suppress(ProcessLookupError):
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode != 0:
        raise NotMeasured(f"{os.path.basename(command[0])}: {(errors or printed).decode(errors='replace')[-2000:]}")
    return printed.decode()
