"""When notices of expiry are due: so many days before the end, and once more when it has come."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrollment.validity import days_left, plan_notice

END = datetime(2027, 5, 15, 17, 10, tzinfo=UTC)
DAYS = (30, 7)


def before_end(**delta: float) -> datetime:
    return END - timedelta(**delta)


@pytest.mark.parametrize(
    ("now", "told_at", "expected"),
    [
        (before_end(days=31), None, (False, before_end(days=30))),
        (before_end(days=30), None, (True, before_end(days=7))),
        (before_end(days=29), before_end(days=30), (False, before_end(days=7))),
        (before_end(days=7), before_end(days=30), (True, END)),
        (before_end(days=1), None, (True, END)),
        (before_end(days=1), before_end(days=7), (False, END)),
        (END, before_end(days=7), (True, None)),
        (before_end(days=-1), END, (False, None)),
        (before_end(days=-400), None, (True, None)),
        (before_end(days=-400), before_end(days=30), (True, None)),
    ],
)
def test_each_moment_is_told_once_and_missed_ones_as_one(
    now: datetime, told_at: datetime | None, expected: tuple[bool, datetime | None]
) -> None:
    assert plan_notice(END, DAYS, told_at, now) == expected


@given(st.lists(st.integers(0, 400), max_size=4), st.integers(0, 500), st.data())
def test_looking_whenever_it_says_tells_every_moment_once(days: list[int], first: int, data: st.DataObject) -> None:
    now, told_at, told = before_end(days=first), None, 0
    while True:
        is_due, look_at = plan_notice(END, days, told_at, now)
        if is_due:
            told, told_at = told + 1, now
        assert not plan_notice(END, days, told_at, now)[0]
        if look_at is None:
            break
        assert look_at > now
        now = look_at + timedelta(seconds=data.draw(st.integers(0, 5)))
    to_come = {each for each in {*days, 0} if each < first}
    assert told == len(to_come) + any(each >= first for each in {*days, 0})


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (before_end(days=30), 30),
        (before_end(days=29, seconds=1), 30),
        (before_end(seconds=1), 1),
        (END, 0),
        (before_end(days=-3), 0),
    ],
)
def test_days_left_are_rounded_up(now: datetime, expected: int) -> None:
    assert days_left(END, now) == expected
