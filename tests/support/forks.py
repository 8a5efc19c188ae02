"""Processes forked from one that has imported the libraries: importing them is most of what a start costs.

The product's own modules each process imports by itself, after what was asked for has been done to it.
"""

import asyncio
import faulthandler
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["aio_pika", "aiohttp.web", "asyncpg", "httptools", "jwt", "pydantic_settings", "redis.asyncio", "uvloop"]
)


class ForkedProcess:
    """Has of `asyncio.subprocess.Process` what tests need."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(process.sentinel, self._has_ended)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, or the negative number of the signal that ended it; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    async def wait(self) -> int:
        """Its exit status, once it has ended."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def end_within(self, seconds: float) -> int:
        """Its exit status once it has ended by itself; raises `TimeoutError`, and kills it then."""
        try:
            return await asyncio.wait_for(self.wait(), seconds)
        finally:
            self.send_signal(signal.SIGKILL)

    def _has_ended(self) -> None:
        if self.returncode is None:
            return  # the status is still on its way: the loop calls again
        self._loop.remove_reader(self._process.sentinel)
        self._ended.set()


async def fork(
    module: str,
    *arguments: str,
    directory: Path,
    environment: Mapping[str, str],
    output: Path,
    errors: Path | None = None,
) -> ForkedProcess:
    """`python -m module arguments` there, with no other variables; what it writes is added to the files, or the one."""
    files = (output, errors or output)
    process = _CONTEXT.Process(
        target=_become, args=(module, arguments, directory, dict(environment), files), name=module, daemon=True
    )
    await asyncio.to_thread(process.start)  # the first one waits for the libraries
    return ForkedProcess(process)


def _become(
    module: str, arguments: Sequence[str], directory: Path, environment: Mapping[str, str], files: Sequence[Path]
) -> None:
    os.setsid()
    for path, stream in zip(files, (sys.stdout, sys.stderr), strict=True):
        with path.open("ab") as file:
            os.dup2(file.fileno(), stream.fileno())
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    faulthandler.enable()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
