"""Processes with marked secrets, and everything of them that somebody else can see."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from stack.config.ports import reserve_port
from tests.support.eventually import eventually
from tests.support.forks import fork
from tests.support.service_process import REPOSITORY

END_SECONDS = 20.0


@dataclass
class Watched:
    """A process: what it has written, answered, and been started as."""

    process: asyncio.subprocess.Process
    url: str
    output_file: Path
    answers: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    @property
    def output(self) -> str:
        return self.output_file.read_text(errors="replace")

    @property
    def visible(self) -> str:
        """All of it."""
        return "\n".join([self.output, *self.answers, *self.commands])

    async def ask(self, path: str, **headers: str) -> int:
        """The status of a GET; the whole answer is kept."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as http,
            http.get(self.url + path, headers=headers) as response,
        ):
            self.answers.append(f"{response.headers} {await response.text()}")
            return response.status

    async def serves(self) -> None:
        """Returns once it answers; fails when it has ended."""

        async def is_live() -> bool:
            assert self.process.returncode is None, self.output
            try:
                return await self.ask("/health/live") == 200
            except aiohttp.ClientError:
                return False

        await eventually(is_live)
        self.commands.append(Path(f"/proc/{self.process.pid}/cmdline").read_text())  # noqa: ASYNC240 - no disk

    async def says(self, text: str) -> None:
        """Returns once it has written the text."""

        async def has_said() -> bool:
            return text in self.output

        await eventually(has_said)


@asynccontextmanager
async def watched(
    module: str, environment: dict[str, str], folder: Path, arguments: Sequence[str] = ()
) -> AsyncIterator[Watched]:
    """`python -m module`, ended with SIGTERM so that what it says at its end is seen too."""
    port, output = reserve_port(), folder / "output"
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            cwd=REPOSITORY,
            env=_variables(environment, port),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        yield Watched(process, f"http://127.0.0.1:{port}", output)
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), END_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(
    module: str, environment: dict[str, str], folder: Path, arguments: Sequence[str] = ()
) -> tuple[int, str]:
    """The exit status and the output of one that ends by itself, forked from one that has the libraries."""
    output = folder / "output"
    variables = _variables(environment, reserve_port())
    process = await fork(module, *arguments, directory=REPOSITORY, environment=variables, output=output)
    status = await process.end_within(END_SECONDS)
    return status, await asyncio.to_thread(output.read_text, errors="replace")


def _variables(environment: dict[str, str], port: int) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PORT": str(port), "LOG_LEVEL": "DEBUG", **environment}
