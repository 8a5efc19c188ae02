"""Webhooks in stories: the receiver is slow, fails, hangs up and dies, services die, and each event is taken once."""

import random

import pytest

from tests.faults.bed import Bed
from tests.faults.disruptions import receiver_dead
from tests.faults.figures import figure
from tests.faults.run import broken_promises, story
from tests.faults.scene import ALL
from tests.faults.waiting import acknowledged

SEED = 9
WRITES = 20

pytestmark = pytest.mark.timeout(120)


async def test_every_event_is_taken_and_none_twice_while_delivery_lives(bed: Bed) -> None:
    async with story(bed, SEED, hooked=ALL) as ledger:
        await acknowledged(ledger, WRITES)
        async with receiver_dead(bed, random.Random(SEED)):
            ledger.tell("the receiver is dead")
            await acknowledged(ledger, WRITES)
        ledger.tell("it is back")
        await acknowledged(ledger, WRITES)
    figure("webhooks: the receiver dead for a while", "all were taken after", ledger.quiet_after, "s")


async def test_control_without_claims_they_are_sent_twice(bed: Bed) -> None:
    async with (
        bed.changed("delivery", WITHOUT="claims"),
        broken_promises(bed, SEED, of="I11 doubled") as ledger,
    ):
        await acknowledged(ledger, WRITES)


async def test_control_without_another_try_what_was_refused_is_lost(bed: Bed) -> None:
    async with (
        bed.changed("delivery", WITHOUT="tries"),
        broken_promises(bed, SEED, of="I11 lost", hooked=ALL) as ledger,
    ):
        await acknowledged(ledger, WRITES)
