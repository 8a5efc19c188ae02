"""Delivery commits late, dies around its commits, gets events again: who follows the feed gets each once.

Every story of the bed has its followers (following.py); these are about delivery alone.
"""

import random

import pytest

from tests.faults.bed import Bed
from tests.faults.disruptions import redelivered
from tests.faults.dying import dying
from tests.faults.ledger import Ledger
from tests.faults.processes import ProductProcess
from tests.faults.run import broken_promises, story
from tests.faults.waiting import acknowledged, answers
from tests.support.eventually import eventually

SEED = 8
WRITES = 12
ANSWERS = 6
"""Of the feed to two readers: each has asked again."""
LATE = {"STOP_AT": "consumer: before the commit:8"}

pytestmark = pytest.mark.timeout(120)


async def test_control_acknowledged_before_the_commit_the_feed_lacks_events(bed: Bed) -> None:
    async with (
        broken_promises(bed, SEED, of="I10 lost: the feed"),
        dying(bed, "delivery", SEED, 4, points="consumer: before", without="acknowledge after commit") as kills,
    ):
        await kills.reach(8)


async def test_control_without_the_ids_of_events_what_comes_again_is_there_again(bed: Bed) -> None:
    async with (
        bed.changed("delivery", WITHOUT="event ids"),
        broken_promises(bed, SEED, of="I10 doubled: the feed") as ledger,
    ):
        await acknowledged(ledger, WRITES)
        async with redelivered(bed, random.Random(SEED)):
            await acknowledged(ledger, WRITES)


async def test_who_follows_misses_nothing_that_is_committed_late(bed: Bed) -> None:
    async with bed.another("delivery", **LATE) as late, story(bed, SEED) as ledger:
        await commit_late(late, ledger)


async def test_control_without_the_horizon_who_follows_misses_it(bed: Bed) -> None:
    async with (
        bed.changed("delivery", WITHOUT="horizon"),
        bed.another("delivery", **LATE) as late,
        broken_promises(bed, SEED, of="I10 lost: who followed") as ledger,
    ):
        await commit_late(late, ledger)


async def commit_late(late: ProductProcess, ledger: Ledger) -> None:
    """The process is frozen before it commits, and goes on when others have committed and readers have asked."""
    await eventually(late.is_frozen)
    ledger.tell("a consumer stands before its commit")
    await acknowledged(ledger, WRITES)
    await answers(ledger, 200, ANSWERS, of="delivery")
    late.thaw()
    ledger.tell("it goes on")
