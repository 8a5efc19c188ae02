"""A service that is killed again and again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.bed import Bed
from tests.faults.processes import ProductProcess
from tests.support.eventually import eventually

DEADLINE = 240.0


@dataclass(frozen=True)
class Kills:
    """Those that have happened so far, by crash point."""

    log: Path
    processes: Sequence[ProductProcess]

    def count(self) -> Counter[str]:
        return Counter(self.log.read_text().splitlines())

    async def reach(self, times: int) -> None:
        """Returns once there were so many."""

        async def reached() -> bool:
            for process in self.processes:
                if not process.alive:
                    raise RuntimeError(f"{process.name} has ended by itself: {process.log_end()}")
            assert self.count().total() >= times, f"killed at {self.count()}"
            return True

        await eventually(reached, deadline=DEADLINE)


@asynccontextmanager
async def dying(
    bed: Bed, service: str, seed: int, kills: int, *, points: str = "", without: str = ""
) -> AsyncIterator[Kills]:
    """Each of the service's processes is killed so often, at points whose names begin with `points`."""
    log = bed.servers.layout.log / f"kills-{service}"
    log.write_text("")

    async def restart(number: int) -> None:
        plan = {"CRASH_PLAN": f"{seed + number}:{kills}:{points}", "CRASH_LOG": str(log), "WITHOUT": without}
        process = processes[number]
        await process.kill()
        await process.launch(**plan)  # it may die before anybody sees it ready

    processes = bed.copies_of(service)
    await asyncio.gather(*(restart(number) for number in range(len(processes))))
    try:
        yield Kills(log, processes)
    finally:
        await asyncio.gather(*(process.restart() for process in processes))
