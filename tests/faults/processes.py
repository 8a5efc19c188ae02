"""Processes of the product as the bed runs them: ended, frozen and started again at will."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

from stack.config.ports import reserve_port
from stack.paths import REPOSITORY
from stack.processes.environment import base_environment
from tests.faults.signals import family, freeze, kill, thaw
from tests.support.eventually import eventually
from tests.support.forks import ForkedProcess, fork

READY_SECONDS = 30.0
STOP_SECONDS = 12.0
CENSUS_SECONDS = 5.0
ALTERATIONS = ("CRASH_AT", "STOP_AT", "CRASH_PLAN", "CLOCK_OFFSET", "WITHOUT", "MEMORY_INTERVAL")
"""Variables by which the launcher alters the product."""
STARTING, SERVING = 10, 0
"""Niceness (setpriority(2))."""


@dataclass(frozen=True)
class Census:
    """What a process holds at one moment; memory in MiB."""

    descriptors: int
    threads: int
    tasks: int
    memory: float


@dataclass
class ProductProcess:
    """`python -m module arguments` on a port of its own, in the build that can be broken."""

    name: str
    module: str
    port: int
    environment: Mapping[str, str]
    logs: Path
    arguments: tuple[str, ...] = ()
    process: asyncio.subprocess.Process | ForkedProcess | None = None
    started: int = 0
    """How often."""
    frozen: int = 0
    """How often as well."""
    exits: list[int] = field(default_factory=list)
    endings: list[tuple[float, float]] = field(default_factory=list)
    """From when until when it ended in order, each time."""
    repository: Path = REPOSITORY
    """The source tree that it runs."""
    launcher: tuple[str, ...] = ("tests.faults.launcher",)
    """The module that starts the product's; none where that is to be started as it is."""
    metrics_port: int = field(default_factory=reserve_port)
    """Where its metrics are read."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self, **changes: str) -> None:
        """Returns once it is ready; `changes` are variables of its environment for this once."""
        await self.launch(**changes)
        await self.ready()

    async def launch(self, **changes: str) -> None:
        """Starts it and does not wait."""
        assert not self.alive, f"{self.name} runs already"
        environment = {**base_environment(), **self.environment, "CENSUS_FILE": str(self._census_file), **changes}
        command = (*self.launcher, self.module, *self.arguments)
        environment |= {"PORT": str(self.port), "METRICS_PORT": str(self.metrics_port)}
        output = self.logs / f"{self.name}.log"
        if self.repository == REPOSITORY:
            altered = any(environment.get(variable) for variable in ALTERATIONS)
            self.process = await fork(
                *command, directory=REPOSITORY, environment=environment, output=output, altered=altered
            )
        else:
            self.process = await _run_anew(*command, directory=self.repository, environment=environment, output=output)
        self.started += 1
        self._give_priority(STARTING)

    async def ready(self) -> None:
        """Returns once it says that it is."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            await eventually(lambda: self._is_ready(http), deadline=READY_SECONDS)
        self._give_priority(SERVING)

    def _give_priority(self, niceness: int) -> None:
        """A start is a second of work for the processor, which elsewhere is not that of those who serve."""
        if os.geteuid() == 0:  # nobody else may take it back
            for process in self._family():
                process.nice(niceness)

    async def _is_ready(self, http: aiohttp.ClientSession) -> bool:
        if not self.alive:
            raise RuntimeError(f"{self.name} has ended by itself: {self.log_end()}")
        try:
            async with http.get(f"{self.url}/health/ready") as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def kill(self) -> None:
        """`kill -9`."""
        if self.alive:
            kill(self._family())
            await self.ended()

    async def restart(self, **changes: str) -> None:
        """Killed if it runs, and started."""
        await self.kill()
        await self.start(**changes)

    async def terminate(self) -> float:
        """SIGTERM; the seconds until it has ended, in order and by itself."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(self.ended(), STOP_SECONDS) == 0, f"{self.name}: {self.log_end()}"
        self.endings.append((began, time.monotonic()))
        return time.monotonic() - began

    async def ended(self) -> int:
        """Its exit status, once it has ended."""
        assert self.process is not None
        status = await self.process.wait()
        self.exits.append(status)
        return status

    def freeze(self) -> None:
        freeze(self._family())

    def thaw(self) -> None:
        """Whoever has frozen it, and be it itself."""
        self.frozen += self._is_stopped()
        thaw(self._family())

    async def is_frozen(self) -> bool:
        return self._is_stopped()

    def _is_stopped(self) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return any(each.status() == psutil.STATUS_STOPPED for each in self._family())
        return False

    async def revive(self) -> None:
        """Whatever was done to it: afterwards it runs and is ready."""
        self.thaw()
        if not self.alive:
            await self.launch()
        await self.ready()

    async def census(self) -> Census:
        assert self.process is not None
        self._census_file.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + CENSUS_SECONDS
        while not self._census_file.exists() and time.monotonic() < end:  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.02)
        seen = psutil.Process(self.process.pid)
        memory = seen.memory_info().rss / 2**20
        return Census(seen.num_fds(), seen.num_threads(), int(self._census_file.read_text()), memory)

    def clients(self) -> int:
        """Connections open to its port."""
        assert self.process is not None
        connections = psutil.Process(self.process.pid).net_connections("tcp")
        return sum(each.status == psutil.CONN_ESTABLISHED and each.laddr.port == self.port for each in connections)

    def log_end(self, size: int = 2000) -> str:
        """The end of what it has said."""
        with contextlib.suppress(OSError), (self.logs / f"{self.name}.log").open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - size))
            return log.read().decode(errors="replace")
        return ""

    @property
    def _census_file(self) -> Path:
        return self.logs / f"{self.name}.tasks"

    def _family(self) -> list[psutil.Process]:
        return family(self.process.pid) if self.process is not None and self.alive else []


async def _run_anew(
    *command: str, directory: Path, environment: Mapping[str, str], output: Path
) -> asyncio.subprocess.Process:
    """Of another version: it may have other libraries."""
    with output.open("ab") as file:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *command,
            cwd=directory,
            env={**environment, "PYTHONFAULTHANDLER": "1"},
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
