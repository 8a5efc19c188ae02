"""Items that go together: which, in which order, and what each gets back."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.concurrency.batcher import Batcher
from shared.concurrency.fairness import current_organisation
from shared.errors import Overloaded
from shared.observability import Trace, current_trace
from tests.support.batches import BOUND, Doubling, submitted


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
