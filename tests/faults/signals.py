"""Signals to a process and all that it has started."""

import contextlib
from collections.abc import Iterable

import psutil


def family(pid: int) -> list[psutil.Process]:
    """The process, then its descendants; empty when it is gone."""
    try:
        leader = psutil.Process(pid)
        return [leader, *leader.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


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
