"""Gateways are killed, restarted one after the other, and asked for three times of what they can."""

import asyncio
import contextlib
import os
import random
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import aiohttp
import asyncpg
import psutil
import pytest

from tests.faults.bed import Bed
from tests.faults.disruptions import gateway_killed
from tests.faults.figures import beside_neighbours, figure
from tests.faults.page import Plan, a_page_of_sessions, arrivals
from tests.faults.run import broken_promises, story
from tests.faults.signals import family
from tests.faults.steady import SteadyLoad
from tests.faults.waiting import acknowledged
from tests.support.eventually import eventually

SEED = 5
WRITES = 10
KILLS = 3
ROLLING = [f"{name}-{copy}" for copy in (1, 2) for name in ("gateway", "history", "catalog", "enrollment")]
"""One after the other: a process that starts has a processor for itself for a while."""
SETTLED = 200
"""Requests between a start and the next end, of 200 a second."""
LOOK_INTERVAL = 0.2
CAPACITY: Plan = {"seconds": 2, "counted": 1.5}
NOTICED: Plan = {"times": 3, "seconds": 5, "counted": 1}
"""The gateway lets bursts of three seconds pass."""
OVERLOAD: Plan = {"times": 3, "seconds": 2.5, "counted": 2}
"""Once more before the gateway has forgotten the last one, so it refuses from the start.

The first to begin so follows NOTICED at once: the queue of a burst takes a second to empty, and with the two of a look
at the capacity it would be forgotten.
"""
ROUNDS = 3

pytestmark = pytest.mark.timeout(120)


async def test_a_killed_gateway_doubles_nothing(bed: Bed) -> None:
    choice = random.Random(SEED)
    async with story(bed, SEED) as ledger:
        for _ in range(KILLS):
            await acknowledged(ledger, WRITES)
            async with gateway_killed(bed, choice):
                ledger.tell("a gateway is killed")
                await acknowledged(ledger, WRITES)
    commands = sum(attempt.status == 201 for attempt in ledger.attempts)
    lost = sum(attempt.status is None for attempt in ledger.attempts)
    assert lost, "no kill met a request"
    figure("gateway killed", f"answers lost beside {commands} acknowledged commands", lost, "")


async def test_control_without_kept_answers_retries_are_refused_or_doubled(bed: Bed) -> None:
    async with bed.changed("enrollment", WITHOUT="idempotency"), broken_promises(bed, SEED, of="already_enrolled"):
        balancer = bed.balancers["enrollment"]
        for _ in range(3):
            newest = await newest_enrollment(bed)
            balancer.freeze(to_server=False)
            await eventually(partial(has_newer, bed, newest))  # whose answer is held back
            balancer.cut()
            balancer.thaw()


async def newest_enrollment(bed: Bed) -> int:
    connection = await asyncpg.connect(bed.database_urls["enrollment"], timeout=5)
    try:
        return int(await connection.fetchval("SELECT coalesce(max(id), 0) FROM enrollments"))
    finally:
        await connection.close()


async def has_newer(bed: Bed, enrollment_id: int) -> bool:
    return await newest_enrollment(bed) > enrollment_id


async def test_a_rolling_restart_loses_no_request(bed: Bed) -> None:
    async with SteadyLoad(bed, rate=200) as steady:
        seconds = [await restart(bed, name, steady) for name in ROLLING]
    assert not steady.errors, (Counter(steady.errors), steady.count)
    figure("rolling restart", f"errors in {steady.count} requests", len(steady.errors), "", goal=0)
    figure("rolling restart", "slowest orderly end", max(seconds), "s", goal=10)


async def restart(bed: Bed, name: str, steady: SteadyLoad) -> float:
    """The seconds until the process had ended.

    Returns when the new one has served for a while, for which an operator waits as well: one that has just begun
    still plans its statements, and all that run here share two processors.
    """
    process = bed.processes[name]
    seconds = await process.terminate()
    await process.start()
    served = steady.count + SETTLED
    await eventually(lambda: has_counted(steady, served))
    return seconds


