"""`./dev faults`: random stories of faults, one after the other, until the time is over; then the table."""

import argparse
import asyncio
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from tests.faults.bed import Bed, running_bed
from tests.faults.disruptions import DISRUPTIONS, calm
from tests.faults.dying import dying
from tests.faults.ledger import Ledger
from tests.faults.obeying import obeying
from tests.faults.operators import rebuild, verify
from tests.faults.run import story, told
from tests.faults.scene import ALL

CHAPTERS = 8
"""Disruptions of one story."""
KILLS_OF_STORY = 50
PEOPLE_OF_STORY = 200
SAID = ("lost", "doubled", "oversold")
SAID_OF = ("I1", "I2", "I4", "I10", "I11")
"""Invariants whose differences begin with one of these words."""


@dataclass
class Tally:
    """What all stories of a run have shown together."""

    stories: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    longest_unavailability: float = 0.0
    longest_of: str = ""
    rebuilt: str = "other bytes"
    failures: list[str] = field(default_factory=list)

    def count(self, word: str) -> int:
        """Differences that say so."""
        lines = [line for failure in self.failures for line in failure.splitlines()]
        return sum(line.startswith((word, *(f"{invariant} {word}" for invariant in SAID_OF))) for line in lines)

    def add(self, ledger: Ledger) -> None:
        self.stories += 1
        self.requests += len(ledger.attempts)
        self.acknowledged += ledger.acknowledged
        self.unanswered += len(ledger.failures())
        for service, seconds in ledger.unavailability().items():
            if seconds > self.longest_unavailability:
                self.longest_unavailability, self.longest_of = seconds, service


Chapters = Callable[[Bed, int, Ledger, Tally], Awaitable[None]]
"""What happens in a story, while its clients are at work."""


async def tell_stories(seed: int, chapters: Chapters, is_over: Callable[[Tally], bool], console: Console) -> Tally:
    """Stories with the seeds that follow `seed`; each is a function of its own seed."""
    tally = Tally()
    async with running_bed("stories") as bed:
        while not is_over(tally):
            number = seed + tally.stories
            ledger = await _tell(bed, number, chapters, tally)
            tally.add(ledger)
            console.print(
                f"story {number}: {len(ledger.attempts)} requests, {ledger.acknowledged} acknowledged;"
                f" so far {sum(tally.faults.values())} faults, {len(tally.failures)} failed stories",
                highlight=False,
                soft_wrap=True,
            )
        if differing := await rebuild(bed):
            tally.failures.append("\n".join(differing))
        else:
            tally.rebuilt = "the same bytes"
    return tally


async def _tell(bed: Bed, seed: int, chapters: Chapters, tally: Tally) -> Ledger:
    ledger = Ledger()
    try:
        async with story(bed, seed, people=PEOPLE_OF_STORY, hooked=ALL) as ledger:
            await chapters(bed, seed, ledger, tally)
        differing = await verify(bed)
        assert not differing, told(seed, ledger, "\n".join(differing))
    except AssertionError as error:
        tally.failures.append(str(error))
        await bed.mend()
    return ledger


async def random_chapters(bed: Bed, seed: int, ledger: Ledger, tally: Tally) -> None:
    """One disruption after the other."""
    choice = random.Random(seed)
    for disruption in choice.choices(DISRUPTIONS, k=CHAPTERS):
        name = disruption.__name__.replace("_", " ")
        tally.faults[name] += 1
        ledger.tell(name)
        async with disruption(bed, choice):
            await calm(choice, 0.5, 4)
        ledger.tell("repaired")
        await calm(choice, 0.2, 1.5)


async def kills(bed: Bed, seed: int, ledger: Ledger, tally: Tally) -> None:
    """Enrollment is killed again and again, at every step of requests, relay and consumer."""
    processes = len(bed.copies_of("enrollment"))
    async with dying(bed, "enrollment", seed, KILLS_OF_STORY // processes) as killed:
        await killed.reach(KILLS_OF_STORY)
        ledger.tell(f"killed at {killed.count()}")
        tally.faults += killed.count()


def table_of(tally: Tally, seed: int) -> Table:
    """What people look at first."""
    table = Table("", "", title=f"{tally.stories} stories from seed {seed}", show_header=False)
    rows = {
        "faults injected": sum(tally.faults.values()),
        "requests": tally.requests,
        "requests acknowledged": tally.acknowledged,
        "requests not answered, or with 5xx": tally.unanswered,
        **{word: tally.count(word) for word in SAID},
        "projections rebuilt": tally.rebuilt,
        "stories with a broken invariant": len(tally.failures),
        "longest unavailability": f"{tally.longest_unavailability:.1f} s ({tally.longest_of})",
    }
    for name, value in rows.items():
        table.add_row(name, str(value))
    table.add_section()
    for name, count in sorted(tally.faults.items()):
        table.add_row(name, str(count))
    return table


def main() -> int:
    """0 when every invariant held in every story."""
    parser = argparse.ArgumentParser(prog="./dev faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long to go on (default 5)")
    parser.add_argument("--kills", type=int, help="instead kill enrollment so often, at every step of its work")
    parser.add_argument("--obeyed", type=int, help="instead see so often whether enrollment obeys the catalog at once")
    parser.add_argument("--seed", type=int, help="the first story's seed (default: random); the same tells the same")
    arguments = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if arguments.seed is None else arguments.seed
    console = Console()
    if arguments.obeyed is not None:
        return 1 if asyncio.run(obeying(arguments.obeyed, console)) else 0
    end = time.monotonic() + arguments.minutes * 60
    if arguments.kills is None:
        stories = tell_stories(seed, random_chapters, lambda _: time.monotonic() >= end, console)
    else:
        stories = tell_stories(seed, kills, lambda tally: sum(tally.faults.values()) >= arguments.kills, console)
    tally = asyncio.run(stories)
    for failure in tally.failures:
        print(failure, file=sys.stderr)
    console.print(table_of(tally, seed))
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
