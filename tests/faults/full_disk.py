"""A disk that is really full: PostgreSQL's write-ahead log on a small tmpfs."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
import pytest

from stack.commands.test import run_owner
from stack.services import SERVICE_NAMES
from tests.faults.bed import Bed
from tests.faults.signals import freeze, thaw

ROOM = 40 * 2**20
"""Bytes free at first: two segments of the log, and a little."""
DEVICE = "muster-small-disk"
SEGMENTS = 16
"""Of the log at most: those there is room for, and those that the server keeps to write them anew."""


@dataclass(frozen=True)
class SmallDisk:
    """A mounted tmpfs, and the server whose log lies on it."""

    bed: Bed
    path: Path

    async def fill(self, between: Callable[[], Awaitable[None]]) -> None:
        """To the last byte; then the server is made to need another segment of its log, until it has none.

        What comes `between` may be written into the segment that is there, or not any more.
        """
        with (self.path / "ballast").open("wb") as ballast:
            ballast.write(b"\0" * self._free())
        with self._log_written_by_commits_alone():
            for _ in range(SEGMENTS):
                try:
                    with self._services_frozen():
                        await self._switch_segment()
                except TimeoutError:
                    raise
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    return
                await between()
        raise AssertionError("the server still finds room for its log")

    @contextmanager
    def _log_written_by_commits_alone(self) -> Iterator[None]:
        """The log's writer stands still: else it notices the full disk at the first page, whatever its delay is."""
        servers = self.bed.servers
        writer = [each for each in servers.processes_of(servers.postgres) if "walwriter" in " ".join(each.cmdline())]
        freeze(writer)
        try:
            yield
        finally:
            thaw(writer)

    @contextmanager
    def _services_frozen(self) -> Iterator[None]:
        """Whoever waited for the switch would write into the next segment at once, and the server write both."""
        processes = [process for service in SERVICE_NAMES for process in self.bed.copies_of(service)]
        for process in processes:
            process.freeze()
        try:
            yield
        finally:
            for process in processes:
                process.thaw()

    def clear(self) -> None:
        """There is room again."""
        (self.path / "ballast").unlink()

    def _free(self) -> int:
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_bsize

    async def _switch_segment(self) -> None:
        connection = await asyncpg.connect(self.bed.servers.postgres.url, timeout=10, command_timeout=10)
        try:
            await connection.execute("SET synchronous_commit = off")  # so that it writes nothing of the others
            await connection.execute("CREATE TABLE IF NOT EXISTS filler (x int); INSERT INTO filler VALUES (1)")
            await connection.execute("SELECT pg_switch_wal()")
        finally:
            connection.terminate()


@asynccontextmanager
async def write_ahead_log_on_small_disk(bed: Bed) -> AsyncIterator[SmallDisk]:
    """The server runs so while the block does."""
    require_rights()
    log = bed.servers.layout.data / "postgres" / "data" / "pg_wal"
    small, aside = log.with_name("small-disk"), log.with_name("pg_wal.aside")
    bed.servers.kill(bed.servers.postgres)
    await asyncio.to_thread(unmount_forgotten)
    await asyncio.to_thread(_mount_with, log, small)
    log.rename(aside)
    log.symlink_to(small / "pg_wal")
    await bed.mend()
    try:
        yield SmallDisk(bed, small)
    finally:
        bed.servers.kill(bed.servers.postgres)
        log.unlink()
        shutil.rmtree(aside)
        await asyncio.to_thread(_copy, small / "pg_wal", log)
        await asyncio.to_thread(subprocess.run, ["umount", str(small)], check=True)
        small.rmdir()
        await bed.servers.revive(bed.servers.postgres)


def require_rights() -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root's rights")


def mount(directory: Path, size: int) -> None:
    """A disk of that many bytes, there."""
    directory.mkdir()
    options = f"size={size},mode=0755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, DEVICE, str(directory)], check=True)


def unmount_forgotten() -> None:
    """Those of runs that were killed meanwhile: nobody could remove the directories that they are mounted in."""
    for disk in psutil.disk_partitions(all=True):
        owners = [run_owner(parent) for parent in Path(disk.mountpoint).parents]
        if disk.device == DEVICE and not any(owner is not None and owner.is_alive() for owner in owners):
            subprocess.run(["umount", "--lazy", disk.mountpoint], check=True)


def _mount_with(log: Path, small: Path) -> None:
    mount(small, sum(file.stat().st_size for file in log.rglob("*") if file.is_file()) + ROOM)
    _copy(log, small / "pg_wal")


def _copy(source: Path, target: Path) -> None:
    """With owners and modes, which the server insists on."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
