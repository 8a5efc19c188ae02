"""Faults and the alerts that must fire under each, in a bed whose metrics a Prometheus reads."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from stack.services import SERVICE_NAMES
from tests.faults.bed import Bed
from tests.faults.figures import figure
from tests.faults.processes import ProductProcess
from tests.faults.scene import Organisation
from tests.support.eventually import eventually
from tests.support.prometheus import Prometheus

PATIENCE: Final = 60.0
"""Seconds for an alert to fire, and for all to be over afterwards."""
LOOK: Final = 0.2


@dataclass
class Watched:
    """A bed, and the Prometheus that reads it."""

    bed: Bed
    prometheus: Prometheus
    scene: Sequence[Organisation]
    """Whose clients are at work."""
    seen: dict[str, dict[str, float]] = field(default_factory=dict)
    """By fault: its alerts, and after how many seconds each fired."""
    hidden: set[str] = field(default_factory=set)
    """Services whose processes are not found."""

    def read_all(self) -> None:
        """The metrics of every process there is are read from now on, but for those that are hidden."""
        processes: list[ProductProcess] = [*self.bed.processes.values(), *self.bed.extra]
        names = (name for name in ("gateway", *SERVICE_NAMES) if name not in self.hidden)
        self.prometheus.read(
            {
                name: [f"127.0.0.1:{each.metrics_port}" for each in processes if each.module.endswith(name)]
                for name in names
            }
        )

    async def quiet(self) -> None:
        """Returns once all processes are read and no alert fires."""
        await eventually(self._nothing_fires, deadline=PATIENCE)

    async def _nothing_fires(self) -> bool:
        targets = await self.prometheus.targets()
        unread = [address for address, health in targets.items() if health != "up"]
        assert len(targets) >= len(self.bed.processes), f"only {len(targets)} processes are known yet"
        assert not unread, unread
        firing = await self.prometheus.firing()
        assert not firing, firing
        return True


Break = Callable[[Watched], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """`alerts` are those that must fire while the block of `broken` lasts."""

    name: str
    broken: Break
    alerts: Sequence[str]


async def run_together(watched: Watched, faults: Sequence[Fault], also: set[str]) -> None:
    """Faults that have nothing to do with each other, all at once, each until its alerts fire.

    No other alert may fire but those in `also`, which follow from the faults.
    """
    expected = {alert for fault in faults for alert in fault.alerts}
    assert len(expected) == sum(len(fault.alerts) for fault in faults), "two faults have one alert"
    strangers: set[str] = set()
    async with _noting(watched.prometheus, expected | also, strangers), asyncio.TaskGroup() as group:
        for fault in faults:
            group.create_task(_run(watched, fault))
    assert not strangers, f"{strangers} fired, which no fault explains"


async def _run(watched: Watched, fault: Fault) -> None:
    began, seen = time.monotonic(), watched.seen.setdefault(fault.name, {})

    async def all_fired() -> bool:
        for alert in (await watched.prometheus.firing()) & set(fault.alerts) - seen.keys():
            seen[alert] = time.monotonic() - began
            figure(fault.name, f"{alert} fires after", seen[alert], "s")
        assert seen.keys() >= set(fault.alerts), f"{fault.name}: {set(fault.alerts) - seen.keys()} did not fire"
        return True

    async with fault.broken(watched):
        await eventually(all_fired, deadline=PATIENCE)


@asynccontextmanager
async def _noting(prometheus: Prometheus, known: set[str], strangers: set[str]) -> AsyncIterator[None]:
    """Alerts that fire meanwhile and are not known."""

    async def note() -> None:
        while True:
            strangers.update(await prometheus.firing() - known)
            await asyncio.sleep(LOOK)

    noting = asyncio.create_task(note())
    try:
        yield
    finally:
        noting.cancel()
        await asyncio.wait([noting])
    assert noting.cancelled(), noting.exception()
