import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.concurrency.batcher import CHECK_INTERVAL, Batcher, each
from shared.concurrency.deadline import Deadline, current_deadline
from shared.concurrency.fairness import current_organisation
from shared.errors import DeadlinePassed, Overloaded
from shared.observability import Trace, current_trace
from tests.support.virtual_time import clock, in_virtual_time

BOUND = 5.0
"""Seconds after which a call that should have been answered hangs."""


class Doubling:
    """Work that waits until it is let go, and remembers its batches."""

    def __init__(self, *, released: bool = True) -> None:
        self.batches: list[list[int]] = []
        self.running = 0
        self.most_running = 0
        self.released = asyncio.Event()
        self.started = asyncio.Event()
        if released:
            self.released.set()

    async def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(items))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.started.set()
        await self.released.wait()
        self.running -= 1
        return [ValueError(item) if item < 0 else 2 * item for item in items]


def submitted(batcher: Batcher[int, int], items: Sequence[int]) -> list["asyncio.Task[int]"]:
    return [asyncio.create_task(batcher.submit(item)) for item in items]


async def test_alone_an_item_goes_at_once_in_a_batch_of_one() -> None:
    work = Doubling()
    assert await Batcher(work).submit(4) == 8
    assert work.batches == [[4]]


async def test_what_arrives_while_a_batch_runs_forms_the_next_in_order_of_arrival() -> None:
    work = Doubling(released=False)
    batcher = Batcher(work)
    first = submitted(batcher, [1])
    await work.started.wait()
    later = submitted(batcher, [5, 3, 4])
    await asyncio.sleep(0)
    work.released.set()
    assert await asyncio.gather(*first, *later) == [2, 10, 6, 8]
    assert work.batches == [[1], [5, 3, 4]]


async def test_a_batch_has_its_greatest_size() -> None:
    work = Doubling()
    batcher = Batcher(work, size=3)
    assert await asyncio.gather(*submitted(batcher, range(7))) == [0, 2, 4, 6, 8, 10, 12]
    assert work.batches == [[0, 1, 2], [3, 4, 5], [6]]


async def test_more_than_may_wait_are_refused_and_the_others_served() -> None:
    work = Doubling(released=False)
    batcher = Batcher(work, waiting=2)
    first = submitted(batcher, [0])
    await work.started.wait()
    waiting = submitted(batcher, [1, 2])
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await batcher.submit(3)
    work.released.set()
    assert await asyncio.gather(*first, *waiting) == [0, 2, 4]
    assert await batcher.submit(3) == 6


async def test_one_of_another_organisation_is_in_the_next_batch_however_many_wait() -> None:
    assert await batches_with_a_flood(organisations=(1, 2)) == [[0], [1, 100, 2], [3, 4, 5]]


async def test_control_if_they_count_as_one_it_is_behind_all_of_them() -> None:
    assert await batches_with_a_flood(organisations=(None, None)) == [[0], [1, 2, 3], [4, 5, 100]]


async def batches_with_a_flood(organisations: tuple[int | None, int | None]) -> list[list[int]]:
    """Six items of the first organisation, the first of which is under way, and then number 100 of the second."""
    work = Doubling(released=False)
    batcher = Batcher(work, size=3)

    async def submit(organisation: int | None, item: int) -> int:
        current_organisation.set(organisation)
        return await batcher.submit(item)

    tasks = [asyncio.create_task(submit(organisations[0], 0))]
    await work.started.wait()
    tasks += [asyncio.create_task(submit(organisations[0], item)) for item in range(1, 6)]
    tasks += [asyncio.create_task(submit(organisations[1], 100))]
    await asyncio.sleep(0)
    work.released.set()
    await asyncio.gather(*tasks)
    return work.batches


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_as_many_batches_run_at_once_as_allowed(concurrency: int) -> None:
    work = Doubling(released=False)
    batcher = Batcher(work, size=1, concurrency=concurrency)
    tasks = submitted(batcher, range(9))
    for _ in range(20):
        await asyncio.sleep(0)
    assert work.running == concurrency
    work.released.set()
    await asyncio.gather(*tasks)
    assert work.most_running == concurrency


async def test_an_exception_for_one_item_is_that_item_s_alone() -> None:
    outcomes = await asyncio.gather(*submitted(Batcher(Doubling()), [1, -1, 2]), return_exceptions=True)
    assert [outcomes[0], outcomes[2]] == [2, 4]
    assert isinstance(outcomes[1], ValueError)


