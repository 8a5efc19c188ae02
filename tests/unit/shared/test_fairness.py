"""Organisations share what there is little of: nobody's many requests hold up another's few."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.concurrency.fairness import FairQueue, FairTurns, Waiter

FLOODING, SMALL = 1, 2
ORGANISATIONS = st.integers(1, 4)


def queue_of(*organisations: int) -> FairQueue[str]:
    """An item of each, named by the organisation and its number there."""
    queue: FairQueue[str] = FairQueue()
    for organisation in organisations:
        queue.add(organisation, f"{organisation}.{queue.count_of(organisation)}")
    return queue


def taken(queue: FairQueue[str]) -> list[str]:
    return [queue.take() for _ in range(len(queue))]


def test_organisations_take_turns() -> None:
    assert taken(queue_of(1, 1, 1, 1, 2, 2, 3)) == ["1.0", "2.0", "3.0", "1.1", "2.1", "1.2", "1.3"]


def test_items_of_one_organisation_are_in_order_of_arrival() -> None:
    assert taken(queue_of(7, 7, 7)) == ["7.0", "7.1", "7.2"]


def test_an_organisation_that_comes_again_is_behind_those_that_wait() -> None:
    queue = queue_of(1, 2, 3)
    assert queue.take() == "1.0"
    queue.add(1, "again")
    assert taken(queue) == ["2.0", "3.0", "again"]


def test_what_is_removed_is_not_served_and_counts_no_more() -> None:
    queue = queue_of(1, 1, 2)
    queue.remove(1, "1.0")
    queue.remove(2, "2.0")
    queue.remove(2, "2.0")
    queue.remove(3, "never there")
    assert (len(queue), queue.organisations, queue.count_of(1), queue.count_of(2)) == (1, 1, 1, 0)
    assert taken(queue) == ["1.1"]


def test_one_that_may_not_keeps_its_place() -> None:
    queue = queue_of(1, 2, 1, 3)
    assert queue.take_where(lambda organisation: organisation == 3) == "3.0"
    assert queue.take_where(lambda organisation: organisation == 3) is None
    assert taken(queue) == ["1.0", "2.0", "1.1"]


@given(arrivals=st.lists(ORGANISATIONS, max_size=40))
def test_nobody_waits_for_more_than_one_of_each_other_for_each_of_its_own(arrivals: list[int]) -> None:
    served = taken(queue_of(*arrivals))
    assert sorted(served) == sorted(taken(queue_of(*sorted(arrivals))))
    counts = Counter(arrivals)
    for place, item in enumerate(served):
        organisation, _, number = item.partition(".")
        own = int(number) + 1
        others = sum(min(own, count) for other, count in counts.items() if other != int(organisation))
        assert place < own + others


class Turned:
    """Those who want a turn, by organisation and number, and who has one."""

    def __init__(self, count: int, most_of_one: int) -> None:
        self.turns = FairTurns(count, most_of_one)
        self.waiting: list[Waiter] = []
        self._loop = asyncio.get_running_loop()

    def ask(self, organisation: int | None) -> Waiter | None:
        """None: it has its turn at once."""
        if self.turns.take(organisation):
            return None
        waiter = Waiter(self._loop.create_future(), organisation, 60)
        self.turns.waiting.add(organisation, waiter)
        return waiter


async def test_a_single_organisation_has_all_but_the_reserve() -> None:
    turned = Turned(count=5, most_of_one=4)
    assert [turned.ask(FLOODING) is None for _ in range(6)] == [True] * 4 + [False] * 2
    assert turned.ask(SMALL) is None
    assert turned.ask(SMALL) is not None


async def test_the_process_s_own_work_may_have_all() -> None:
    turned = Turned(count=3, most_of_one=2)
    assert [turned.ask(None) is None for _ in range(4)] == [True, True, True, False]


async def test_a_turn_goes_to_the_next_organisation() -> None:
    turned = Turned(count=2, most_of_one=2)
    turned.ask(FLOODING), turned.ask(FLOODING)
    first, second = turned.ask(FLOODING), turned.ask(FLOODING)
    other = turned.ask(SMALL)
    assert first
    assert second
    assert other
    turned.turns.give_back(FLOODING)
    assert (first.turn.done(), other.turn.done()) == (True, False)
    turned.turns.give_back(FLOODING)
    assert (second.turn.done(), other.turn.done()) == (False, True)


async def test_the_reserve_is_not_given_to_one_who_has_as_many_as_it_may() -> None:
    turned = Turned(count=3, most_of_one=2)
    turned.ask(FLOODING), turned.ask(FLOODING), turned.ask(SMALL)
    waiter = turned.ask(FLOODING)
    assert waiter
    turned.turns.give_back(SMALL)
    assert not waiter.turn.done()
    turned.turns.give_back(FLOODING)
    assert waiter.turn.done()


async def test_a_bound_that_falls_takes_no_turn_away_and_one_that_rises_gives_some() -> None:
    turned = Turned(count=4, most_of_one=4)
    for _ in range(4):
        turned.ask(FLOODING)
    waiters = [waiter for waiter in (turned.ask(FLOODING), turned.ask(FLOODING)) if waiter]
    turned.turns.most_of_one = 2
    for _ in range(2):
        turned.turns.give_back(FLOODING)
    assert (turned.turns.running, [waiter.turn.done() for waiter in waiters]) == (2, [False, False])
    turned.turns.most_of_one = 4
    turned.turns.hand_out()
    assert (turned.turns.running, [waiter.turn.done() for waiter in waiters]) == (4, [True, True])


async def test_a_turn_that_comes_to_one_who_leaves_in_that_moment_is_passed_on() -> None:
    turned = Turned(count=1, most_of_one=1)
    turned.ask(FLOODING)
    gone, next_ = turned.ask(FLOODING), turned.ask(SMALL)
    assert gone
    assert next_
    turned.turns.give_back(FLOODING)
    assert gone.turn.done()
    turned.turns.leave(gone)
    assert next_.turn.done()
    turned.turns.leave(next_)
    assert (turned.turns.running, turned.turns.organisations) == (0, 0)


_STEPS = st.lists(st.tuples(st.sampled_from(["ask", "end", "leave"]), ORGANISATIONS, st.integers(0, 9)), max_size=60)


@given(count=st.integers(1, 6), most_of_one=st.integers(1, 6), steps=_STEPS)
def test_bounds_hold_and_no_turn_is_idle_for_one_who_may_have_it(
    count: int, most_of_one: int, steps: list[tuple[str, int, int]]
) -> None:
    async def scenario() -> None:
        turned, holders, waiters = Turned(count, most_of_one), list[int](), list[Waiter]()
        for step, organisation, number in steps:
            if step == "ask":
                waiter = turned.ask(organisation)
                waiters += [waiter] if waiter else []
                holders += [] if waiter else [organisation]
            elif step == "end" and holders:
                turned.turns.give_back(holders.pop(number % len(holders)))
            elif step == "leave" and waiters:
                turned.turns.leave(waiters.pop(number % len(waiters)))
            for waiter in [each for each in waiters if each.turn.done()]:
                waiters.remove(waiter)
                holders.append(waiter.organisation or 0)
            held = Counter(holders)
            assert turned.turns.running == len(holders) <= count
            assert all(number <= most_of_one for number in held.values())
            if len(holders) < count:
                assert all(held[waiter.organisation or 0] == most_of_one for waiter in waiters)

    asyncio.run(scenario())


@pytest.mark.parametrize("waiting", [1, 1000])
async def test_another_organisation_waits_as_shortly_whatever_the_number_that_wait(waiting: int) -> None:
    turned = Turned(count=1, most_of_one=1)
    turned.ask(FLOODING)
    for _ in range(waiting):
        turned.ask(FLOODING)
    other = turned.ask(SMALL)
    assert other
    ends = 0
    while not other.turn.done():
        turned.turns.give_back(FLOODING)
        ends += 1
    assert ends == 2
