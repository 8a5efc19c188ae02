"""Each alert fires under its fault and is silent without: a real Prometheus reads the bed.

Everything that takes time in the rules is shortened by one factor (tests/support/shortened.py).
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from stack.paths import REPOSITORY
from stack.services import SERVICE_NAMES
from tests.faults.bed import Bed
from tests.faults.figures import figure
from tests.support.eventually import eventually
from tests.support.prometheus import Prometheus, running_prometheus
from tests.support.shortened import shortened

RULES = sorted((REPOSITORY / "deploy" / "observability" / "rules").glob("*.yml"))
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
async def watched(whole_bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    directory = tmp_path_factory.mktemp("prometheus")
    async with running_prometheus(directory, [shortened(file.read_text()) for file in RULES]) as prometheus:
        prometheus.read(targets(whole_bed))
        yield prometheus


def targets(bed: Bed) -> dict[str, list[str]]:
    """Where the metrics of each process are read."""
    names = ("gateway", *SERVICE_NAMES)
    return {name: [f"127.0.0.1:{each.metrics_port}" for each in bed.copies_of(name)] for name in names}


async def test_a_killed_process(bed: Bed, watched: Prometheus) -> None:
    await quiet(watched)
    async with expected(watched, "a process killed", {"ProcessDown"}):
        await bed.gateways[0].kill()


async def quiet(prometheus: Prometheus) -> None:
    """Returns once all processes are read and no alert fires."""

    async def nothing_fires() -> bool:
        assert set((await prometheus.targets()).values()) == {"up"}
        assert await prometheus.firing() == set()
        return True

    await eventually(nothing_fires, deadline=60)


@asynccontextmanager
async def expected(prometheus: Prometheus, fault: str, alerts: set[str]) -> AsyncIterator[None]:
    began = time.monotonic()
    yield
    left = set(alerts)

    async def all_fire() -> bool:
        for name in (await prometheus.firing()) & left:
            figure(fault, f"{name} fires after", time.monotonic() - began, "s")
            left.discard(name)
        return not left

    await eventually(all_fire, deadline=60)
