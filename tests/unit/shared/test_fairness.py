"""The queue that organisations share: nobody's many requests hold up another's few."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shared.concurrency.fairness import FairQueue

ORGANISATIONS = st.integers(1, 4)


def queue_of(*organisations: int) -> FairQueue[str]:
    """An item of each, named by the organisation and its number there."""
    queue: FairQueue[str] = FairQueue()
    for organisation in organisations:
        queue.add(organisation, f"{organisation}.{queue.count_of(organisation)}")
    return queue


def taken(queue: FairQueue[str]) -> list[str]:
    return [queue.take() for _ in range(len(queue))]


def test_organisations_are_served_in_turn() -> None:
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


def test_the_first_item_of_an_organisation_is_the_one_that_has_waited_longest() -> None:
    queue = queue_of(1, 2, 1)
    assert [queue.first_of(organisation) for organisation in (1, 2, 3)] == ["1.0", "2.0", None]
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