async def test_an_exception_of_the_work_is_everyone_s_of_that_batch_and_no_one_s_after() -> None:
    broken = True

    async def work(items: Sequence[int]) -> Sequence[int]:
        if broken:
            raise ConnectionResetError
        return items

    batcher = Batcher(work)
    outcomes = await asyncio.gather(*submitted(batcher, [1, 2]), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionResetError] * 2
    broken = False
    assert await batcher.submit(3) == 3


async def test_work_that_forgets_an_item_is_a_defect_told_to_everyone() -> None:
    async def work(items: Sequence[int]) -> Sequence[int]:
        return items[1:]

    async with asyncio.timeout(BOUND):
        outcomes = await asyncio.gather(*submitted(Batcher(work), [1, 2]), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ValueError] * 2


async def test_work_that_ends_in_a_stray_cancellation_leaves_nobody_waiting() -> None:
    """Libraries raise a CancelledError that nobody asked for when their connection drops."""
    stray = True

    async def work(items: Sequence[int]) -> Sequence[int]:
        if stray:
            raise asyncio.CancelledError
        return items

    batcher = Batcher(work)
    async with asyncio.timeout(BOUND):
        outcomes = await asyncio.gather(*submitted(batcher, [1, 2]), return_exceptions=True)
    assert all(isinstance(outcome, BaseException) for outcome in outcomes)
    stray = False
    async with asyncio.timeout(BOUND):
        assert await batcher.submit(3) == 3


async def test_an_item_whose_client_went_away_before_its_turn_is_not_worked_on() -> None:
    work = Doubling(released=False)
    batcher = Batcher(work)
    first = submitted(batcher, [1])
    await work.started.wait()
    gone, stays = submitted(batcher, [2, 3])
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    work.released.set()
    assert await asyncio.gather(*first, stays) == [2, 6]
    assert work.batches == [[1], [3]]


async def test_an_item_whose_client_goes_away_in_its_turn_is_finished_beside_the_others() -> None:
    work = Doubling(released=False)
    gone, stays = submitted(Batcher(work), [2, 3])
    await work.started.wait()
    gone.cancel()
    await asyncio.wait([gone])
    work.released.set()
    assert await stays == 6
    assert work.batches == [[2, 3]]


async def test_an_answer_that_asks_again_at_once_is_served_again() -> None:
    batcher = Batcher(Doubling())

    async def chain() -> int:
        outcome = 1
        for _ in range(10):
            outcome = await batcher.submit(outcome)
        return outcome

    async with asyncio.timeout(BOUND):
        assert await chain() == 2**10


async def test_drain_waits_for_what_runs_and_what_waits() -> None:
    work = Doubling(released=False)
    batcher = Batcher(work, size=1)
    tasks = submitted(batcher, [1, 2, 3])
    await work.started.wait()
    drained = asyncio.create_task(batcher.drain())
    await asyncio.sleep(0)
    assert not drained.done()
    work.released.set()
    async with asyncio.timeout(BOUND):
        await drained
    assert all(task.done() or not task.cancelled() for task in tasks)
    assert work.batches == [[1], [2], [3]]


async def test_drain_of_an_idle_batcher_returns() -> None:
    async with asyncio.timeout(BOUND):
        await Batcher(Doubling()).drain()


async def test_a_batch_runs_under_no_request_s_trace() -> None:
    seen: list[str] = []

    async def work(items: Sequence[int]) -> Sequence[int]:
        seen.append(current_trace.get().request_id)
        return items

    token = current_trace.set(Trace("request-1", ""))
    try:
        await Batcher(work).submit(1)
    finally:
        current_trace.reset(token)
    assert seen == [""]


@given(
    items=st.lists(st.integers(-3, 1000), max_size=40),
    size=st.integers(1, 7),
    concurrency=st.integers(1, 4),
    pauses=st.lists(st.integers(0, 3), min_size=40, max_size=40),
)
def test_everyone_gets_their_own_outcome_once(items: list[int], size: int, concurrency: int, pauses: list[int]) -> None:
    batches: list[list[int]] = []

    async def work(batch: Sequence[tuple[int, int]]) -> list[tuple[int, int] | Exception]:
        batches.append([place for place, _ in batch])
        for _ in range(pauses[len(batches) % len(pauses)]):
            await asyncio.sleep(0)
        return [ValueError(place) if item < 0 else (place, 2 * item) for place, item in batch]

    async def ask(batcher: Batcher[tuple[int, int], tuple[int, int]], place: int, item: int) -> object:
        for _ in range(pauses[place]):
            await asyncio.sleep(0)
        try:
            return await batcher.submit((place, item))
        except ValueError as error:
            return error.args[0]

    async def scenario() -> list[object]:
        batcher = Batcher(work, size=size, concurrency=concurrency)
        async with asyncio.timeout(BOUND):
            return await asyncio.gather(*(ask(batcher, place, item) for place, item in enumerate(items)))

    outcomes = asyncio.run(scenario())
    assert outcomes == [place if item < 0 else (place, 2 * item) for place, item in enumerate(items)]
    assert sorted(place for batch in batches for place in batch) == list(range(len(items)))
    assert all(len(batch) <= size for batch in batches)


