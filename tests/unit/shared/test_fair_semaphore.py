"""Permits shared by organisations: who gets the next one, and who waits."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.concurrency.fair_semaphore import CHECK_INTERVAL
from tests.support.permits import (
    FLOODING,
    SMALL,
    THIRD,
    Acquiring,
    callers,
    semaphore_of,
    settle,
)
from tests.support.virtual_time import in_virtual_time, pass_time


@in_virtual_time
async def test_permits_are_had_in_order_of_arrival() -> None:
    semaphore = semaphore_of(2)
    tasks = await callers(semaphore, 5)
    had = []
    for _ in range(3):
        had.append([task.done() for task in tasks])
        semaphore.release()
        await settle()
    assert had == [[True] * 2 + [False] * 3, [True] * 3 + [False] * 2, [True] * 4 + [False]]


@in_virtual_time
async def test_a_permit_goes_to_the_next_organisation() -> None:
    semaphore = semaphore_of(2)
    await callers(semaphore, 2, FLOODING)
    first, second = await callers(semaphore, 2, FLOODING)
    [other] = await callers(semaphore, 1, SMALL)
    semaphore.release(FLOODING)
    await settle()
    assert (first.done(), other.done()) == (True, False)
    semaphore.release(FLOODING)
    await settle()
    assert (second.done(), other.done()) == (False, True)


@pytest.mark.parametrize("waiting", [1, 1000])
@in_virtual_time
async def test_another_organisation_waits_as_shortly_however_many_wait(waiting: int) -> None:
    semaphore = semaphore_of(1)
    await callers(semaphore, 1 + waiting, FLOODING)
    [other] = await callers(semaphore, 1, SMALL)
    releases = 0
    while not other.done():
        semaphore.release(FLOODING)
        await settle()
        releases += 1
    assert releases == 2


@in_virtual_time
async def test_another_organisation_begins_though_one_has_all_it_may() -> None:
    semaphore = semaphore_of(5, 4)
    flood = await callers(semaphore, 10, FLOODING)
    small = await callers(semaphore, 2, SMALL)
    assert [task.done() for task in flood + small] == [True] * 4 + [False] * 6 + [True, False]
    assert (semaphore.held_by(FLOODING), semaphore.held_by(SMALL), semaphore.organisations) == (4, 1, 2)


@pytest.mark.parametrize("without", ["reserve", "organisations"])
@in_virtual_time
async def test_control_without_a_reserve_or_organisations_it_waits_with_them(without: str) -> None:
    semaphore = semaphore_of(5, 5 if without == "reserve" else 4)
    await callers(semaphore, 10, FLOODING if without == "reserve" else None)
    [small] = await callers(semaphore, 1, SMALL if without == "reserve" else None)
    assert not small.done()


@in_virtual_time
async def test_the_process_s_own_work_may_have_all() -> None:
    semaphore = semaphore_of(3, 2)
    assert [semaphore.try_acquire() for _ in range(4)] == [True, True, True, False]


@in_virtual_time
async def test_work_of_the_process_that_waits_gets_the_reserve_too() -> None:
    semaphore = semaphore_of(2, 1)
    await callers(semaphore, 1, SMALL)
    await callers(semaphore, 1)
    waiting = await callers(semaphore, 2)
    semaphore.release(SMALL)
    semaphore.release()
    await settle()
    assert all(task.done() for task in waiting)


@in_virtual_time
async def test_the_reserve_is_not_given_to_an_organisation_that_has_all_it_may() -> None:
    semaphore = semaphore_of(3, 2)
    await callers(semaphore, 2, FLOODING)
    await callers(semaphore, 1, SMALL)
    [waits] = await callers(semaphore, 1, FLOODING)
    semaphore.release(SMALL)
    await settle()
    assert not waits.done()
    semaphore.release(FLOODING)
    await settle()
    assert waits.done()


@in_virtual_time
async def test_a_share_that_falls_takes_no_permit_away_and_one_that_rises_gives_some() -> None:
    semaphore = semaphore_of(4)
    await callers(semaphore, 4, FLOODING)
    waiting = await callers(semaphore, 2, FLOODING)
    semaphore.per_organisation = 2
    semaphore.release(FLOODING)
    semaphore.release(FLOODING)
    await settle()
    assert (semaphore.in_use, [task.done() for task in waiting]) == (2, [False, False])
    semaphore.per_organisation = 4
    semaphore.hand_out()
    await settle()
    assert (semaphore.in_use, [task.done() for task in waiting]) == (4, [True, True])


@in_virtual_time
async def test_a_permit_beyond_a_smaller_number_of_them_is_not_handed_on() -> None:
    semaphore = semaphore_of(2)
    await callers(semaphore, 2)
    [waits] = await callers(semaphore, 1)
    semaphore.permits = 1
    semaphore.release()
    await settle()
    assert (waits.done(), semaphore.in_use) == (False, 1)
    semaphore.release()
    await settle()
    assert (waits.done(), semaphore.in_use) == (True, 1)


@in_virtual_time
async def test_a_permit_that_comes_to_one_who_leaves_in_that_moment_is_passed_on() -> None:
    semaphore = semaphore_of(1)
    await callers(semaphore, 1, FLOODING)
    [gone] = await callers(semaphore, 1, FLOODING)
    [next_] = await callers(semaphore, 1, SMALL)
    semaphore.release(FLOODING)
    gone.cancel()
    await settle()
    assert (gone.cancelled(), next_.done()) == (True, True)
    semaphore.release(SMALL)
    assert (semaphore.in_use, semaphore.organisations) == (0, 0)


@in_virtual_time
async def test_one_who_leaves_before_gets_no_permit_and_holds_up_nobody() -> None:
    semaphore = semaphore_of(1)
    await callers(semaphore, 1)
    gone, next_ = await callers(semaphore, 2)
    gone.cancel()
    semaphore.release()  # its place in the queue is not given up yet
    await settle()
    assert (gone.cancelled(), next_.done(), semaphore.in_use) == (True, True, 1)


@in_virtual_time
async def test_one_of_another_organisation_who_leaves_gets_no_permit_either() -> None:
    semaphore = semaphore_of(1)
    await callers(semaphore, 1, FLOODING)
    [gone] = await callers(semaphore, 1, SMALL)
    [next_] = await callers(semaphore, 1, THIRD)
    gone.cancel()
    semaphore.release(FLOODING)
    await settle()
    assert (next_.done(), semaphore.in_use, semaphore.held_by(SMALL)) == (True, 1, 0)


@in_virtual_time
async def test_one_who_leaves_while_it_is_refused_gives_no_permit_back() -> None:
    semaphore = semaphore_of(1)
    await callers(semaphore, 1)
    [gone] = await callers(semaphore, 1, timeout=CHECK_INTERVAL)
    asyncio.get_running_loop().call_at(CHECK_INTERVAL, gone.cancel)
    await pass_time(CHECK_INTERVAL)
    await settle()
    assert (gone.cancelled(), semaphore.in_use, len(semaphore.waiting)) == (True, 1, 0)


@in_virtual_time
async def test_a_waiter_that_left_is_not_refused_as_well() -> None:
    semaphore = semaphore_of(1)
    await callers(semaphore, 1)
    [gone] = await callers(semaphore, 1, timeout=CHECK_INTERVAL)
    asyncio.get_running_loop().call_at(CHECK_INTERVAL, gone.cancel)
    semaphore._timer, timer = asyncio.get_running_loop().call_at(CHECK_INTERVAL, semaphore._check), semaphore._timer
    assert timer is not None
    timer.cancel()  # so that it is cancelled first
    await pass_time(2 * CHECK_INTERVAL)
    assert (gone.cancelled(), semaphore.in_use) == (True, 1)


@pytest.mark.parametrize("ends", ["it is cancelled", "its deadline passes"])
@in_virtual_time
async def test_a_waiter_that_gives_up_has_no_place_in_the_queue(ends: str) -> None:
    semaphore = semaphore_of(1)
    await callers(semaphore, 1, FLOODING)
    [gone] = await callers(semaphore, 1, SMALL, timeout=CHECK_INTERVAL)
    if ends == "it is cancelled":
        gone.cancel()
        await settle()
    else:
        await pass_time(2 * CHECK_INTERVAL)
    assert (gone.done(), len(semaphore.waiting), semaphore.waiting.organisations) == (True, 0, 0)


@pytest.mark.parametrize(("holder", "waiter"), [(FLOODING, None), (None, FLOODING), (FLOODING, SMALL)])
@in_virtual_time
async def test_a_permit_that_changes_hands_counts_for_the_organisation_that_has_it(
    holder: int | None, waiter: int | None
) -> None:
    semaphore = semaphore_of(3)
    await callers(semaphore, 2, holder)
    await callers(semaphore, 3, waiter)
    semaphore.release(holder)
    assert (semaphore.held_by(holder), semaphore.held_by(waiter), semaphore.in_use) == (1, 2, 3)
    semaphore.release(holder)
    assert (semaphore.held_by(holder), semaphore.held_by(waiter), semaphore.in_use) == (0, 3, 3)


_STEPS = st.lists(
    st.tuples(st.sampled_from(["acquire", "release", "cancel"]), st.integers(1, 4), st.integers(0, 9)), max_size=60
)


@given(permits=st.integers(1, 6), per_organisation=st.integers(1, 6), steps=_STEPS)
def test_shares_hold_and_no_permit_is_idle_for_one_who_may_have_it(
    permits: int, per_organisation: int, steps: list[tuple[str, int, int]]
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        semaphore = semaphore_of(permits, per_organisation)
        holders, waiters = list[int](), list[tuple[int, Acquiring]]()
        for step, organisation, number in steps:
            if step == "acquire":
                waiters += [(organisation, task) for task in await callers(semaphore, 1, organisation)]
            elif step == "release" and holders:
                semaphore.release(holders.pop(number % len(holders)))
            elif step == "cancel" and waiters:
                waiters.pop(number % len(waiters))[1].cancel()
            await settle()
            holders += [organisation for organisation, task in waiters if task.done()]
            waiters = [(organisation, task) for organisation, task in waiters if not task.done()]
            held = Counter(holders)
            assert semaphore.in_use == len(holders) <= permits
            assert all(number <= per_organisation for number in held.values())
            assert {organisation: semaphore.held_by(organisation) for organisation in held} == held
            if len(holders) < permits:
                assert all(held[organisation] >= per_organisation for organisation, _ in waiters)

    scenario()
