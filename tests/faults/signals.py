"""Signals to a process and all that it has started."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import psutil


def family(pid: int) -> list[psutil.Process]:
    """The process, then its descendants; empty when it is gone.

    By the kernel's lists of children (proc(5), /proc/PID/task/TID/children): psutil reads the status of every process
    of the machine, which takes 40 ms beside eight hundred of them and blocks the loop that the bed's proxies run on.
    """
    found: list[psutil.Process] = []
    pids = [pid]
    while pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pids.pop(0)))
            pids += _children(found[-1].pid)
    return found


def _children(pid: int) -> list[int]:
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # it has ended meanwhile
        return []
    return [int(child) for text in lists for child in text.split()]


def kill(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL to each, the leader first so that it starts none anew."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def freeze(processes: Iterable[psutil.Process]) -> None:
    """SIGSTOP to each."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()


def thaw(processes: Iterable[psutil.Process]) -> None:
    """SIGCONT to each."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()
