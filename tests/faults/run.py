"""One run on the bed: load, something breaks, it is repaired, it becomes quiet, the invariants are checked."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.faults.bed import Bed
from tests.faults.following import FeedReader, feed_differs, following, webhooks_differ
from tests.faults.invariants import differences, standings_differ
from tests.faults.leaks import Censuses, censuses, leaks
from tests.faults.ledger import Ledger
from tests.faults.load import load
from tests.faults.moving import Mover, moves_differ, moving
from tests.faults.observer import Observer, observing
from tests.faults.scene import HOOKED, PEOPLE, Organisation, ask_of_everybody, new_scene
from tests.support.eventually import eventually

QUIET_SECONDS = 30.0
CONTROL_SECONDS = 4.0
STILL_SECONDS = 1.5
"""Of the same differences look after look: then nothing is on its way any more that could undo them."""
SHOWN = 20


@asynccontextmanager
async def story(
    bed: Bed,
    seed: int,
    *,
    quiet_within: float = QUIET_SECONDS,
    still_for: float = QUIET_SECONDS,
    people: int = PEOPLE,
    hooked: Sequence[str] = HOOKED,
    asks: bool = False,
) -> AsyncIterator[Ledger]:
    """The block breaks and repairs things while clients are at work; after it everything that was promised is compared.

    `asks` says whether the organisations ask anything of their people: then what they complete changes who is cleared.

    Raises AssertionError with the seed, the history and what differs, when that is so for `quiet_within` seconds
    after the last client has ended, or stays exactly the same for `still_for`.
    """
    async with observing(bed) as observer:
        interruptions = bed.interruptions()
        scene = await new_scene(bed, people, hooked)
        if asks:
            await ask_of_everybody(bed, scene)
        before = await censuses(bed)
        async with (
            load(bed, scene, seed) as ledger,
            following(bed, ledger, scene) as readers,
            moving(bed, ledger, scene) as movers,
        ):
            yield ledger
        began = time.monotonic()
        look = _Look(bed, ledger, observer, scene, readers, movers, interruptions)
        try:
            await eventually(lambda: look.is_over(still_for), deadline=quiet_within)
            assert not look.found, look.told()
            ledger.quiet_after = time.monotonic() - began
            await eventually(lambda: _holds_no_more(bed, before), deadline=quiet_within)
        except AssertionError as error:
            raise AssertionError(told(seed, ledger, str(error))) from None
        ledger.tell(f"quiet {ledger.quiet_after:.2f} s after the last client")
        assert not ledger.violations, told(seed, ledger, "")


@dataclass
class _Look:
    """What differs, look after look."""

    bed: Bed
    ledger: Ledger
    observer: Observer
    scene: tuple[Organisation, Organisation]
    readers: Sequence[FeedReader]
    movers: Sequence[Mover]
    interruptions: int
    """Of the bed before."""
    found: list[str] = field(default_factory=list)
    since: float = 0.0

    async def is_over(self, still_for: float) -> bool:
        """Whether nothing differs, or the same for so long; raises AssertionError otherwise."""
        found = await differences(self.bed, self.ledger, self.observer, self.scene)
        found += await feed_differs(self.bed, self.observer, self.readers)
        found += await moves_differ(self.movers)
        found += await standings_differ(self.bed)
        interrupted = self.bed.interruptions() != self.interruptions
        found += await webhooks_differ(self.bed, self.observer, self.scene, interrupted=interrupted)
        found.sort()
        if found != self.found or not self.since:
            self.found, self.since = found, time.monotonic()
        assert not found or time.monotonic() - self.since >= still_for, self.told()
        return True

    def told(self) -> str:
        return "\n".join([f"{len(self.found)} differences", *self.found[:SHOWN]])


async def _holds_no_more(bed: Bed, before: Censuses) -> bool:
    found = leaks(before, await censuses(bed))
    assert not found, "\n".join(found)
    return True


def told(seed: int, ledger: Ledger, what: str) -> str:
    """Everything needed to run it again and to understand it."""
    return "\n".join([f"seed {seed}", *ledger.story, *ledger.violations[:SHOWN], what])


@asynccontextmanager
async def broken_promises(bed: Bed, seed: int, *, of: str, hooked: Sequence[str] = HOOKED) -> AsyncIterator[Ledger]:
    """For controls: a story, run by processes that lack a guard, which must end with such differences."""
    with pytest.raises(AssertionError, match=of):
        async with story(bed, seed, quiet_within=CONTROL_SECONDS, still_for=STILL_SECONDS, hooked=hooked) as ledger:
            yield ledger