async def has_counted(steady: SteadyLoad, requests: int) -> bool:
    return steady.count >= requests


async def test_control_without_an_orderly_end_requests_are_lost(bed: Bed) -> None:
    async with bed.changed("gateway", "catalog", WITHOUT="orderly end"), SteadyLoad(bed, 200) as steady:
        await eventually(lambda: has_errors(bed, steady), deadline=40)


async def has_errors(bed: Bed, steady: SteadyLoad) -> bool:
    for name in ("catalog-1", "gateway-1", "catalog-2", "gateway-2"):
        process = bed.processes[name]
        assert process.process is not None
        process.process.terminate()
        await process.ended()
        await process.start(WITHOUT="orderly end")
        if steady.errors:
            return True
    return False


async def test_three_times_the_capacity_costs_hardly_any_of_it(bed: Bed) -> None:
    await a_page_of_sessions(bed)
    with on_one_processor(bed):
        plan = [CAPACITY, NOTICED, OVERLOAD, CAPACITY, *[OVERLOAD, CAPACITY] * ROUNDS]
        generator = asyncio.create_task(arrivals(bed, plan))
        live = await health_until(bed, generator)
        _, noticed, _, *steps = await generator
    assert live == {200}
    overloads = steps[1::2]
    for overload in (noticed, *overloads):
        assert set(overload["statuses"]) <= {"200", "503"}, overload["statuses"]
        assert overload["statuses"].get("503"), "nothing was refused, so it was no overload"
    goodput, p99 = (beside_neighbours([step[what] for step in steps]) for what in ("good_per_second", "good_p99"))
    lost = 100 * (1 - statistics.median(goodput))
    figure("three times the capacity", f"lost of the goodput, of {_percents(goodput)} left", lost, "%", goal=10)
    figure("three times the capacity", "p99 of the admitted, as a multiple", statistics.median(p99), "×", goal=2)
    slowest = max(overload["refused_p99"] for overload in overloads)
    figure("three times the capacity", f"of {overloads[-1]['rate']:.0f}/s, slowest refusal", slowest * 1000, "ms")


def _percents(shares: Iterable[float]) -> str:
    return " ".join(f"{share:.0%}" for share in shares)


async def test_control_without_shedding_nobody_is_refused(bed: Bed) -> None:
    async with bed.changed("gateway", WITHOUT="load shedding"):
        with on_one_processor(bed):
            _, overload = await arrivals(bed, [CAPACITY, NOTICED])
    assert "503" not in overload["statuses"], overload["statuses"]  # some give up, which is what shedding spares them


@contextmanager
def on_one_processor(bed: Bed) -> Iterator[None]:
    """The stack on the first processor, this process and the generator on the others: so it takes nothing away."""
    everywhere = sorted(os.sched_getaffinity(0))
    first, others = everywhere[:1], everywhere[1:] or everywhere
    stack = [each for process in bed.processes.values() if process.process for each in family(process.process.pid)]
    stack += bed.servers.processes_of(bed.servers.postgres) + bed.servers.processes_of(bed.servers.redis)
    _pin(stack, first)
    os.sched_setaffinity(0, others)
    try:
        yield
    finally:
        _pin(stack, everywhere)
        os.sched_setaffinity(0, everywhere)


def _pin(processes: Iterable[psutil.Process], processors: list[int]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.cpu_affinity(processors)


async def health_until(bed: Bed, end: "asyncio.Task[Any]") -> set[int]:
    """Statuses of the gateway's health, which no load may refuse, looked at again and again."""
    statuses = set()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
        while not end.done():
            async with http.get(f"{bed.gateways[0].url}/health/live") as response:
                statuses.add(response.status)
            await asyncio.wait({end}, timeout=LOOK_INTERVAL)
    return statuses
