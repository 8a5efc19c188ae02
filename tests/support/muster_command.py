"""The `muster` command, as a process of its own: with pipes, or at a terminal."""

import asyncio
import fcntl
import os
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.client import Client
from tests.support.eventually import DEADLINE
from tests.support.service_process import REPOSITORY

PACKAGE = REPOSITORY / "clients" / "python"
COLUMNS, ROWS = 110, 30
"""Of the terminal."""
_WITH_TERMINAL = ("setsid", "--ctty")
"""What runs has its standard input as its own terminal: Ctrl-C reaches it there, and passwords are asked for there."""


@dataclass(frozen=True)
class Ended:
    """What is left of a command. `errors` has what it said meanwhile; at a terminal all is in `output`."""

    status: int
    output: str
    errors: str


def environment(url: str, **variables: str) -> dict[str, str]:
    """Of a shell of somebody's own: nothing of the test's goes into it."""
    return {"PATH": os.defpath, "PYTHONPATH": str(PACKAGE), "LANG": "C.UTF-8", "MUSTER_URL": url, **variables}


@dataclass
class Command:
    """One that runs."""

    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, arguments: tuple[str, ...], folder: Path, variables: Mapping[str, str]) -> Self:
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "muster",
                *arguments,
                cwd=folder,
                env={"HOME": str(folder), **variables},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        )

    async def write(self, data: bytes) -> None:
        """Onto its standard input, which stays open."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        await self.process.stdin.drain()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    async def end(self, stdin: bytes | None = None) -> Ended:
        async with asyncio.timeout(2 * DEADLINE):
            output, errors = await self.process.communicate(stdin)
        assert self.process.returncode is not None
        return Ended(self.process.returncode, output.decode(), errors.decode())


@asynccontextmanager
async def started(client: Client, folder: Path, *arguments: str) -> AsyncIterator[Command]:
    """With the client's token, in this folder; it is ended with the block at the latest."""
    assert client.token is not None
    command = await Command.start(arguments, folder, environment(client.url, MUSTER_TOKEN=client.token))
    try:
        yield command
    finally:
        if command.process.returncode is None:
            command.process.kill()
            await command.process.wait()


async def muster(client: Client, folder: Path, *arguments: str, stdin: bytes = b"") -> Ended:
    """At its end."""
    async with started(client, folder, *arguments) as command:
        return await command.end(stdin)


async def muster_with(variables: Mapping[str, str], folder: Path, *arguments: str, stdin: bytes = b"") -> Ended:
    """In an environment of one's own."""
    command = await Command.start(arguments, folder, variables)
    return await command.end(stdin)


async def muster_at_terminal(client: Client, folder: Path, *arguments: str, **more: str) -> Ended:
    """On a pseudo-terminal, with the client's token: what it shows stands in `output`, as it came."""
    assert client.token is not None
    return await at_terminal(environment(client.url, MUSTER_TOKEN=client.token, **more), folder, *arguments)


async def at_terminal(
    variables: Mapping[str, str], folder: Path, *arguments: str, typed: Mapping[bytes, bytes] | None = None
) -> Ended:
    """On a pseudo-terminal. What is `typed` comes after what was shown: `{b"Password: ": b"secret\\n"}`."""
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *_WITH_TERMINAL,
        sys.executable,
        "-m",
        "muster",
        *arguments,
        cwd=folder,
        env={"HOME": str(folder), "TERM": "xterm-256color", **variables},
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    try:
        async with asyncio.timeout(2 * DEADLINE):
            shown = await asyncio.to_thread(_read_all, ours, dict(typed or {}))
            status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)
    return Ended(status, shown.decode(), "")


def job_of_another_server(status: str) -> dict[str, object]:
    """An import as a newer server may have it."""
    counts = dict.fromkeys(("lines", "bytes", "bytes_read", "created", "changed", "unchanged", "removed"), 1)
    job = {"id": 7, "kind": "people", "status": status, "dry_run": False, "refused": 0, "message": None}
    return {**job, **counts, "of_a_newer_server": [1]}


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def _read_all(terminal: int, typed: dict[bytes, bytes]) -> bytes:
    shown = bytearray()
    with suppress(OSError):  # Linux says so once nobody has the other side open
        while piece := os.read(terminal, 65536):
            shown += piece
            for prompt in [each for each in typed if shown.endswith(each)]:
                os.write(terminal, typed.pop(prompt))
    return bytes(shown)
