"""PostgreSQL dies, freezes, runs out of disk or connections, or a lock is held: 503 in time, and it heals."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import asyncpg
import pytest

from shared.errors import Overloaded
from stack.services import SERVICE_NAMES
from tests.faults.bed import Bed
from tests.faults.disruptions import (
    Disruption,
    database_frozen,
    database_killed,
    database_of,
)
from tests.faults.figures import figure
from tests.faults.full_disk import SmallDisk, write_ahead_log_on_small_disk
from tests.faults.ledger import Attempt, Ledger
from tests.faults.run import broken_promises, story
from tests.faults.waiting import acknowledged, answers
from tests.support.client import Answer
from tests.support.eventually import eventually
from tests.support.world import ENROLLMENTS

SEED = 3
WRITES = 15
TRIES = 3
CROWD = 100
"""Requests at once: five for each connection of the service's two pools."""
CLIENT_DEADLINE = 4.0

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("away", [database_killed, database_frozen])
async def test_services_say_503_in_time_and_are_back_at_once(bed: Bed, away: Disruption) -> None:
    name = away.__name__.replace("_", " ")
    async with story(bed, SEED) as ledger:
        await acknowledged(ledger, WRITES)
        began = time.monotonic()
        async with away(bed, random.Random(SEED)):
            ledger.tell(name)
            await answers(ledger, 503, 5)
        back = time.monotonic()
        ledger.tell("back")
        await acknowledged(ledger, 1)
        figure(name, "first write acknowledged after", time.monotonic() - back, "s", goal=2)
        await acknowledged(ledger, WRITES)
    report_refusals(name, ledger, began)


async def test_control_without_time_limits_a_frozen_database_freezes_its_clients(bed: Bed) -> None:
    changes = {"WITHOUT": "time limits of the database", "UPSTREAM_TIMEOUT": "3"}  # for the gateway: a third of its own
    async with bed.changed("enrollment", "gateway", **changes), story(bed, SEED) as ledger:
        await acknowledged(ledger, WRITES)
        async with database_frozen(bed, random.Random(SEED)):
            await answers(ledger, 504, 1, of="enrollment")


async def test_past_the_pool_and_behind_a_lock_everybody_is_answered_in_time(bed: Bed) -> None:
    await crowd(bed)  # so that all have connected
    async with enrollments_locked(bed):
        outcomes = answered(await crowd(bed))
    assert {answer.status for answer, _ in outcomes} == {503}
    assert all(answer.headers.get("Retry-After") for answer, _ in outcomes)
    refused = [seconds for answer, seconds in outcomes if answer.json["message"] == Overloaded.message]
    figure("lock held", "slowest answer", max(seconds for _, seconds in outcomes), "s", goal=2)
    what = f"of {CROWD} at once, slowest of {len(refused)} refusals"
    figure("pool exhausted", what, max(refused) * 1000, "ms", goal=250)
    await eventually(lambda: lists(bed))


def answered(outcomes: Sequence[tuple[Answer, float] | BaseException]) -> list[tuple[Answer, float]]:
    """All of them, as nobody got no answer."""
    assert not [outcome for outcome in outcomes if not isinstance(outcome, tuple)], outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, tuple)]


async def test_control_without_a_bound_on_the_wait_for_a_connection_clients_give_up_first(bed: Bed) -> None:
    async with bed.changed("enrollment", WITHOUT="bound of the wait for a connection"), enrollments_locked(bed):
        outcomes = await crowd(bed)
    assert [outcome for outcome in outcomes if isinstance(outcome, TimeoutError)]


@asynccontextmanager
async def enrollments_locked(bed: Bed) -> AsyncIterator[None]:
    """No statement on them gets anywhere."""
    connection = await asyncpg.connect(database_of(bed, "enrollment"), timeout=5)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE enrollments IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def crowd(bed: Bed) -> list[tuple[Answer, float] | BaseException]:
    """Answers and their seconds, of clients who have little time and ask what takes a connection each."""

    async def ask(number: int) -> tuple[Answer, float]:
        began = time.monotonic()
        answer = await bed.client(6000, gateway=number % 2).request(
            "GET", f"{ENROLLMENTS}/1", timeout=aiohttp.ClientTimeout(total=CLIENT_DEADLINE)
        )
        return answer, time.monotonic() - began

    return list(await asyncio.gather(*(ask(number) for number in range(CROWD)), return_exceptions=True))


async def lists(bed: Bed) -> bool:
    return (await bed.client(6000).get(ENROLLMENTS)).status == 200


async def takes_connections(bed: Bed) -> bool:
    await bed.servers.revive(bed.servers.postgres)
    try:
        connection = await asyncpg.connect(bed.servers.postgres.url, timeout=2)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


def report_refusals(name: str, ledger: Ledger, began: float) -> None:
    """What was refused meanwhile was refused by the services, and not by a gateway that had waited in vain."""
    refused: list[Attempt] = [attempt for attempt in ledger.failures() if attempt.at >= began]
    assert {attempt.status for attempt in refused} <= {502, 503}, [a for a in refused if a.status not in (502, 503)]
    if refused:
        figure(name, "slowest refusal", max(attempt.seconds for attempt in refused), "s", goal=2)


async def test_a_full_disk_loses_nothing_that_was_acknowledged(bed: Bed) -> None:
    async with write_ahead_log_on_small_disk(bed) as disk, story(bed, SEED) as ledger:
        await acknowledged(ledger, WRITES)
        began = time.monotonic()
        back = await full_until_refused(disk, ledger)
        await acknowledged(ledger, 1)
        figure("disk full", "first write acknowledged after", time.monotonic() - back, "s", goal=2)
        await acknowledged(ledger, WRITES)
    report_refusals("disk full", ledger, began)


async def test_control_without_waiting_for_the_disk_what_was_acknowledged_is_lost(bed: Bed) -> None:
    for _ in range(TRIES):  # the log may have been written for another reason just before, or only copies were lost
        with contextlib.suppress(pytest.fail.Exception, AssertionError):
            async with (
                write_ahead_log_on_small_disk(bed) as disk,
                bed.changed(*SERVICE_NAMES, WITHOUT="commits on disk"),
                broken_promises(bed, SEED, of="I1") as ledger,
            ):
                await acknowledged(ledger, WRITES)
                await full_until_refused(disk, ledger)
            return
    pytest.fail("nothing that was acknowledged was lost")


async def full_until_refused(disk: SmallDisk, ledger: Ledger) -> float:
    """The moment when there was room again and the server took connections."""
    await disk.fill(between=lambda: told_of_writes(ledger, 4))
    ledger.tell("the disk is full")
    await answers(ledger, 503, 5)
    disk.clear()
    await eventually(lambda: takes_connections(disk.bed))  # it may have been busy with its own recovery, or give it up
    ledger.tell("there is room again")
    return time.monotonic()


async def told_of_writes(ledger: Ledger, count: int) -> None:
    """Returns once so many more were acknowledged, or one was refused."""
    begin = len(ledger.attempts)

    async def enough() -> bool:
        statuses = [attempt.status for attempt in ledger.attempts[begin:]]
        return statuses.count(201) >= count or 503 in statuses

    await eventually(enough)
