"""Which process a recorded pid means: a pid is used again after its process ended, its start time is not."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ENDED = frozenset("ZX")


@dataclass(frozen=True)
class ProcessStatus:
    """One line of `/proc/PID/stat` (proc(5)), as far as it is needed here."""

    pid: int
    state: str
    session: int
    started: int
    """Clock ticks from boot to the start of the process."""


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that cannot be mistaken for a later one that got the same pid."""

    pid: int
    started: int

    def is_alive(self) -> bool:
        """Whether this very process still runs; one that ended and was not yet reaped does not."""
        status = process_status(self.pid)
        return status is not None and status.started == self.started and status.state not in ENDED

    def age(self) -> float:
        """Seconds since the process was started."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.started / os.sysconf("SC_CLK_TCK")


def parse_status(line: str) -> ProcessStatus | None:
    """Read a line of `/proc/PID/stat`; None when it is cut short. The name in it may hold any character."""
    opening, closing = line.find("("), line.rfind(")")
    fields = line[closing + 1 :].split()
    if opening < 0 or closing < opening or len(fields) < 20:
        return None
    return ProcessStatus(int(line[:opening]), fields[0], session=int(fields[3]), started=int(fields[19]))


def process_status(pid: int) -> ProcessStatus | None:
    """The status of a pid now; None when no process has it."""
    try:
        return parse_status(Path(f"/proc/{pid}/stat").read_text(errors="replace"))
    except OSError:
        return None


def own_status_line() -> str:
    """The calling process's line of `/proc/PID/stat`, to be kept as its pid file."""
    return Path("/proc/self/stat").read_text(errors="replace")


def own_identity() -> ProcessIdentity:
    """The identity of the calling process."""
    status = process_status(os.getpid())
    assert status is not None, "/proc shows no entry for the calling process"  # noqa: S101 - it runs
    return ProcessIdentity(status.pid, status.started)


def read_identity(pid_file: Path) -> ProcessIdentity | None:
    """The process that a pid file (a line of `/proc/PID/stat`) names; None when there is no such file."""
    try:
        status = parse_status(pid_file.read_text(errors="replace"))
    except OSError:
        return None
    return ProcessIdentity(status.pid, status.started) if status else None


def session_members(session: int) -> Iterator[ProcessIdentity]:
    """Every process alive in a session (setsid(2)), its leader included."""
    for entry in os.listdir("/proc"):
        status = process_status(int(entry)) if entry.isdigit() else None
        if status and status.session == session and status.state not in ENDED:
            yield ProcessIdentity(status.pid, status.started)
