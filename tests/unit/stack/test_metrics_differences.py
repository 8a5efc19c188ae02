import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.metrics.differences import Reading, Window, quantile
from stack.metrics.exposition import parse

WANTED = {"requests_total", "seconds"}


def window(earlier: str, later: str, seconds: float = 2.0) -> Window:
    return Window(Reading(10.0, parse(earlier, WANTED)), Reading(10.0 + seconds, parse(later, WANTED)))


def histogram(counts: dict[str, int], route: str = "a") -> str:
    lines = [f'seconds_bucket{{route="{route}",le="{bound}"}} {count}' for bound, count in counts.items()]
    return "# TYPE seconds histogram\n" + "\n".join(lines) + "\n"


def test_a_rate_is_the_growth_of_all_series_with_these_labels_each_second() -> None:
    seen = window(
        'requests_total{code="a"} 10\nrequests_total{code="b"} 5\n',
        'requests_total{code="a"} 14\nrequests_total{code="b"} 11\n',
    )
    assert seen.rate("requests_total") == 5.0
    assert seen.rate("requests_total", code="b") == 3.0
    assert seen.rate("requests_total", code="c") == 0.0


def test_a_series_that_is_new_began_at_nothing() -> None:
    assert window("# TYPE requests_total counter\n", 'requests_total{code="a"} 4\n').rate("requests_total") == 2.0


def test_a_counter_that_began_anew_has_grown_by_what_it_has() -> None:
    assert window("requests_total 1000\n", "requests_total 6\n").rate("requests_total") == 3.0


def test_a_metric_without_series_counted_nothing_and_one_that_is_missing_is_not_known() -> None:
    assert window("# TYPE requests_total counter\n", "# TYPE requests_total counter\n").rate("requests_total") == 0.0
    assert window("", "").rate("requests_total") is None


def test_without_time_between_there_is_no_rate() -> None:
    assert window("requests_total 1\n", "requests_total 2\n", seconds=0.0).rate("requests_total") is None


def test_a_quantile_is_of_what_was_observed_meanwhile() -> None:
    before = histogram({"0.1": 1000, "1.0": 1000, "+Inf": 1000})
    after = histogram({"0.1": 1000, "1.0": 1010, "+Inf": 1010})
    assert window(before, after).quantile(0.5, "seconds") == pytest.approx(0.55)
    assert window(before, after).quantile(1.0, "seconds") == pytest.approx(1.0)


def test_nothing_observed_has_no_quantile() -> None:
    same = histogram({"0.1": 7, "+Inf": 7})
    assert window(same, same).quantile(0.5, "seconds") is None
    assert window("", "").quantile(0.5, "seconds") is None


def test_routes_are_taken_together_or_one_alone() -> None:
    after = histogram({"0.1": 10, "1.0": 10, "+Inf": 10}) + histogram({"0.1": 0, "1.0": 10, "+Inf": 10}, "b")
    seen = window("", after)
    assert seen.quantile(0.5, "seconds") == pytest.approx(0.1)
    assert seen.quantile(0.5, "seconds", route="b") == pytest.approx(0.55)


def test_above_the_last_bound_no_number_is_known() -> None:
    assert window("", histogram({"0.1": 1, "+Inf": 100})).quantile(0.99, "seconds") == math.inf


@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=8),
    st.integers(0, 100),
    st.floats(min_value=0.0, max_value=1.0),
)
def test_a_quantile_lies_in_the_bucket_that_holds_it(sizes: list[int], beyond: int, share: float) -> None:
    bounds = [0.5 * 2**number for number in range(len(sizes))]
    counts, total = {}, 0
    for bound, size in zip(bounds, sizes, strict=True):
        total += size
        counts[bound] = float(total)
    counts[math.inf] = float(total + beyond)
    found = quantile(share, counts)
    if total + beyond == 0:
        assert found is None
        return
    assert found is not None
    rank = share * (total + beyond)
    at_least = min((bound for bound, count in counts.items() if count >= rank), default=math.inf)
    assert found <= at_least or math.isclose(found, at_least)
