"""Permits shared by organisations: who gets the next one, who waits, for how long, and who is refused when."""

import asyncio
import logging
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.concurrency import fair_semaphore
from shared.concurrency.fair_semaphore import CHECK_INTERVAL, STALLED_CHECKS, FairSemaphore
from shared.errors import Overloaded
from tests.support.virtual_time import clock, in_virtual_time

FOR_EVER = 3600.0
FLOODING, SMALL, THIRD = 1, 2, 3
Acquiring = asyncio.Task[None]


def semaphore_of(permits: int, per_organisation: int | None = None, **options: Any) -> FairSemaphore:
    """One whose time is the loop's."""
    return FairSemaphore(permits, per_organisation or permits, clock=clock, **options)


async def callers(
    semaphore: FairSemaphore, number: int, organisation: int | None = None, timeout: float = FOR_EVER
) -> list[Acquiring]:
    """So many that want a permit, and have one or wait."""
    tasks = [asyncio.create_task(semaphore.acquire(timeout, organisation)) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


def warnings(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == fair_semaphore.__name__]


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def seconds_until_refused(semaphore: FairSemaphore, timeout: float, organisation: int | None = None) -> float:
    start = clock()
    with pytest.raises(Overloaded):
        await semaphore.acquire(timeout, organisation)
    return clock() - start


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
    await asyncio.sleep(CHECK_INTERVAL)
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
    await asyncio.sleep(2 * CHECK_INTERVAL)
    assert (gone.cancelled(), semaphore.in_use) == (True, 1)


@pytest.mark.parametrize("ends", ["it is cancelled", "its time is over"])
@in_virtual_time
async def test_a_waiter_that_gives_up_has_no_place_in_the_queue(ends: str) -> None:
    semaphore = semaphore_of(1)
    await callers(semaphore, 1, FLOODING)
    [gone] = await callers(semaphore, 1, SMALL, timeout=CHECK_INTERVAL)
    if ends == "it is cancelled":
        gone.cancel()
        await settle()
    else:
        await asyncio.sleep(2 * CHECK_INTERVAL)
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


@in_virtual_time
async def test_a_waiter_is_refused_at_the_first_check_after_its_timeout() -> None:
    semaphore = semaphore_of(1)
    await semaphore.acquire(FOR_EVER)
    assert await seconds_until_refused(semaphore, 10.5 * CHECK_INTERVAL) == pytest.approx(11 * CHECK_INTERVAL)
    assert await seconds_until_refused(semaphore, 0.5 * CHECK_INTERVAL) == pytest.approx(CHECK_INTERVAL)


@in_virtual_time
async def test_a_waiter_is_refused_when_its_time_is_just_over() -> None:
    now = 0.0
    semaphore = FairSemaphore(1, 1, clock=lambda: now)
    await callers(semaphore, 1)
    [waits] = await callers(semaphore, 1, timeout=7.0)
    now = 6.999
    await asyncio.sleep(2 * CHECK_INTERVAL)
    assert not waits.done()
    now = 7.0
    await asyncio.sleep(2 * CHECK_INTERVAL)
    assert isinstance(waits.exception(), Overloaded)


@in_virtual_time
async def test_each_waiter_has_a_timeout_of_its_own() -> None:
    semaphore = semaphore_of(1)
    await callers(semaphore, 1)
    [patient] = await callers(semaphore, 1)
    [refused] = await callers(semaphore, 1, timeout=CHECK_INTERVAL)
    await asyncio.sleep(10 * CHECK_INTERVAL)
    assert (refused.done(), patient.done()) == (True, False)
    semaphore.release()
    await patient


@in_virtual_time
async def test_without_stalled_checks_they_wait_as_long_as_they_said() -> None:
    semaphore = semaphore_of(1)
    await semaphore.acquire(FOR_EVER)
    assert await seconds_until_refused(semaphore, FOR_EVER) == pytest.approx(FOR_EVER, abs=CHECK_INTERVAL)


@in_virtual_time
async def test_there_is_no_timer_where_nobody_waits() -> None:
    semaphore = semaphore_of(1)
    await semaphore.acquire(FOR_EVER)
    await seconds_until_refused(semaphore, CHECK_INTERVAL)
    assert semaphore._timer is None


@in_virtual_time
async def test_waiters_are_rejected_after_as_many_checks_without_a_release() -> None:
    semaphore = semaphore_of(1, stalled_checks=STALLED_CHECKS)
    await semaphore.acquire(FOR_EVER)
    expected = pytest.approx(STALLED_CHECKS * CHECK_INTERVAL)
    assert await seconds_until_refused(semaphore, FOR_EVER) == expected
    assert await seconds_until_refused(semaphore, FOR_EVER) == expected
    semaphore.release()
    await semaphore.acquire(FOR_EVER)


@in_virtual_time
async def test_one_that_comes_during_a_stall_waits_for_as_many_checks() -> None:
    semaphore = semaphore_of(1, stalled_checks=3)
    await semaphore.acquire(FOR_EVER)
    first = await callers(semaphore, 1)
    await asyncio.sleep(2.5 * CHECK_INTERVAL)
    second = await callers(semaphore, 1)
    await asyncio.sleep(CHECK_INTERVAL)
    assert (first[0].done(), second[0].done()) == (True, False)
    await asyncio.sleep(2 * CHECK_INTERVAL)
    assert not second[0].done()
    await asyncio.sleep(CHECK_INTERVAL)
    assert second[0].done()


@in_virtual_time
async def test_every_release_begins_the_count_again() -> None:
    semaphore = semaphore_of(2, stalled_checks=3)
    await callers(semaphore, 2)
    tasks = await callers(semaphore, 6)
    for _ in range(4):
        await asyncio.sleep(2.5 * CHECK_INTERVAL)
        semaphore.release()
    await settle()
    assert [task.done() for task in tasks] == [True] * 4 + [False] * 2
    await asyncio.sleep(3 * CHECK_INTERVAL)
    assert not tasks[4].done()
    await asyncio.sleep(CHECK_INTERVAL)
    assert isinstance(tasks[4].exception(), Overloaded)


@in_virtual_time
async def test_what_was_before_a_new_queue_does_not_count() -> None:
    semaphore = semaphore_of(1, stalled_checks=3)
    await semaphore.acquire(FOR_EVER)
    assert await seconds_until_refused(semaphore, 2 * CHECK_INTERVAL) == pytest.approx(2 * CHECK_INTERVAL)
    assert await seconds_until_refused(semaphore, FOR_EVER) == pytest.approx(3 * CHECK_INTERVAL)


@in_virtual_time
async def test_a_process_that_stood_still_itself_blames_nobody() -> None:
    """However long that was, it is one check."""
    now = 0.0
    semaphore = FairSemaphore(1, 1, stalled_checks=STALLED_CHECKS, clock=lambda: now)
    await callers(semaphore, 1)
    [waits] = await callers(semaphore, 1)
    now = 60.0
    await asyncio.sleep((STALLED_CHECKS - 0.5) * CHECK_INTERVAL)
    assert not waits.done()
    semaphore.release()
    await waits


@in_virtual_time
async def test_one_line_a_stall_says_what_was_not_released_for_how_long(caplog: pytest.LogCaptureFixture) -> None:
    semaphore = semaphore_of(2, resource="database connection", stalled_checks=4)
    await callers(semaphore, 1)
    semaphore.release()
    await asyncio.sleep(10.0)
    await callers(semaphore, 2)
    for _ in range(2):
        await callers(semaphore, 3)
        await asyncio.sleep(5 * CHECK_INTERVAL)
    [line] = warnings(caplog)
    assert line.getMessage() == "no database connection was released for 0.08 s; rejecting waiters"
    assert line.levelno == logging.WARNING
    assert {"resource": "database connection", "in_use": 2, "waiting": 3}.items() <= vars(line).items()
    semaphore.release()
    await callers(semaphore, 2)
    await asyncio.sleep(5 * CHECK_INTERVAL)
    assert len(warnings(caplog)) == 2


@in_virtual_time
async def test_the_line_calls_them_permits_where_they_have_no_name(caplog: pytest.LogCaptureFixture) -> None:
    semaphore = semaphore_of(1, stalled_checks=1)
    await semaphore.acquire(FOR_EVER)
    await seconds_until_refused(semaphore, FOR_EVER)
    assert [line.getMessage() for line in warnings(caplog)] == ["no permit was released for 0.02 s; rejecting waiters"]


@in_virtual_time
async def test_there_is_no_line_where_only_a_timeout_was_over(caplog: pytest.LogCaptureFixture) -> None:
    semaphore = semaphore_of(1, stalled_checks=3)
    await semaphore.acquire(FOR_EVER)
    await seconds_until_refused(semaphore, CHECK_INTERVAL)
    assert not warnings(caplog)


@in_virtual_time
async def test_of_one_organisation_only_so_many_wait_and_others_still_may() -> None:
    semaphore = semaphore_of(1, max_waiting_per_organisation=2, max_waiting=3, refusal="Too many searches.")
    waiting = (await callers(semaphore, 3, FLOODING))[1:]
    with pytest.raises(Overloaded, match="Too many searches") as refused:
        await semaphore.acquire(FOR_EVER, FLOODING)
    assert refused.value.headers == {"Retry-After": "1"}
    waiting += await callers(semaphore, 1, SMALL)  # now as many wait as may,
    with pytest.raises(Overloaded):
        await semaphore.acquire(FOR_EVER, SMALL)
    waiting += await callers(semaphore, 1, THIRD)  # but for an organisation of which nobody does
    assert not any(task.done() for task in waiting)


@in_virtual_time
async def test_who_finds_it_full_is_refused_after_a_pause() -> None:
    """One who asks again at once asks so much more seldom."""
    semaphore = semaphore_of(1, max_waiting_per_organisation=0, refusal_delay=0.3)
    await semaphore.acquire(FOR_EVER)
    assert await seconds_until_refused(semaphore, FOR_EVER) == pytest.approx(0.3)
    assert await seconds_until_refused(semaphore, 0.2) == pytest.approx(0.2)


@in_virtual_time
async def test_who_finds_it_full_is_refused_at_once_where_there_is_no_pause() -> None:
    semaphore = semaphore_of(1, max_waiting_per_organisation=0)
    await semaphore.acquire(FOR_EVER)
    assert await seconds_until_refused(semaphore, FOR_EVER) == 0


@in_virtual_time
async def test_waiters_that_time_out_hear_the_same_words() -> None:
    semaphore = semaphore_of(1, refusal="Too many searches.")
    await semaphore.acquire(FOR_EVER)
    with pytest.raises(Overloaded, match="Too many searches"):
        await semaphore.acquire(CHECK_INTERVAL)


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
