"""Processes that serve while something is measured: the product's and those of its peers."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from bench.placement import pinned
from stack.paths import REPOSITORY, Layout
from stack.processes.environment import base_environment
from stack.processes.managed_process import ManagedProcess

READY_SECONDS = 60.0
COMMAND_SECONDS = 120.0
PROBE = aiohttp.ClientTimeout(total=2)


@dataclass(frozen=True)
class Serving:
    """A process on a port of 127.0.0.1, kept on its cores."""

    process: ManagedProcess
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def family(self) -> list[psutil.Process]:
        """It and the processes it has started; raises when it has ended."""
        leader = self.process.identity()
        if leader is None:
            raise self.process.failure(f"{self.process.name} has ended by itself.")
        return [psutil.Process(leader.pid), *psutil.Process(leader.pid).children(recursive=True)]

    def resident_mebibytes(self) -> float:
        """Its resident size, with that of the processes it has started."""
        return sum(each.memory_info().rss for each in self.family()) / 2**20

    async def stop(self) -> None:
        """At once: nothing of it is kept."""
        await self.process.stop(0)


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


async def serve(
    layout: Layout,
    name: str,
    command: Sequence[str],
    cores: Sequence[int],
    port: int,
    environment: Mapping[str, str],
    *,
    ready: str = "/health/ready",
    directory: Path = REPOSITORY,
) -> Serving:
    """Returns once it answers 200 at the path `ready`; ProcessFailed when it does not."""
    process = _process(layout, name)
    process.start(pinned(command, cores), base_environment(PYTHONUNBUFFERED="1", **environment), directory)
    serving = Serving(process, port)
    try:
        async with aiohttp.ClientSession(timeout=PROBE, trust_env=False) as http:
            await process.wait_ready(lambda: _answers(http, serving.url + ready), READY_SECONDS)
    except BaseException:
        await serving.stop()
        raise
    return serving


async def run(layout: Layout, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
    """A command that ends by itself; ProcessFailed when it fails."""
    process = _process(layout, name)
    await process.run(command, base_environment(**environment), REPOSITORY, seconds=COMMAND_SECONDS)


def _process(layout: Layout, name: str) -> ManagedProcess:
    return ManagedProcess(name, layout.run / f"{name}.pid", layout.log / f"{name}.log")


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url, allow_redirects=False) as response:
            return response.status == 200
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False
