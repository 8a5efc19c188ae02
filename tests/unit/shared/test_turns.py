import asyncio

import pytest

import shared.turns
from shared.errors import Overloaded
from shared.turns import LOOK, LOOKS, Turns

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
    monkeypatch.setattr(shared.turns, "LOOKS", 10**9)
    tasks = await waiting(taken, 3)
    done, _ = await asyncio.wait(tasks, timeout=3 * LOOK * LOOKS)
    assert not done
    for task in tasks:
        task.cancel()


async def test_nobody_waits_longer_than_they_said(taken: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.turns, "LOOKS", 10**9)
    with pytest.raises(Overloaded):
        await taken.begin(LOOK / 2)


async def test_a_turn_that_comes_to_one_who_has_left_goes_to_the_next(taken: Turns) -> None:
    first, second = await waiting(taken, 2)
    taken.end()
    first.cancel()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
