"""What a bulkhead expects of a newcomer, with a clock of the test's own and a judge that notes what it is asked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import pytest

from gateway.upstream.bulkhead import PRESENCE_SECONDS, REFUSAL_SECONDS, Bulkhead
from gateway.upstream.load_shedding import CALM, Overload
from gateway.upstream.loop_lag import LoopLag
from shared.errors import Overloaded

FLOODING, SMALL, THIRD = 1, 2, 3
FOR_EVER = 3600.0


class Asked(NamedTuple):
    wait: float
    average: float
    is_modest: bool


class Judge(Overload):
    """Notes what it is asked about, and refuses whom the test names."""

    def __init__(self) -> None:
        super().__init__(0.0, 0.0, 0.0)
        self.asked: list[Asked] = []
        self.refuses_all = False

    def refuses(self, wait: float, average: float, is_modest: bool = False) -> bool:
        self.asked.append(Asked(wait, average, is_modest))
        return self.refuses_all


class Lag(LoopLag):
    is_late = False


class Watched:
    """A bulkhead whose clock stands still until `now` is set."""

    def __init__(self, limit: int, waiting: int = 1000, *, interval: float = 0.0, is_late: bool = False) -> None:
        self.now = 0.0
        self.judge, lag = Judge(), Lag()
        lag.is_late = is_late
        self.bulkhead = Bulkhead(limit, waiting, self.judge, lag, clock=lambda: self.now)
        self._tasks: list[asyncio.Task[None]] = []
        self._interval = interval

    async def comes(self, *organisations: int | None) -> list[bool]:
        """Requests that want a permit; whether each has one, or else waits."""
        tasks = [asyncio.create_task(self.bulkhead.acquire(FOR_EVER, organisation)) for organisation in organisations]
        await asyncio.sleep(0)
        self._tasks += tasks
        return [task.done() for task in tasks]

    def arrives(self, *organisations: int | None) -> None:
        for organisation in organisations:
            self.bulkhead.arrives(organisation)

    def newcomer(self, organisation: int | None) -> Asked:
        """What the judge is asked about one."""
        self.bulkhead._interval = self._interval or self.bulkhead._interval
        assert self.bulkhead.admits(organisation)
        self.bulkhead.has_arrived(organisation)
        return self.judge.asked[-1]

    async def all_leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


Watch = Callable[..., Watched]


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    opened: list[Watched] = []

    def opens(*arguments: int, **options: float) -> Watched:
        opened.append(Watched(*arguments, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield opens
    for watched in opened:
        await watched.all_leave()


async def test_the_interval_between_two_starts_is_an_average_and_a_pause_counts_for_a_second(watch: Watch) -> None:
    watched = watch(1, is_late=True)
    expected, last = 0.0, 0.0
    for now, interval in ((0.5, 0.5), (0.75, 0.25), (100.0, 1.0), (100.0, 0.0)):
        watched.now = now
        await watched.comes(FLOODING)
        watched.bulkhead.release(FLOODING)
        expected += (interval - expected) / 32
        last = now
    await watched.comes(FLOODING)  # the one before it, for as long as the loop is late
    expected -= expected / 32
    assert last == watched.now
    assert watched.newcomer(FLOODING).wait == pytest.approx(expected)


@pytest.mark.parametrize(
    ("present", "waiting", "arriving", "before", "before_when_late"),
    [
        (1, 0, 0, 0, 0),  # there is a permit for it
        (1, 0, 1, 1, 2),
        (2, 0, 0, 0, 2),
        (2, 3, 1, 4, 6),
        (2, 3, 0, 3, 5),
    ],
)
async def test_a_newcomer_waits_for_those_before_it_and_where_the_loop_is_late_for_those_at_the_service_too(
    watch: Watch, present: int, waiting: int, arriving: int, before: int, before_when_late: int
) -> None:
    for is_late, expected in ((False, before), (True, before_when_late)):
        watched = watch(2, interval=0.5, is_late=is_late)
        await watched.comes(*[FLOODING] * (present + waiting))
        watched.arrives(*[FLOODING] * arriving)
        assert watched.newcomer(FLOODING).wait == expected * 0.5


async def shared(watch: Watch, **options: float) -> Watched:
    """Two organisations, each with its one permit of eight; six of the first wait."""
    watched = watch(8, interval=0.5, **options)
    assert await watched.comes(FLOODING, SMALL) == [True, True]
    assert await watched.comes(*[FLOODING] * 6) == [False] * 6
    return watched


@pytest.mark.parametrize(
    ("is_late", "of_flooding", "of_small", "of_third"), [(False, 6, 2, 2), (True, 8, 4, 2)], ids=["in time", "late"]
)
async def test_beside_others_it_waits_for_its_own_and_as_many_of_each_other(
    watch: Watch, is_late: bool, of_flooding: int, of_small: int, of_third: int
) -> None:
    watched = await shared(watch, is_late=is_late)
    waits = [watched.newcomer(organisation).wait for organisation in (FLOODING, SMALL, THIRD)]
    assert waits == [of_flooding * 0.5, of_small * 0.5, of_third * 0.5]


async def test_its_own_are_those_that_arrive_as_well_as_those_that_wait(watch: Watch) -> None:
    watched = await shared(watch)
    await watched.comes(SMALL)
    watched.arrives(SMALL)
    assert watched.newcomer(SMALL).wait == (2 + 1) * 2 * 0.5
    assert watched.newcomer(THIRD).wait == (0 + 1) * 2 * 0.5


async def test_organisations_that_do_not_share_the_limit_are_one_queue(watch: Watch) -> None:
    watched = watch(1, interval=0.5)
    await watched.comes(*[FLOODING] * 6)
    assert watched.newcomer(SMALL).wait == 5 * 0.5


async def test_a_newcomer_waits_no_less_than_the_first_of_its_own_or_since_the_last_start(watch: Watch) -> None:
    watched = watch(1)
    await watched.comes(FLOODING)
    watched.now = 1.0
    await watched.comes(FLOODING)
    watched.now = 2.0
    await watched.comes(FLOODING)
    watched.now = 4.0
    assert watched.newcomer(FLOODING).wait == 3.0
    assert watched.newcomer(SMALL).wait == 4.0


@pytest.mark.parametrize("has_one_more", [False, True])
@pytest.mark.parametrize(
    ("at_the_service", "waiting", "arriving"),
    [
        ([FLOODING, THIRD], [FLOODING], []),
        ([FLOODING], [FLOODING, THIRD], []),
        ([FLOODING], [], [FLOODING, THIRD]),
    ],
    ids=["at the service", "waiting", "arriving"],
)
async def test_modest_is_who_has_less_than_half_of_the_average(
    watch: Watch, at_the_service: list[int], waiting: list[int], arriving: list[int], *, has_one_more: bool
) -> None:
    """With it there are four or five of two organisations: half of the average is one, and itself is one."""
    watched = watch(len(at_the_service), interval=0.1, is_late=True)
    await watched.comes(*at_the_service, *waiting)
    watched.arrives(*arriving, *[FLOODING] * has_one_more)
    assert watched.newcomer(SMALL).is_modest is has_one_more


@pytest.mark.parametrize(("others", "is_modest"), [(5, False), (6, True)])
@pytest.mark.parametrize("has_a_permit", [True, False], ids=["at the service", "waiting"])
async def test_what_an_organisation_holds_and_what_it_queues_count_as_its_own(
    watch: Watch, others: int, *, is_modest: bool, has_a_permit: bool
) -> None:
    """Twice itself and one more, for each of the two, is as much as eight."""
    watched = watch(2, interval=0.1, is_late=True)
    await watched.comes(*([SMALL, FLOODING] if has_a_permit else [FLOODING, FLOODING, SMALL]))
    await watched.comes(*[FLOODING] * (others if has_a_permit else others - 1))
    assert watched.newcomer(SMALL).is_modest is is_modest


async def test_who_need_not_wait_need_not_be_modest(watch: Watch) -> None:
    watched = watch(1)
    await watched.comes(*[FLOODING] * 20)
    assert watched.newcomer(SMALL) == Asked(0.0, 0.0, is_modest=False)


async def test_a_refusal_holds_for_its_organisation_until_its_time_is_over(watch: Watch) -> None:
    watched = watch(1)
    watched.judge.refuses_all = True
    for now, looks in ((0.0, 1), (0.0, 1), (REFUSAL_SECONDS * 0.9, 1), (REFUSAL_SECONDS, 2)):
        watched.now = now
        assert not watched.bulkhead.admits(FLOODING)
        assert len(watched.judge.asked) == looks
    assert not watched.bulkhead.admits(SMALL)
    assert len(watched.judge.asked) == 3


@pytest.mark.parametrize("event", ["a permit is released", "an arrival ends"])
async def test_one_who_goes_on_ends_it_at_once(watch: Watch, event: str) -> None:
    watched = watch(2)
    await watched.comes(FLOODING)
    watched.arrives(FLOODING)
    watched.judge.refuses_all = True
    assert not watched.bulkhead.admits(FLOODING)
    if event == "an arrival ends":
        watched.bulkhead.has_arrived(FLOODING)
    else:
        watched.bulkhead.release(FLOODING)
    watched.judge.refuses_all = False
    assert watched.bulkhead.admits(FLOODING)


async def test_without_a_queue_nobody_is_let_in_past_the_limit(watch: Watch) -> None:
    watched = watch(1, 0)
    await watched.comes(FLOODING)
    assert not watched.bulkhead.admits(FLOODING)
    with pytest.raises(Overloaded):
        await watched.bulkhead.acquire(FOR_EVER, FLOODING)


async def test_the_places_of_all_are_bounded_as_those_of_one_are(watch: Watch) -> None:
    watched = watch(1, 16)
    await watched.comes(*[FLOODING] * 16)  # one at the service, fifteen of sixteen places
    with pytest.raises(Overloaded):
        await watched.bulkhead.acquire(FOR_EVER, FLOODING)
    assert await watched.comes(SMALL) == [False]
    with pytest.raises(Overloaded):
        await watched.bulkhead.acquire(FOR_EVER, THIRD)


@pytest.mark.parametrize(("pause", "permits"), [(PRESENCE_SECONDS * 0.9, 1), (PRESENCE_SECONDS, 12)])
async def test_an_organisation_is_there_for_a_second_after_its_last_start(
    watch: Watch, pause: float, permits: int
) -> None:
    """Twelve permits for one organisation alone, one of them for each of several."""
    watched = watch(12)
    await watched.comes(SMALL)
    watched.now = pause
    assert sum(await watched.comes(*[FLOODING] * 13)) == permits


async def test_one_that_is_alone_for_a_second_has_the_whole_limit_again(watch: Watch) -> None:
    watched = watch(12)
    await watched.comes(SMALL)
    watched.now = 0.5
    assert sum(await watched.comes(*[FLOODING] * 3)) == 1
    watched.now = 0.5 + PRESENCE_SECONDS * 0.9
    assert await watched.comes(FLOODING) == [False]
    watched.now = 0.5 + PRESENCE_SECONDS
    assert await watched.comes(FLOODING) == [True]
    await asyncio.sleep(0)
    assert watched.bulkhead._permits.held_by(FLOODING) == 5


async def test_waits_are_averaged_and_forgotten_when_nobody_had_to_wait_for_a_while(watch: Watch) -> None:
    watched = watch(1, interval=0.5)
    await watched.comes(FLOODING, FLOODING)
    assert watched.newcomer(FLOODING).average == pytest.approx(0.5 / 512)
    watched.bulkhead.release(FLOODING)
    watched.bulkhead.release(FLOODING)
    watched.now = 1.5 * CALM
    assert watched.newcomer(FLOODING) == Asked(0.0, 0.0, is_modest=False)


async def test_the_first_of_all_is_let_in_though_nobody_knows_its_organisation(watch: Watch) -> None:
    assert watch(1).newcomer(None) == Asked(0.0, 0.0, is_modest=False)
