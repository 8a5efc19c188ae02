"""Waiters whose permit cannot come in time are refused early, a few at a time, by how long turns take."""

import asyncio

import pytest

from shared.concurrency.fair_semaphore import CHECK_INTERVAL, HOPELESS_AT_ONCE, TURNS_TO_LEARN_FROM, FairSemaphore
from shared.errors import Overloaded
from tests.support.permits import Acquiring, callers, seconds_until_refused, semaphore_of, settle
from tests.support.virtual_time import clock, in_virtual_time, pass_time

TURN = 0.1
LONGEST = 3.0
IN_TIME = round(LONGEST / TURN)
"""As many turns as there are in the longest wait."""
MANY = 4 * IN_TIME


async def rush(semaphore: FairSemaphore, number: int = MANY) -> list[Acquiring]:
    """So many callers at once that wait as long as they may; one has the permit."""
    await callers(semaphore, 1)
    return await callers(semaphore, number, timeout=LONGEST)


async def pass_turns(semaphore: FairSemaphore, number: int) -> None:
    for _ in range(number):
        await pass_time(TURN)
        semaphore.release()
        await settle()


def refused(tasks: list[Acquiring]) -> list[int]:
    """Which of them."""
    return [place for place, task in enumerate(tasks) if task.done() and task.exception() is not None]


@in_virtual_time
async def test_who_waits_in_vain_is_told_long_before_the_longest_wait_is_over() -> None:
    semaphore = semaphore_of(1, refuses_hopeless=True)
    tasks = await rush(semaphore)
    await pass_turns(semaphore, IN_TIME // 2)
    told = refused(tasks)
    assert told == list(range(MANY - len(told), MANY)), "the last ones, and nobody in between"
    assert abs(MANY - len(told) - IN_TIME) <= 2
    await pass_turns(semaphore, IN_TIME // 2 - 1)
    assert len(refused(tasks)) <= len(told) + 1


@in_virtual_time
async def test_control_without_it_all_are_told_together_at_the_end() -> None:
    semaphore = semaphore_of(1)
    tasks = await rush(semaphore)
    await pass_turns(semaphore, IN_TIME // 2)
    assert refused(tasks) == []
    await pass_time(LONGEST)
    assert len(refused(tasks)) == MANY - IN_TIME // 2


@in_virtual_time
async def test_a_few_are_told_at_a_time() -> None:
    semaphore = semaphore_of(1, refuses_hopeless=True)
    tasks = await rush(semaphore)
    await pass_turns(semaphore, TURNS_TO_LEARN_FROM)
    before, most = len(refused(tasks)), 0
    for _ in range(20):
        await pass_time(CHECK_INTERVAL)
        await settle()
        now = len(refused(tasks))
        before, most = now, max(most, now - before)
    assert most == HOPELESS_AT_ONCE


@in_virtual_time
async def test_who_comes_when_it_is_known_is_told_at_once() -> None:
    semaphore = semaphore_of(1, refuses_hopeless=True)
    await rush(semaphore)
    await pass_turns(semaphore, IN_TIME // 2)
    assert not semaphore.may_wait(LONGEST / 4)
    assert semaphore.may_wait(LONGEST)
    assert await seconds_until_refused(semaphore, LONGEST / 4) == 0


@in_virtual_time
async def test_nobody_is_told_before_it_is_known_how_long_turns_take() -> None:
    semaphore = semaphore_of(1, refuses_hopeless=True)
    tasks = await rush(semaphore)
    await pass_turns(semaphore, TURNS_TO_LEARN_FROM - 1)
    assert refused(tasks) == []
    assert semaphore.may_wait(0.0)


@in_virtual_time
async def test_time_in_which_nobody_waited_says_nothing_about_turns() -> None:
    semaphore = semaphore_of(1, refuses_hopeless=True)
    await rush(semaphore, TURNS_TO_LEARN_FROM)
    await pass_turns(semaphore, TURNS_TO_LEARN_FROM)
    await pass_time(3600)
    tasks = await callers(semaphore, IN_TIME // 2, timeout=LONGEST)
    await pass_turns(semaphore, IN_TIME // 2)
    assert all(task.done() for task in tasks)
    assert refused(tasks) == []


@in_virtual_time
async def test_turns_that_become_faster_let_more_wait() -> None:
    semaphore = semaphore_of(1, refuses_hopeless=True)
    await rush(semaphore, TURNS_TO_LEARN_FROM)
    await pass_turns(semaphore, TURNS_TO_LEARN_FROM)
    tasks = await callers(semaphore, IN_TIME - 2, timeout=LONGEST)
    for _ in range(IN_TIME - 2):
        await pass_time(TURN / 10)
        semaphore.release()
        await settle()
    assert refused(tasks) == []
    await callers(semaphore, 2 * IN_TIME, timeout=LONGEST)
    assert semaphore.may_wait(LONGEST)


@in_virtual_time
async def test_a_waiter_of_another_organisation_is_judged_by_its_own_place() -> None:
    semaphore = semaphore_of(1, refuses_hopeless=True)
    await callers(semaphore, 1, 1)
    flood = await callers(semaphore, MANY, 1, timeout=LONGEST)
    [other] = await callers(semaphore, 1, 2, timeout=LONGEST)
    for _ in range(TURNS_TO_LEARN_FROM):
        await pass_time(TURN)
        semaphore.release(1)
        await settle()
        if other.done():
            break
    assert other.done()
    assert other.exception() is None
    assert all(not task.done() for task in flood[1:3])


@in_virtual_time
async def test_the_queue_has_a_bound() -> None:
    semaphore = semaphore_of(1, refuses_hopeless=True, max_waiting=3, max_waiting_per_organisation=3)
    await rush(semaphore, 3)
    assert not semaphore.may_wait(LONGEST)
    with pytest.raises(Overloaded):
        async with asyncio.timeout(LONGEST):
            await semaphore.acquire(LONGEST)
    assert clock() < LONGEST
