"""Commands of a service as real processes of the operating system."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.settings import ServiceSettings
from tests.support.forks import fork
from tests.support.service_process import REPOSITORY, environment

END_SECONDS = 45.0
"""Less than a test may take."""


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    status: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        return json.loads(self.output)


async def start(service: str, settings: ServiceSettings, *arguments: str) -> Process:
    """`python -m services.<service> arguments`, under way; nobody sits at its terminal."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"services.{service}",
        *arguments,
        cwd=REPOSITORY,
        env={**os.environ, **environment(settings)},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )


async def run(service: str, settings: ServiceSettings, *arguments: str) -> Outcome:
    """The same at its end, in a process forked from one that has the libraries."""
    with TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        process = await fork(
            f"services.{service}",
            *arguments,
            directory=REPOSITORY,
            environment={**os.environ, **environment(settings)},
            output=output,
            errors=errors,
        )
        status = await process.end_within(END_SECONDS)
        return Outcome(status, *await asyncio.to_thread(_texts, output, errors))


def _texts(*files: Path) -> list[str]:
    return [file.read_text() for file in files]


async def run_here(command: Callable[[], int]) -> Outcome:
    """A command's function in a thread of this process: as much of it as there is behind the command line."""
    output, errors = StringIO(), StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        status = await asyncio.to_thread(command)
    return Outcome(status, output.getvalue(), errors.getvalue())
