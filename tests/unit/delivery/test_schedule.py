"""When messages are tried again, and when endpoints are given up."""

from datetime import UTC, datetime, timedelta

import pytest

from services.delivery.sending.schedule import (
    MOST_TRIES,
    PAUSES,
    is_success,
    pause_after,
    reason_to_disable,
    retry_after,
)

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
NONE = timedelta()


def test_ten_tries_take_three_days_or_more_whatever_chance_says() -> None:
    assert MOST_TRIES == 10
    for chance in (0.0, 0.5, 1.0):
        pauses = [pause_after(tries, NONE, chance) for tries in range(1, MOST_TRIES)]
        total = sum((pause for pause in pauses if pause is not None), NONE)
        assert timedelta(days=3) <= total <= timedelta(days=3.5)
    assert pause_after(MOST_TRIES, NONE, 0.5) is None
    assert pause_after(MOST_TRIES + 1, NONE, 0.5) is None


def test_pauses_grow_and_are_spread() -> None:
    assert list(PAUSES) == sorted(PAUSES)
    assert pause_after(1, NONE, 0) == timedelta(seconds=5)
    assert pause_after(1, NONE, 1) == timedelta(seconds=5.5)
    assert pause_after(9, NONE, 0) == timedelta(hours=24)


def test_an_endpoint_can_ask_for_a_later_try_and_not_for_an_earlier_one() -> None:
    assert pause_after(1, timedelta(minutes=2), 0) == timedelta(minutes=2)
    assert pause_after(1, timedelta(minutes=2), 1) == timedelta(minutes=2.2)
    assert pause_after(2, timedelta(seconds=1), 0) == timedelta(minutes=5)
    assert pause_after(MOST_TRIES, timedelta(minutes=2), 0) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("86400", 86400),
        ("86401", 86400),
        ("9999999999", 86400),
        ("99999999999", 0),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("٣", 0),
        (f"Sun, 29 Nov {'9' * 20} 12:01:00 GMT", 0),
        (f"Sun, 29 Nov 2026 12:01:00 +{'9' * 20}", 0),
        ("Sun, 29 Nov 2026 12:01:00 GMT", 60),
        ("Sun, 29 Nov 2026 12:01:00", 60),
        ("Sun, 29 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 29 Nov 2099 11:00:00 GMT", 86400),
        ("Sun, 99 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 29 Nov 2026 12:01:00 +9999999999", 0),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(header: str | None, seconds: int) -> None:
    assert retry_after(header, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("status", "success"), [(200, True), (204, True), (299, True), (199, False), (300, False),
                                                 (302, False), (410, False), (500, False), (None, False)])  # fmt: skip
def test_only_2xx_is_success(status: int | None, success: bool) -> None:
    assert is_success(status) is success


def test_what_is_gone_or_has_failed_for_five_days_is_disabled() -> None:
    before_five_days = NOW - timedelta(days=5)
    assert reason_to_disable(NOW, NOW, gone=True) == "gone"
    assert reason_to_disable(before_five_days, NOW, gone=True) == "gone"
    assert reason_to_disable(before_five_days, NOW, gone=False) == "failing"
    assert reason_to_disable(before_five_days + timedelta(seconds=1), NOW, gone=False) is None
