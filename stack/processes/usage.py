"""What processes use of the machine, as the kernel counts it: whether they answer or not."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """Of a process and all that it has started."""

    cpu_seconds: float
    """Since its start, those of children that have ended included."""
    memory: int
    """Bytes that no file is behind; memory that its processes share counts once."""


@dataclass(frozen=True)
class _Entry:
    parent: int
    ticks: int


def usage_of(pids: Iterable[int]) -> dict[int, Usage]:
    """By pid, of those that run. One look at `/proc` for all of them."""
    entries = dict(_entries())
    children: dict[int, list[int]] = {}
    for pid, entry in entries.items():
        children.setdefault(entry.parent, []).append(pid)
    return {pid: _usage(family(pid, children), entries) for pid in pids if pid in entries}


def family(pid: int, children: Mapping[int, list[int]]) -> list[int]:
    """A process, its children, theirs, and so on. PostgreSQL's are in sessions of their own, so those say nothing."""
    members = [pid]
    for member in members:
        members += children.get(member, [])
    return members


def _usage(members: list[int], entries: Mapping[int, _Entry]) -> Usage:
    memories = [_memory(pid) for pid in members]
    private, shared = sum(own for own, _ in memories), max(shared for _, shared in memories)
    return Usage(sum(entries[pid].ticks for pid in members) / TICKS, private + shared)


def _entries() -> Iterator[tuple[int, _Entry]]:
    for name in os.listdir("/proc"):
        if name.isdigit() and (entry := _entry(name)) is not None:
            yield int(name), entry


def _entry(pid: str) -> _Entry | None:
    """From `/proc/PID/stat` (proc(5)): the time that a child has used moves to its parent when it ends."""
    try:
        line = Path("/proc", pid, "stat").read_text(errors="replace")
    except OSError:
        return None
    fields = line[line.rfind(")") + 1 :].split()
    return _Entry(int(fields[1]), sum(map(int, fields[11:15]))) if len(fields) > 14 else None


def _memory(pid: int) -> tuple[int, int]:
    """Bytes of its own and bytes that it may share; none of a process that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return 0, 0
    sizes = {name: value for name, _, value in (line.partition(":") for line in lines) if name.startswith("Rss")}
    own, shared = (int(sizes.get(name, "0 kB").split()[0]) * 1024 for name in ("RssAnon", "RssShmem"))
    return own, shared
