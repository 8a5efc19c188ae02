"""Enrollment is killed at every step between request and answer, relay and consumers at every step of theirs."""

import pytest

from tests.faults.bed import Bed
from tests.faults.crash_points import CRASH_POINTS
from tests.faults.dying import dying
from tests.faults.figures import figure
from tests.faults.run import broken_promises, story

KILLS = 12
"""Of each of the two processes; `./dev faults --kills N` goes on to thousands."""
SEED = 1

pytestmark = pytest.mark.timeout(180)


async def test_row_and_event_are_there_together_or_not_at_all(bed: Bed) -> None:
    async with story(bed, SEED) as ledger, dying(bed, "enrollment", SEED, KILLS, points="enroll") as kills:
        await kills.reach(2 * KILLS)
        ledger.tell(f"killed at {kills.count()}")
    assert kills.count().keys() <= CRASH_POINTS.keys()
    figure("enrollment killed at each step", "kills", kills.count().total(), "")


async def test_control_without_one_transaction_events_are_lost(bed: Bed) -> None:
    async with (
        broken_promises(bed, SEED, of="I2"),
        dying(bed, "enrollment", SEED, 8, points="enroll", without="outbox transaction") as kills,
    ):
        await kills.reach(16)


async def test_who_is_cleared_is_told_once_whenever_the_worker_is_killed(bed: Bed) -> None:
    async with (
        story(bed, SEED, asks=True) as ledger,
        dying(bed, "enrollment", SEED, 4, points="standings") as kills,
    ):
        await kills.reach(8)
        ledger.tell(f"killed at {kills.count()}")
    figure("worker of standings killed at each step", "kills", kills.count().total(), "")


async def test_a_relay_that_is_killed_publishes_again(bed: Bed) -> None:
    async with (
        bed.another("enrollment"),  # so that three relays share the outbox
        story(bed, SEED) as ledger,
        dying(bed, "enrollment", SEED, 8, points="relay") as kills,
    ):
        await kills.reach(16)
        ledger.tell(f"killed at {kills.count()}")
    figure("relay killed around the confirm, three at once", "kills", kills.count().total(), "")
    figure("relay killed around the confirm, three at once", "all followed after", ledger.quiet_after, "s", goal=2)


async def test_control_without_waiting_for_the_confirm_events_are_lost(bed: Bed) -> None:
    async with (
        broken_promises(bed, SEED, of="I2 lost"),
        dying(bed, "enrollment", SEED, 5, points="relay: about", without="confirm") as kills,
    ):
        await kills.reach(10)


async def test_a_consumer_that_is_killed_around_its_commit_applies_everything_once(bed: Bed) -> None:
    async with (
        story(bed, SEED) as ledger,
        dying(bed, "history", SEED, 6, points="consumer") as of_history,
        dying(bed, "catalog", SEED, 6, points="consumer") as of_catalog,
        dying(bed, "delivery", SEED, 6, points="consumer") as of_delivery,
    ):
        for kills in (of_history, of_catalog, of_delivery):
            await kills.reach(12)
        ledger.tell(f"killed at {of_history.count()}, {of_catalog.count()} and {of_delivery.count()}")


async def test_control_acknowledged_before_the_commit_it_is_lost(bed: Bed) -> None:
    async with (
        broken_promises(bed, SEED, of="I3"),
        dying(bed, "history", SEED, 4, points="consumer: before", without="acknowledge after commit") as kills,
    ):
        await kills.reach(8)
