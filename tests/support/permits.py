"""Callers of a fair semaphore whose time is that of a virtual loop."""

import asyncio
import logging
from typing import Any

import pytest

from shared.concurrency import fair_semaphore
from shared.concurrency.fair_semaphore import FairSemaphore
from shared.errors import Overloaded
from tests.support.virtual_time import clock

FOR_EVER = 3600.0
FLOODING, SMALL, THIRD = 1, 2, 3
Acquiring = asyncio.Task[None]


def semaphore_of(permits: int, per_organisation: int | None = None, **options: Any) -> FairSemaphore:
    """One whose time is the loop's."""
    return FairSemaphore(permits, per_organisation or permits, clock=clock, **options)


async def callers(
    semaphore: FairSemaphore, number: int, organisation: int | None = None, timeout: float = FOR_EVER
) -> list[Acquiring]:
    """So many that want a permit, and have one or wait."""
    tasks = [asyncio.create_task(semaphore.acquire(timeout, organisation)) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


def warnings(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == fair_semaphore.__name__]


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def seconds_until_refused(semaphore: FairSemaphore, timeout: float, organisation: int | None = None) -> float:
    start = clock()
    with pytest.raises(Overloaded):
        await semaphore.acquire(timeout, organisation)
    return clock() - start
