"""Processes that outlive the command that started them: own session, log file, pid file."""

import asyncio
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from select import select
from tempfile import TemporaryFile

from stack.errors import ProcessFailed
from stack.processes.process_identity import ProcessIdentity, read_identity, session_members

POLL_SECONDS = 0.05
LAST_LINES = 15
KILL_SECONDS = 5.0
LAUNCH_SECONDS = 5.0
LOG_KEPT_BYTES = 20 * 1024 * 1024
MARKER = "MUSTER_STACK_PROCESS"
# The process writes its own pid file before it executes the program: a start that is killed at any moment leaves no
# process without a pid file. Its standard output, a pipe, is closed when the file is written.
LAUNCHER = """
read -r status < "/proc/$$/stat" && printf '%s\\n' "$status" > "$0" || exit
log=$1
shift
exec "$@" >> "$log" 2>&1
"""

Check = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class ManagedProcess:
    """A process known by its pid file: found again, watched and stopped by any later command."""

    name: str
    pid_file: Path
    log_file: Path
    stop_signal: signal.Signals = signal.SIGTERM
    abort_signal: signal.Signals = signal.SIGKILL
    """Ends the process at once, for a throwaway instance whose data need not be kept."""

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], directory: Path, read: str = ""
    ) -> subprocess.Popen[bytes]:
        """Start the command in a session of its own: output appended to the log, `read` as its input."""
        self._shorten_log()
        self.pid_file.unlink(missing_ok=True)
        marked = {**environment, MARKER: str(self.pid_file)}
        with self.log_file.open("ab") as log, TemporaryFile() as standard_input:
            standard_input.write(read.encode())
            standard_input.seek(0)
            started = subprocess.Popen(
                ["/bin/sh", "-c", LAUNCHER, str(self.pid_file), str(self.log_file), *command],
                stdin=standard_input,
                stdout=subprocess.PIPE,
                stderr=log,
                env=marked,
                cwd=directory,
                start_new_session=True,
            )
        assert started.stdout is not None  # noqa: S101 - it was asked for
        with started.stdout as launching:
            select([launching], [], [], LAUNCH_SECONDS)
        return started

    async def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        *,
        seconds: float,
        read: str = "",
    ) -> None:
        """Run a command that ends by itself; ProcessFailed when it fails or takes longer than `seconds`."""
        started = self.start(command, environment, directory, read)
        deadline = time.monotonic() + seconds
        try:
            while started.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(POLL_SECONDS)
        finally:
            await self.stop(0)
        if started.returncode is None:
            raise self.failure(f"{self.name} took longer than {seconds:.0f} s.")
        if started.returncode != 0:
            raise self.failure(f"{self.name} failed with exit status {started.returncode}.")

    def identity(self) -> ProcessIdentity | None:
        """The process while it runs, else None."""
        recorded = read_identity(self.pid_file)
        return recorded if recorded and recorded.is_alive() else None

    async def wait_ready(self, ready: Check, seconds: float) -> None:
        """Return once `ready` returns true; ProcessFailed when the process ends or is not ready after `seconds`."""
        deadline = time.monotonic() + seconds
        while not await ready():
            if self.identity() is None:
                raise self.failure(f"{self.name} ended while it started.")
            if time.monotonic() > deadline:
                raise self.failure(f"{self.name} was not ready within {seconds:.0f} s.")
            await asyncio.sleep(POLL_SECONDS)

    def failure(self, what: str) -> ProcessFailed:
        """An error with this message and the last lines of the process's log."""
        return ProcessFailed(what, self.log_file, last_lines(self.log_file))

    async def stop(self, grace: float) -> None:
        """Ask the process to end; after `grace` seconds (0: at once) kill every process that is left of its session."""
        if grace:
            deadline = time.monotonic() + grace
            await self._ask(lambda: [found] if (found := self.identity()) else [], deadline)
            await self._ask(self.members, deadline)
        elif self.abort_signal != signal.SIGKILL:
            send(self.abort_signal, self.members())
            await gone(self.members, time.monotonic() + KILL_SECONDS)
        send(signal.SIGKILL, self.members())
        await gone(self.members, time.monotonic() + KILL_SECONDS)
        self.pid_file.unlink(missing_ok=True)

    async def _ask(self, targets: Callable[[], list[ProcessIdentity]], deadline: float) -> None:
        send(self.stop_signal, targets())
        await gone(targets, deadline)

    def members(self) -> list[ProcessIdentity]:
        """The living processes of this one's session: the leader and what it started."""
        recorded = read_identity(self.pid_file)
        if recorded is None:
            return []
        found = list(session_members(recorded.pid))
        return found if recorded in found else [member for member in found if self._carries_marker(member)]

    def _carries_marker(self, member: ProcessIdentity) -> bool:
        """Whether it was started under this pid file: the session's number alone may have been used again."""
        try:
            environment = Path(f"/proc/{member.pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"{MARKER}={self.pid_file}".encode() in environment

    def _shorten_log(self) -> None:
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_KEPT_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))


def recorded_processes(run_directory: Path, log_directory: Path) -> list[ManagedProcess]:
    """Every process that has a pid file in the directory, whatever it was started for."""
    files = sorted(run_directory.glob("*.pid"))
    return [ManagedProcess(path.stem, path, log_directory / f"{path.stem}.log") for path in files]


async def gone(targets: Callable[[], list[ProcessIdentity]], deadline: float) -> None:
    """Wait until all targets have ended, at most until the deadline (monotonic)."""
    while targets() and time.monotonic() < deadline:  # noqa: ASYNC110 - the kernel notifies only the parent
        await asyncio.sleep(POLL_SECONDS)


def send(signal_number: signal.Signals, targets: Sequence[ProcessIdentity]) -> None:
    """Signal the targets that still run."""
    for target in targets:
        if target.is_alive():
            try:
                os.kill(target.pid, signal_number)
            except ProcessLookupError:
                continue


def last_lines(log_file: Path, count: int = LAST_LINES) -> list[str]:
    """The last lines of a log; none when it cannot be read."""
    try:
        with log_file.open(errors="replace") as log:
            return [line.rstrip("\n") for line in deque(log, maxlen=count)]
    except OSError:
        return []
