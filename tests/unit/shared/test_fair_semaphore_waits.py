"""How long a caller waits for a permit, and when it is refused."""

import logging

import pytest

from shared.concurrency.fair_semaphore import CHECK_INTERVAL, STALLED_CHECKS, FairSemaphore
from shared.errors import Overloaded
from tests.support.permits import (
    FLOODING,
    FOR_EVER,
    SMALL,
    THIRD,
    callers,
    seconds_until_refused,
    semaphore_of,
    settle,
    warnings,
)
from tests.support.virtual_time import in_virtual_time, pass_time


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
    await pass_time(2 * CHECK_INTERVAL)
    assert not waits.done()
    now = 7.0
    await pass_time(2 * CHECK_INTERVAL)
    assert isinstance(waits.exception(), Overloaded)


@in_virtual_time
async def test_each_waiter_has_a_timeout_of_its_own() -> None:
    semaphore = semaphore_of(1)
    await callers(semaphore, 1)
    [patient] = await callers(semaphore, 1)
    [refused] = await callers(semaphore, 1, timeout=CHECK_INTERVAL)
    await pass_time(10 * CHECK_INTERVAL)
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
    await pass_time(2.5 * CHECK_INTERVAL)
    second = await callers(semaphore, 1)
    await pass_time(CHECK_INTERVAL)
    assert (first[0].done(), second[0].done()) == (True, False)
    await pass_time(2 * CHECK_INTERVAL)
    assert not second[0].done()
    await pass_time(CHECK_INTERVAL)
    assert second[0].done()


@in_virtual_time
async def test_every_release_begins_the_count_again() -> None:
    semaphore = semaphore_of(2, stalled_checks=3)
    await callers(semaphore, 2)
    tasks = await callers(semaphore, 6)
    for _ in range(4):
        await pass_time(2.5 * CHECK_INTERVAL)
        semaphore.release()
    await settle()
    assert [task.done() for task in tasks] == [True] * 4 + [False] * 2
    await pass_time(3 * CHECK_INTERVAL)
    assert not tasks[4].done()
    await pass_time(CHECK_INTERVAL)
    assert isinstance(tasks[4].exception(), Overloaded)


@in_virtual_time
async def test_what_others_release_is_no_progress_of_those_who_have_their_share() -> None:
    semaphore = semaphore_of(3, per_organisation=2, stalled_checks=3)
    await callers(semaphore, 2, FLOODING)
    [waits] = await callers(semaphore, 1, FLOODING)
    for _ in range(5):
        assert semaphore.try_acquire(SMALL)
        semaphore.release(SMALL)
        await pass_time(CHECK_INTERVAL)
    assert isinstance(waits.exception(), Overloaded)


@in_virtual_time
async def test_it_is_where_permits_were_short() -> None:
    semaphore = semaphore_of(2, per_organisation=2, stalled_checks=3)
    await callers(semaphore, 1, FLOODING)
    await callers(semaphore, 1, SMALL)
    first, second = await callers(semaphore, 2, THIRD)
    await pass_time(2.5 * CHECK_INTERVAL)
    semaphore.release(SMALL)
    await first
    await pass_time(2.5 * CHECK_INTERVAL)
    assert not second.done()


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
    await pass_time((STALLED_CHECKS - 0.5) * CHECK_INTERVAL)
    assert not waits.done()
    semaphore.release()
    await waits


@in_virtual_time
async def test_one_line_a_stall_says_what_was_not_released_for_how_long(caplog: pytest.LogCaptureFixture) -> None:
    semaphore = semaphore_of(2, resource="database connection", stalled_checks=4)
    await callers(semaphore, 1)
    semaphore.release()
    await pass_time(10.0)
    await callers(semaphore, 2)
    for _ in range(2):
        await callers(semaphore, 3)
        await pass_time(5 * CHECK_INTERVAL)
    [line] = warnings(caplog)
    assert line.getMessage() == "no database connection was released for 0.08 s; rejecting waiters"
    assert line.levelno == logging.WARNING
    assert {"resource": "database connection", "in_use": 2, "waiting": 3}.items() <= vars(line).items()
    semaphore.release()
    await callers(semaphore, 2)
    await pass_time(5 * CHECK_INTERVAL)
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
    """One in a closed loop asks so much more seldom."""
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