async def test_each_gives_outcomes_in_the_order_of_the_items() -> None:
    progress: list[int] = []

    async def work(item: int) -> int:
        for _ in range(10 - item):
            await asyncio.sleep(0)
        return 2 * item

    assert await each(range(10), work, progress.append) == [2 * item for item in range(10)]
    assert progress == list(range(1, 11))


async def test_each_runs_no_more_at_once_than_allowed() -> None:
    work = Doubling(released=False)

    async def one(item: int) -> int:
        [outcome] = await work([item])
        assert isinstance(outcome, int)
        return outcome

    task = asyncio.create_task(each(range(9), one, lambda _: None, concurrency=2))
    for _ in range(20):
        await asyncio.sleep(0)
    assert work.running == 2
    work.released.set()
    assert await task == [2 * item for item in range(9)]
    assert work.most_running == 2


async def test_each_ends_at_the_first_exception() -> None:
    async def work(item: int) -> int:
        return 1 // item

    with pytest.raises(ExceptionGroup) as raised:
        await each([1, 0, 2], work, lambda _: None)
    assert raised.group_contains(ZeroDivisionError)


async def stuck(*items: int, **options: Any) -> tuple[Batcher[int, int], Doubling, list["asyncio.Task[int]"]]:
    """A batcher on the clock of its loop whose work has number 0 and does not end, with items that wait behind it."""
    work = Doubling(released=False)
    batcher = Batcher(work, clock=clock, **options)
    first = submitted(batcher, [0])
    await work.started.wait()
    return batcher, work, first + await behind(batcher, *items)


async def behind(batcher: Batcher[int, int], *items: int) -> list["asyncio.Task[int]"]:
    tasks = submitted(batcher, items)
    await asyncio.sleep(0)
    return tasks


@in_virtual_time
async def test_an_item_is_refused_at_the_first_check_after_its_longest_wait() -> None:
    batcher, work, [first, early] = await stuck(1, max_wait=0.15)
    await asyncio.sleep(0.055)
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
    await asyncio.sleep(3 * CHECK_INTERVAL)
    assert not waits.done()
    now = 4.0
    await asyncio.sleep(3 * CHECK_INTERVAL)
    assert isinstance(waits.exception(), Overloaded)


@in_virtual_time
async def test_control_without_a_longest_wait_items_wait_for_as_long_as_the_work_takes() -> None:
    _, work, tasks = await stuck(1)
    await asyncio.sleep(3600)
    assert not tasks[1].done()
    work.released.set()
    assert await asyncio.gather(*tasks) == [0, 2]


@in_virtual_time
async def test_items_are_checked_again_after_the_queue_was_empty() -> None:
    batcher, work, tasks = await stuck(1, max_wait=0.15)
    work.released.set()
    await asyncio.gather(*tasks)
    await asyncio.sleep(1.0)
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
    await asyncio.sleep(0.155)
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


async def test_work_that_forgets_an_item_says_how_many() -> None:
    async def work(items: Sequence[int]) -> Sequence[int]:
        return items[1:]

    with pytest.raises(ValueError, match=r"^0 outcomes for 1 items$"):
        await Batcher(work).submit(1)


async def test_the_bounds_are_what_they_are_unless_they_are_given() -> None:
    work = Doubling(released=False)
    batcher = Batcher(work)
    first = submitted(batcher, [0])
    await work.started.wait()
    tasks = submitted(batcher, range(5_000))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await batcher.submit(0)
    work.released.set()
    await asyncio.gather(*first, *tasks)
    assert [len(batch) for batch in work.batches] == [1, *[500] * 10]


async def test_each_runs_six_at_once_unless_it_is_said() -> None:
    running = most = 0

    async def work(item: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return item

    await each(range(20), work, lambda _: None)
    assert most == 6
