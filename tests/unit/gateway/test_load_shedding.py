"""When more comes in than goes out: a burst is served, a queue that stays is cut short."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.load_shedding import CALM, AverageWait, Overload

TARGET, BEARABLE, INTERVAL = 0.1, 0.3, 2.0
LONG, MIDDLING, SHORT = 0.5, 0.2, 0.05


class Newcomers:
    """Arrivals at an `Overload`, by a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._overload = Overload(TARGET, BEARABLE, INTERVAL, clock=lambda: self.now)

    def refused(self, wait: float, after: float = 0.0, *, is_modest: bool = False) -> bool:
        self.now += after
        return self._overload.refuses(wait, wait, is_modest)

    def overload(self) -> None:
        assert [self.refused(LONG, after) for after in (0, INTERVAL / 2, INTERVAL / 2)] == [False, False, True]


def test_nobody_is_refused_who_waits_shortly() -> None:
    newcomers = Newcomers()
    assert not any(newcomers.refused(SHORT, INTERVAL) for _ in range(10))


def test_a_burst_is_served_however_long_the_wait() -> None:
    newcomers = Newcomers()
    assert not any(newcomers.refused(number / 100, 0.001) for number in range(1000))


def test_a_long_queue_that_stays_is_refused_newcomers() -> None:
    newcomers = Newcomers()
    newcomers.overload()
    assert newcomers.refused(LONG)


def test_a_queue_that_stays_but_does_not_grow_long_is_served() -> None:
    """As many clients as there are, each asking again when it is answered, keep one for as long as they like."""
    newcomers = Newcomers()
    assert not any(newcomers.refused(MIDDLING, INTERVAL) for _ in range(10))


def test_under_overload_the_queue_is_cut_shorter_than_that() -> None:
    newcomers = Newcomers()
    newcomers.overload()
    assert newcomers.refused(MIDDLING)


def test_under_overload_one_who_did_not_bring_it_about_may_wait_longer_and_not_for_ever() -> None:
    newcomers = Newcomers()
    newcomers.overload()
    assert not newcomers.refused(MIDDLING, is_modest=True)
    assert newcomers.refused(LONG, is_modest=True)


def test_under_overload_those_are_admitted_who_wait_shortly() -> None:
    newcomers = Newcomers()
    newcomers.overload()
    assert [newcomers.refused(wait, 0.01) for wait in (SHORT, LONG, SHORT, LONG)] == [False, True, False, True]


def test_a_short_wait_shows_that_the_queue_empties() -> None:
    newcomers = Newcomers()
    assert not newcomers.refused(LONG)
    assert not newcomers.refused(SHORT, INTERVAL - 0.1)
    assert not newcomers.refused(LONG, 0.2)
    assert not newcomers.refused(LONG, INTERVAL - 0.1)


def test_the_next_burst_is_served_again_once_nobody_had_to_be_refused_for_a_while() -> None:
    newcomers = Newcomers()
    newcomers.overload()
    assert not newcomers.refused(SHORT, INTERVAL)
    assert not newcomers.refused(LONG)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 1)), max_size=60))
def test_only_long_waits_are_refused_and_only_after_an_interval_of_them(
    arrivals: Iterable[tuple[float, float]],
) -> None:
    newcomers, long_since, refused_at = Newcomers(), None, float("-inf")
    for after, wait in arrivals:
        refused = newcomers.refused(wait, after)
        long_since = None if wait <= BEARABLE else newcomers.now if long_since is None else long_since
        stays = long_since is not None and newcomers.now - long_since >= INTERVAL
        lately = newcomers.now - refused_at < INTERVAL
        assert refused == (wait > TARGET and (stays or lately))
        refused_at = newcomers.now if refused else refused_at


class Arrivals:
    """Newcomers whose wait is averaged, by a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._average = AverageWait(clock=lambda: self.now)

    def average(self, wait: float, *, newcomers: int = 1, after: float = 0.0) -> float:
        averages = []
        for _ in range(newcomers):
            self.now += after
            averages.append(self._average.with_newcomer(wait))
        return averages[-1]


def test_the_average_of_many_newcomers_is_what_they_wait() -> None:
    assert Arrivals().average(LONG, newcomers=5000) > 0.99 * LONG


def test_a_long_wait_is_forgotten_once_nobody_had_to_wait_for_a_while_however_few_come() -> None:
    arrivals = Arrivals()
    arrivals.average(LONG, newcomers=5000)
    assert arrivals.average(0.0, newcomers=3, after=CALM / 2) == 0.0


def test_the_first_of_each_wave_waits_for_nobody_and_that_is_no_calm() -> None:
    arrivals = Arrivals()
    arrivals.average(LONG, newcomers=5000)
    for _ in range(20):
        arrivals.average(0.0, after=0.8 * CALM)
        arrivals.average(LONG)
    assert arrivals.average(LONG) > 0.9 * LONG
