"""How long the next attempt to sign in has to wait."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.accounts.budgets import (
    ACCOUNT_WINDOW,
    ADDRESS_WINDOW,
    LONGEST_WAIT,
    Failures,
    Refusal,
    refusal,
    wait_after,
)

NOW = datetime(2026, 11, 29, 9, tzinfo=UTC)
NONE = Failures(NOW, 0, None, is_known=False, full_account_since=None, full_address_since=None)
SECOND = timedelta(seconds=1)


def test_nobody_waits_who_has_not_failed() -> None:
    assert refusal(NONE) is None


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (9, 0), (10, 10), (11, 20), (12, 40), (16, 640), (17, 900), (10_000, 900)]
)
def test_ten_failures_are_free_and_then_waits_grow(failures: int, seconds: int) -> None:
    assert wait_after(failures) == timedelta(seconds=seconds)


def test_the_wait_is_counted_from_the_last_failure() -> None:
    failed = replace(NONE, of_pair=10, last_of_pair=NOW - 4 * SECOND)
    assert refusal(failed) == Refusal("login_user", 6)
    assert refusal(replace(failed, now=NOW + 5.5 * SECOND)) == Refusal("login_user", 1)
    assert refusal(replace(failed, now=NOW + 6 * SECOND)) is None


def test_nine_failures_just_now_cost_nothing() -> None:
    assert refusal(replace(NONE, of_pair=9, last_of_pair=NOW)) is None


def test_an_account_that_is_full_waits_until_its_window_has_room() -> None:
    full = replace(NONE, full_account_since=NOW - ACCOUNT_WINDOW + 30 * SECOND)
    assert refusal(full) == Refusal("login_account", 30)
    assert refusal(replace(full, now=NOW + 30 * SECOND)) is None


def test_an_account_that_is_full_is_open_to_an_address_that_it_has_signed_in_from() -> None:
    assert refusal(replace(NONE, full_account_since=NOW, is_known=True)) is None


def test_a_known_address_still_waits_for_its_own_failures() -> None:
    failed = replace(NONE, is_known=True, of_pair=10, last_of_pair=NOW, full_account_since=NOW)
    assert refusal(failed) == Refusal("login_user", 10)


def test_an_address_that_is_full_waits_for_its_window_known_or_not() -> None:
    full = replace(NONE, full_address_since=NOW - ADDRESS_WINDOW + SECOND)
    assert refusal(full) == refusal(replace(full, is_known=True)) == Refusal("login_address", 1)


def test_the_longest_of_several_waits_counts() -> None:
    everything = replace(NONE, of_pair=50, last_of_pair=NOW, full_account_since=NOW, full_address_since=NOW)
    assert refusal(everything) == Refusal("login_account", 3600)
    assert refusal(replace(everything, is_known=True)) == Refusal("login_user", int(LONGEST_WAIT.total_seconds()))
