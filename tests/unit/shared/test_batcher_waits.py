"""How long an item waits for its batch, and when it is refused."""

import asyncio

import pytest

from shared.concurrency.batcher import CHECK_INTERVAL, Batcher
from shared.concurrency.deadline import Deadline, current_deadline
from shared.concurrency.fairness import current_organisation
from shared.errors import DeadlinePassed, Overloaded
from tests.support.batches import Doubling, behind, stuck, submitted
from tests.support.virtual_time import clock, in_virtual_time, pass_time


@in_virtual_time
async def test_an_item_is_refused_at_the_first_check_after_its_longest_wait() -> None:
    batcher, work, [first, early] = await stuck(1, max_wait=0.15)
    await pass_time(0.055)
    [late] = await behind(batcher, 2)
    waited = []
    for task in (early, late):
        with pytest.raises(Overloaded):
            await task
        waited.append(clock())
    assert waited == [pytest.approx(0.16), pytest.approx(0.22)]
    work.released.set()
    assert await first == 0  # what is worked on is finished, however long it takes
    assert work.batches == [[0]]


@in_virtual_time
async def test_an_item_is_refused_when_its_longest_wait_is_just_over() -> None:
    now = 0.0
    work = Doubling(released=False)
    batcher = Batcher(work, max_wait=4.0, clock=lambda: now)
    await behind(batcher, 0)
    [waits] = await behind(batcher, 1)
    now = 3.999
    await pass_time(3 * CHECK_INTERVAL)
    assert not waits.done()
    now = 4.0
    await pass_time(3 * CHECK_INTERVAL)
    assert isinstance(waits.exception(), Overloaded)


@in_virtual_time
async def test_control_without_a_longest_wait_items_wait_for_as_long_as_the_work_takes() -> None:
    _, work, tasks = await stuck(1)
    await pass_time(3600)
    assert not tasks[1].done()
    work.released.set()
    assert await asyncio.gather(*tasks) == [0, 2]


@in_virtual_time
async def test_items_are_checked_again_after_the_queue_was_empty() -> None:
    batcher, work, tasks = await stuck(1, max_wait=0.15)
    work.released.set()
    await asyncio.gather(*tasks)
    await pass_time(1.0)
    assert batcher._timer is None
    work.released.clear()
    tasks = submitted(batcher, [0])
    await asyncio.sleep(0)
    start = clock()
    [late] = await behind(batcher, 1)
    with pytest.raises(Overloaded):
        await late
    assert clock() - start == pytest.approx(0.16)
    work.released.set()
    await asyncio.gather(*tasks)


@in_virtual_time
async def test_an_organisation_s_item_that_is_refused_has_no_place_in_the_queue() -> None:
    batcher, work, [first] = await stuck(max_wait=0.15)
    token = current_organisation.set(7)
    try:
        [late] = await behind(batcher, 1)
    finally:
        current_organisation.reset(token)
    with pytest.raises(Overloaded):
        await late
    assert (len(batcher._waiting), batcher._waiting.organisations) == (0, 0)
    work.released.set()
    await first


@in_virtual_time
async def test_a_client_that_went_away_is_not_refused_as_well() -> None:
    batcher, work, [first, gone, stays] = await stuck(1, 2, max_wait=0.15)
    await pass_time(0.155)
    gone.cancel()
    with pytest.raises(Overloaded):
        await stays
    assert gone.cancelled()
    assert len(batcher._waiting) == 0
    work.released.set()
    await first


@in_virtual_time
async def test_an_item_whose_deadline_has_passed_is_not_worked_on() -> None:
    work = Doubling(released=False)
    batcher = Batcher(work)

    async def submit(item: int, seconds: float) -> int:
        current_deadline.set(Deadline.after(seconds))
        return await batcher.submit(item)

    first = asyncio.create_task(submit(0, 0.0))
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(submit(item, seconds)) for item, seconds in ((1, 0.0), (2, 3600.0))]
    await asyncio.sleep(0)
    work.released.set()
    with pytest.raises(DeadlinePassed):
        await first
    with pytest.raises(DeadlinePassed):
        await tasks[0]
    assert await tasks[1] == 4
    assert work.batches == [[2]]
