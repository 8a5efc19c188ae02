"""Processes with marked secrets, and everything of them that somebody else can see."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.support.eventually import eventually
from tests.support.service_process import REPOSITORY
from tests.support.stack import free_port

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

    async def ends(self) -> int:
        """Its exit status, once it has ended by itself."""
        return await asyncio.wait_for(self.process.wait(), END_SECONDS)


@asynccontextmanager
async def watched(
    module: str, environment: dict[str, str], folder: Path, arguments: Sequence[str] = ()
) -> AsyncIterator[Watched]:
    """`python -m module`, ended with SIGTERM so that what it says at its end is seen too."""
    port, output = free_port(), folder / "output"
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], "PORT": str(port), "LOG_LEVEL": "DEBUG", **environment},
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
