"""Processes forked from one that has imported the libraries and the product: importing is most of what a start costs.

One that is to run an altered product imports the product's modules by itself, after the alteration.
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

from stack.services import SERVICE_NAMES

_CONTEXT = multiprocessing.get_context("forkserver")
PRODUCT = ("gateway", "services", "shared")
"""Its packages."""
_CONTEXT.set_forkserver_preload(
    ["uvloop", "gateway.app", "gateway.cli", *(f"services.{service}.app" for service in SERVICE_NAMES)]
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
    altered: bool | None = None,
) -> ForkedProcess:
    """`python -m module arguments` there, with no other variables; what it writes is added to the files, or the one.

    `altered` says whether the module alters the product; unless given, any module but one of the product does.
    """
    files = (output, errors or output)
    if altered is None:
        altered = module.partition(".")[0] not in PRODUCT
    process = _CONTEXT.Process(
        target=_become, args=(module, arguments, directory, dict(environment), files, altered), name=module, daemon=True
    )
    await asyncio.to_thread(process.start)  # the first one waits for the libraries
    return ForkedProcess(process)


def _become(
    module: str,
    arguments: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    files: Sequence[Path],
    altered: bool,
) -> None:
    os.setsid()
    for path, stream in zip(files, (sys.stdout, sys.stderr), strict=True):
        with path.open("ab") as file:
            os.dup2(file.fileno(), stream.fileno())
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    faulthandler.enable()
    if altered:
        _forget_product()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _forget_product() -> None:
    """The product's modules are imported anew: a name that one has taken from another is then the altered one."""
    for name in [name for name in sys.modules if name.partition(".")[0] in PRODUCT]:
        del sys.modules[name]
