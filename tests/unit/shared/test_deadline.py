import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.concurrency.deadline import (
    DEFAULT_SECONDS,
    HEADER,
    MAX_SECONDS,
    Deadline,
    current_deadline,
    read_deadline,
    time_left,
)
from shared.errors import BadRequest, DeadlinePassed


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still."""
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)


@given(st.integers(0, 60_000))
def test_what_is_left_survives_the_way_to_the_next_process(milliseconds: int) -> None:
    name, value = read_deadline([str(milliseconds)]).header()
    assert name == HEADER
    assert milliseconds - 1 <= int(value) <= milliseconds  # it may lose time on its way, and never gains any


def test_without_a_deadline_a_request_gets_one() -> None:
    assert read_deadline([]).left() == DEFAULT_SECONDS


def test_nobody_gets_more_than_the_longest() -> None:
    assert read_deadline(["999999999"]).left() == MAX_SECONDS


@pytest.mark.parametrize("values", [[""], ["-1"], ["1.5"], ["1s"], ["٣"], ["1" * 10], ["1", "1"]])
def test_a_malformed_one_is_refused(values: list[str]) -> None:
    with pytest.raises(BadRequest):
        read_deadline(values)


def test_waits_are_shortened_to_what_is_left() -> None:
    token = current_deadline.set(Deadline.after(0.5))
    try:
        assert (time_left(2.0), time_left(0.25)) == (0.5, 0.25)
    finally:
        current_deadline.reset(token)
    assert time_left(2.0) == 2.0


def test_after_the_deadline_nothing_is_begun() -> None:
    token = current_deadline.set(Deadline.after(0))
    try:
        with pytest.raises(DeadlinePassed):
            time_left(2.0)
    finally:
        current_deadline.reset(token)
