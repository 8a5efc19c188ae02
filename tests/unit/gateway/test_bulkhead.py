"""Requests at one service: as many at once as allowed, organisations in turn, no permit lost by one that gives up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from unittest.mock import AsyncMock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.bulkhead import LIMIT_PER_SHARE, Bulkhead
from gateway.upstream.http_client import Connections, NotConnected
from gateway.upstream.load_shedding import Overload
from gateway.upstream.loop_lag import LoopLag
from gateway.upstream.proxy import Proxy, UpstreamRequest
from gateway.upstream.upstream import Upstream
from shared.errors import Overloaded, Unavailable

BOUND = 5.0


class Visitors:
    """Requests that hold their permit until they are let go."""

    def __init__(self, limit: int, waiting: int) -> None:
        self.bulkhead = Bulkhead(limit, waiting, Overload(0.1, 0.1, 2.0), LoopLag())
        self.inside: list[int] = []
        self._released: dict[int, asyncio.Event] = {}
        self._visits: list[asyncio.Task[None]] = []

    def comes(self, number: int, timeout: float = BOUND, *, organisation: int | None = None) -> "asyncio.Task[None]":
        self._visits.append(asyncio.create_task(self._visit(number, timeout, organisation)))
        return self._visits[-1]

    async def all_go(self) -> None:
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    def goes(self, number: int) -> None:
        self._released[number].set()

    async def _visit(self, number: int, timeout: float, organisation: int | None) -> None:
        async with permitted(self.bulkhead, timeout, organisation):
            self.inside.append(number)
            self._released[number] = asyncio.Event()
            await self._released[number].wait()
            self.inside.remove(number)


@asynccontextmanager
async def permitted(bulkhead: Bulkhead, timeout: float, organisation: int | None) -> AsyncIterator[None]:
    await bulkhead.acquire(timeout, organisation)
    try:
        yield
    finally:
        bulkhead.release(organisation)


Come = Callable[..., Visitors]


@pytest.fixture
async def come() -> AsyncIterator[Come]:
    """Opens a bulkhead for visitors, who all go at the end."""
    opened: list[Visitors] = []

    def come(limit: int, waiting: int) -> Visitors:
        opened.append(Visitors(limit, waiting))
        return opened[-1]

    yield come
    for visitors in opened:
        await visitors.all_go()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_permits_are_had_in_order_of_arrival(come: Come) -> None:
    visitors = come(limit=2, waiting=5)
    for number in range(4):
        visitors.comes(number)
    await settle()
    assert visitors.inside == [0, 1]
    visitors.goes(1)
    await settle()
    assert visitors.inside == [0, 2]
    visitors.goes(0)
    await settle()
    assert visitors.inside == [2, 3]


async def test_more_than_may_wait_are_refused(come: Come) -> None:
    visitors = come(limit=1, waiting=1)
    for number in range(2):
        visitors.comes(number)
    await settle()
    assert not visitors.bulkhead.admits()
    with pytest.raises(Overloaded):
        await visitors.comes(2)


async def test_one_that_gets_no_permit_in_time_is_refused_and_holds_up_nobody(
    come: Come,
) -> None:
    visitors = come(limit=1, waiting=5)
    visitors.comes(0)
    await settle()
    with pytest.raises(Overloaded):
        await visitors.comes(1, timeout=0.01)
    visitors.comes(2)
    await settle()
    visitors.goes(0)
    await settle()
    assert visitors.inside == [2]


async def test_a_permit_that_comes_to_one_who_goes_away_in_that_moment_is_passed_on(
    come: Come,
) -> None:
    visitors = come(limit=1, waiting=5)
    visitors.comes(0)
    await settle()
    gone, _ = visitors.comes(1), visitors.comes(2)
    await settle()
    visitors.bulkhead.release()  # the permit is handed to the one who goes
    gone.cancel()
    await settle()
    assert gone.cancelled()
    assert visitors.inside == [0, 2]


async def test_a_failure_gives_the_permit_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connections, "ask", AsyncMock(side_effect=NotConnected))
    upstream = Upstream("catalog", "http://catalog", limit=1, waiting=0, lag=LoopLag())
    proxy, request = Proxy({"catalog": upstream}, BOUND), UpstreamRequest("GET", "/", "", b"")
    for _ in range(3):
        with pytest.raises(Unavailable) as failed:
            await proxy.forward("catalog", request, None)
        assert not isinstance(failed.value, Overloaded)
    await upstream.bulkhead.acquire(0.1)
    with pytest.raises(Overloaded):  # as it would be if a permit were lost
        await proxy.forward("catalog", request, None)


@given(
    limit=st.integers(1, 3),
    visits=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans(), st.integers(1, 3)), max_size=25),
)
def test_never_more_at_once_than_allowed_and_no_permit_is_lost(
    limit: int, visits: list[tuple[int, int, bool, int]]
) -> None:
    running = most = 0

    async def visit(bulkhead: Bulkhead, before: int, during: int, organisation: int) -> None:
        nonlocal running, most
        for _ in range(before):
            await asyncio.sleep(0)
        async with permitted(bulkhead, BOUND, organisation):
            running += 1
            most = max(most, running)
            try:
                for _ in range(during):
                    await asyncio.sleep(0)
            finally:
                running -= 1

    async def scenario() -> None:
        bulkhead, tasks = Bulkhead(limit, 100, Overload(0.1, 0.1, 2.0), LoopLag()), []
        for before, during, goes_away, organisation in visits:
            tasks.append(asyncio.create_task(visit(bulkhead, before, during, organisation)))
            if goes_away:
                asyncio.get_running_loop().call_later(0, tasks[-1].cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(limit):  # all permits are free again
            await bulkhead.acquire(0.1)

    asyncio.run(scenario())
    assert most <= limit


async def test_those_who_were_let_in_count_before_they_ask_for_their_permit() -> None:
    bulkhead = Bulkhead(2, 0, Overload(0.0, 0.0, 0.0), LateLoop())
    bulkhead._note_start()
    assert [bulkhead.admits() for _ in range(4)] == [True, True, False, False]
    for _ in range(2):
        bulkhead.has_arrived()
    assert bulkhead.arriving == 0


async def test_one_who_goes_on_makes_room_at_once() -> None:
    bulkhead = Bulkhead(1, 0, Overload(0.0, 0.0, 0.0), LateLoop())
    bulkhead._note_start()
    assert bulkhead.admits()
    assert not bulkhead.admits()
    bulkhead.has_arrived()
    assert bulkhead.admits()


FLOODING, SMALL, THIRD = 1, 2, 3


async def test_organisations_are_served_in_turn(come: Come) -> None:
    visitors = come(limit=1, waiting=20)
    for number in range(5):
        visitors.comes(number, organisation=FLOODING)
    await settle()
    visitors.comes(100, organisation=SMALL)
    visitors.comes(200, organisation=THIRD)
    await settle()
    seen = []
    while visitors.inside:
        seen += visitors.inside
        visitors.goes(visitors.inside[0])
        await settle()
    assert seen == [0, 1, 100, 200, 2, 3, 4]


async def test_a_single_organisation_has_the_whole_limit_and_another_begins_beside_it(come: Come) -> None:
    visitors = come(limit=16, waiting=20)
    for number in range(18):
        visitors.comes(number, organisation=FLOODING)
    await settle()
    assert visitors.inside == list(range(16))
    for number in (100, 101, 102):
        visitors.comes(number, organisation=SMALL)
    await settle()
    assert visitors.inside == [*range(16), 100, 101]


async def test_while_there_are_others_one_has_a_share_and_afterwards_all_again(
    come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitors = come(limit=16, waiting=40)
    visitors.comes(100, organisation=SMALL)
    await settle()
    for number in range(20):
        visitors.comes(number, organisation=FLOODING)
    await settle()
    assert visitors.inside == [100, *range(16 // LIMIT_PER_SHARE)]
    monkeypatch.setattr("gateway.upstream.bulkhead.PRESENCE_SECONDS", 0.0)
    visitors.bulkhead._shared_until = 0.0
    visitors.comes(20, organisation=FLOODING)
    await settle()
    assert visitors.inside == [100, *range(16)]


async def test_one_that_comes_alone_is_no_company_to_itself(come: Come) -> None:
    visitors = come(limit=4, waiting=4)
    for number in range(4):
        visitors.comes(number, organisation=FLOODING)
    await settle()
    assert visitors.inside == [0, 1, 2, 3]


async def test_no_organisation_fills_the_places_of_all_others(come: Come) -> None:
    visitors = come(limit=16, waiting=32)
    for number in range(16 + 32 - 2):
        visitors.comes(number, organisation=FLOODING)
    await settle()
    assert not visitors.bulkhead.admits(FLOODING)
    assert visitors.bulkhead.admits(SMALL)


@pytest.mark.parametrize(("flooding", "small"), [(FLOODING, SMALL), (None, None)], ids=["fair", "control: as one"])
async def test_under_overload_those_are_refused_who_bring_it_about(flooding: int | None, small: int | None) -> None:
    bulkhead = Bulkhead(2, 100, Overload(0.005, 3600.0, 0.0), LateLoop())
    bulkhead._overload._refused_at = float("inf")  # it is an overload already
    bulkhead._interval = 0.01
    assert [bulkhead.admits(flooding) for _ in range(3)] == [True, True, False]
    for _ in range(20):  # those came before it was one
        bulkhead.arrives(flooding)
    assert bulkhead.admits(small) is (small is not None)
    assert not bulkhead.admits(flooding)


async def test_an_arrival_that_ends_is_its_organisation_s_no_more() -> None:
    bulkhead = Bulkhead(2, 0, Overload(0.1, 0.1, 2.0), LoopLag())
    let_in = [organisation for organisation in (FLOODING, FLOODING, SMALL) if bulkhead.admits(organisation)]
    for organisation in let_in:
        bulkhead.has_arrived(organisation)
    assert (bulkhead.arriving, bulkhead._arriving) == (0, {})


class LateLoop(LoopLag):
    """The gateway has too much to do."""

    is_late = True


async def test_the_first_of_a_wave_who_find_nobody_before_them_do_not_hide_the_others_wait() -> None:
    overload = Waves()
    bulkhead = Bulkhead(1, 1000, overload, LateLoop())
    bulkhead._note_start()
    for _ in range(20):
        for _ in range([bulkhead.admits() for _ in range(256)].count(True)):
            bulkhead.has_arrived()
    settled = overload.averages[len(overload.averages) // 2 :]
    assert min(settled) > 0.5 * max(settled)


class Waves(Overload):
    """Refuses nobody and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(0.0, 0.0, 0.0)
        self.averages: list[float] = []

    def refuses(self, wait: float, average: float, is_modest: bool = False) -> bool:
        self.averages.append(average)
        return False
