"""When a reader of the feed looks again, and when it is answered (contract, section 8)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from services.delivery.reading import BEGINNING, FIRST_PAUSE, LONGEST_PAUSE, Step, wait_for_step
from services.delivery.watch import FeedWatch
from shared.http.feed_cursor import FeedPlace
from tests.support.virtual_time import clock, in_virtual_time, pass_time

ORGANISATION = 7


def watching() -> FeedWatch:
    """One that listens, as far as readers can see."""
    watch = FeedWatch("", "test")
    watch._listening.set()
    return watch


def nothing(position: int = 1) -> Step:
    return Step("", 0, FeedPlace(position, 0), has_more=False)


FOUND = Step("{}", 1, FeedPlace(9, 0), has_more=False)


@dataclass
class Looks:
    """What each look finds, the last again and again; when each happened, and from where."""

    finds: Sequence[Step]
    at: list[float] = field(default_factory=list)
    places: list[FeedPlace] = field(default_factory=list)

    async def __call__(self, place: FeedPlace) -> Step:
        self.at.append(clock())
        self.places.append(place)
        return self.finds[min(len(self.at), len(self.finds)) - 1]


@in_virtual_time
async def test_what_is_there_is_answered_at_once() -> None:
    looks = Looks([FOUND])
    assert await wait_for_step(watching(), ORGANISATION, BEGINNING, looks, 20) == FOUND
    assert looks.at == [0]


@in_virtual_time
async def test_who_finds_nothing_in_a_window_that_is_full_goes_on_at_once() -> None:
    more = Step("", 0, FeedPlace(5, 3), has_more=True)
    assert await wait_for_step(watching(), ORGANISATION, BEGINNING, Looks([more]), 20) == more
    assert clock() == 0


@in_virtual_time
async def test_nobody_looks_again_who_is_not_woken() -> None:
    looks = Looks([nothing()])
    assert await wait_for_step(watching(), ORGANISATION, BEGINNING, looks, 20) == nothing()
    assert (looks.at, clock()) == ([0], 20)


@in_virtual_time
async def test_who_is_woken_looks_at_once_from_where_it_was() -> None:
    watch, looks = watching(), Looks([nothing(5), FOUND])
    reader = asyncio.create_task(wait_for_step(watch, ORGANISATION, BEGINNING, looks, 20))
    await pass_time(3)
    watch._wake(ORGANISATION)
    assert await reader == FOUND
    assert (looks.at, looks.places) == ([0, 3], [BEGINNING, FeedPlace(5, 0)])


@in_virtual_time
async def test_who_is_woken_in_the_last_moment_still_looks() -> None:
    watch, looks = watching(), Looks([nothing(), FOUND])
    reader = asyncio.create_task(wait_for_step(watch, ORGANISATION, BEGINNING, looks, 0.5))
    await pass_time(0.4)
    watch._wake(ORGANISATION)
    assert await reader == FOUND


@in_virtual_time
async def test_another_organisation_wakes_nobody() -> None:
    watch, looks = watching(), Looks([nothing()])
    reader = asyncio.create_task(wait_for_step(watch, ORGANISATION, BEGINNING, looks, 20))
    await pass_time(3)
    watch._wake(ORGANISATION + 1)
    assert await reader == nothing()
    assert looks.at == [0]


@in_virtual_time
async def test_who_is_woken_in_vain_waits_longer_each_time() -> None:
    watch, looks = watching(), Looks([nothing()])
    reader = asyncio.create_task(wait_for_step(watch, ORGANISATION, BEGINNING, looks, 20))
    while not reader.done():
        await pass_time(FIRST_PAUSE / 2)
        watch._wake(ORGANISATION)
    pauses = [after - before for before, after in pairwise(looks.at)]
    assert pauses[0] <= FIRST_PAUSE
    assert all(before <= after + FIRST_PAUSE for before, after in pairwise(pauses[:-1]))
    assert all(abs(pauses[n] - FIRST_PAUSE * 2 ** (n - 1)) < FIRST_PAUSE / 2 for n in (1, 2, 3, 4))
    assert LONGEST_PAUSE <= max(pauses) <= LONGEST_PAUSE + FIRST_PAUSE
    assert len(looks.at) < 10 + 20 / LONGEST_PAUSE
    assert clock() < 20 + FIRST_PAUSE


@in_virtual_time
async def test_who_is_woken_all_the_time_is_answered_in_the_end() -> None:
    watch = watching()

    async def look(place: FeedPlace) -> Step:
        watch._wake(ORGANISATION)
        return nothing()

    assert await wait_for_step(watch, ORGANISATION, BEGINNING, look, 20) == nothing()
    assert 19 < clock() <= 20


@in_virtual_time
async def test_everybody_is_answered_when_the_process_ends() -> None:
    watch, looks = watching(), Looks([nothing()])
    reader = asyncio.create_task(wait_for_step(watch, ORGANISATION, BEGINNING, looks, 20))
    await pass_time(3)
    watch.end()
    await reader
    assert clock() == 3


@in_virtual_time
async def test_a_process_that_cannot_listen_lets_its_readers_look_once_and_wait() -> None:
    watch, looks = FeedWatch("", "test"), Looks([nothing(), FOUND])
    reader = asyncio.create_task(wait_for_step(watch, ORGANISATION, BEGINNING, looks, 20))
    await pass_time(5)
    assert looks.at == [1]
    watch._wake(0)
    assert await reader == FOUND


@in_virtual_time
async def test_nothing_is_left_of_readers_that_have_gone() -> None:
    watch = watching()
    await asyncio.gather(
        *(wait_for_step(watch, each, BEGINNING, Looks([nothing()]), 1) for each in (ORGANISATION, ORGANISATION, 8))
    )
    assert not watch._waiting
