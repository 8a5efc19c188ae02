"""I9: when it is quiet again, every process that lived through it holds what it held before."""

import asyncio
from collections.abc import Mapping

from tests.faults.bed import Bed
from tests.faults.processes import Census

MORE_DESCRIPTORS = 12
"""Connections that are kept for a while, as those of a pool that was not yet full."""
MORE_TASKS = 12
MORE_MEMORY = 40.0
"""MiB: what Python and the allocator keep for the next time."""

Censuses = Mapping[tuple[str, int], Census]
"""By name and process id: one that was started anew is another one."""


async def censuses(bed: Bed) -> Censuses:
    """Of every process that runs."""
    alive = [process for process in bed.processes.values() if process.process is not None and process.alive]
    taken = await asyncio.gather(*(process.census() for process in alive))
    pids = [process.process.pid for process in alive if process.process is not None]
    return {(process.name, pid): census for process, pid, census in zip(alive, pids, taken, strict=True)}


def leaks(before: Censuses, after: Censuses) -> list[str]:
    """What has grown."""
    return [
        f"I9: {name} held {before[name, pid]} and holds {now}"
        for (name, pid), now in after.items()
        if (name, pid) in before and _has_grown(before[name, pid], now)
    ]


def _has_grown(then: Census, now: Census) -> bool:
    return (
        now.descriptors > then.descriptors + MORE_DESCRIPTORS
        or now.tasks > then.tasks + MORE_TASKS
        or now.memory > then.memory + MORE_MEMORY
    )
