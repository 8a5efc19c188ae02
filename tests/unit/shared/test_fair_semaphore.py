import asyncio

import pytest

import shared.concurrency.fair_semaphore
from shared.concurrency.fair_semaphore import LOOK, LOOKS, Turns
from shared.errors import Overloaded

FOR_EVER = 3600.0
BOUND = 15.0


async def waiting(turns: Turns, number: int) -> "list[asyncio.Task[None]]":
    """So many that wait for their turn already."""
    tasks = [asyncio.create_task(turns.begin(FOR_EVER)) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


@pytest.fixture
async def taken() -> Turns:
    """Two turns, both taken."""
    turns = Turns(2)
    await turns.begin(FOR_EVER)
    await turns.begin(FOR_EVER)
    return turns


async def test_turns_come_in_the_order_of_arrival(taken: Turns) -> None:
    first, second, third = await waiting(taken, 3)
    taken.end()
    await first
    taken.end()
    await second
    assert not third.done()
    taken.end()
    await third


async def test_those_who_wait_are_refused_when_nobody_gets_on(taken: Turns) -> None:
    async with asyncio.timeout(BOUND):
        refused = await asyncio.gather(*await waiting(taken, 3), return_exceptions=True)
    assert [type(error) for error in refused] == [Overloaded] * 3
    taken.end()
    await taken.begin(FOR_EVER)


async def test_control_without_looks_they_wait_for_ever(taken: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.concurrency.fair_semaphore, "LOOKS", 10**9)
    tasks = await waiting(taken, 3)
    done, _ = await asyncio.wait(tasks, timeout=3 * LOOK * LOOKS)
    assert not done
    for task in tasks:
        task.cancel()


async def test_nobody_waits_longer_than_they_said(taken: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.concurrency.fair_semaphore, "LOOKS", 10**9)
    with pytest.raises(Overloaded):
        await taken.begin(LOOK / 2)


async def test_a_turn_that_comes_to_one_who_has_left_goes_to_the_next(taken: Turns) -> None:
    first, second = await waiting(taken, 2)
    taken.end()
    first.cancel()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first


FLOODING, SMALL = 1, 2


async def crowd(turns: Turns, number: int, organisation: int | None) -> "list[asyncio.Task[None]]":
    """So many of one organisation that want a turn, and have it or wait."""
    tasks = [asyncio.create_task(turns.begin(FOR_EVER, organisation)) for _ in range(number)]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def all_leave(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_another_organisation_begins_though_one_has_all_it_may() -> None:
    turns = Turns(5, 1)
    flood = await crowd(turns, 10, FLOODING)
    async with asyncio.timeout(BOUND):
        await turns.begin(FOR_EVER, SMALL)
    assert [task.done() for task in flood] == [True] * 4 + [False] * 6
    await all_leave(flood)


@pytest.mark.parametrize("without", ["reserve", "organisations"])
async def test_control_without_a_reserve_or_organisations_it_waits_with_them(without: str) -> None:
    turns = Turns(5, 0 if without == "reserve" else 1)
    flood = await crowd(turns, 10, FLOODING if without == "reserve" else None)
    [small] = await crowd(turns, 1, SMALL if without == "reserve" else None)
    assert not small.done()
    await all_leave([*flood, small])


async def test_organisations_that_wait_take_turns() -> None:
    turns = Turns(1)
    await turns.begin(FOR_EVER, FLOODING)
    flood = await crowd(turns, 9, FLOODING)
    [small] = await crowd(turns, 1, SMALL)
    turns.end(FLOODING)
    turns.end(FLOODING)
    async with asyncio.timeout(BOUND):
        await small
    assert sum(task.done() for task in flood) == 1
    await all_leave(flood)


async def test_of_one_organisation_only_so_many_wait_and_others_still_may() -> None:
    turns = Turns(1, queue=2, queues=3, pause=0.001, refusal="Too many searches.")
    await turns.begin(FOR_EVER, FLOODING)
    waits = await crowd(turns, 2, FLOODING)
    with pytest.raises(Overloaded, match="Too many searches") as refused:
        await turns.begin(FOR_EVER, FLOODING)
    assert refused.value.headers == {"Retry-After": "1"}
    waits += await crowd(turns, 1, SMALL)  # now as many wait as may,
    with pytest.raises(Overloaded):
        await turns.begin(FOR_EVER, SMALL)
    waits += await crowd(turns, 1, 3)  # but for one of which nobody does
    assert not any(task.done() for task in waits)
    await all_leave(waits)


async def test_who_finds_no_place_is_refused_after_a_pause() -> None:
    """One who asks again at once asks so much more seldom."""
    turns = Turns(1, queue=0, pause=FOR_EVER)
    await turns.begin(FOR_EVER, FLOODING)
    [refused] = await crowd(turns, 1, FLOODING)
    assert not refused.done()
    await all_leave([refused])


async def test_where_turns_take_long_one_waits_longer_for_somebody_to_get_on() -> None:
    turns = Turns(1, looks=LOOKS + 2)
    await turns.begin(FOR_EVER, FLOODING)
    [waits] = await crowd(turns, 1, FLOODING)
    done, _ = await asyncio.wait([waits], timeout=LOOK * (LOOKS + 1))
    assert not done
    with pytest.raises(Overloaded):
        await waits
