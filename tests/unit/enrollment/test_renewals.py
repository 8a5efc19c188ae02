"""A renewal within the course's window is valid from the end of the certificate that was held (contract, section 4)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.enrollment import transitions, validity
from services.enrollment.schemas import Completion
from shared.events.states import EnrollmentState, Judgement
from tests.unit.enrollment.test_rules_transitions import HERE, NEW_THERE, enrollment

HELD = datetime(2027, 5, 20, 9, tzinfo=UTC)
RENEWED = datetime(2028, 5, 20, 9, tzinfo=UTC)
EARLY = HELD - timedelta(days=10)
START = HELD - timedelta(days=4000)
LATER = HELD + timedelta(days=4000)
TICK = timedelta(microseconds=1)


def judge(**changes: Any) -> Judgement:
    course = {"pass_score": None, "validity_months": 12, "time_zone": "UTC"}
    return Judgement(**course | {"renewal_window_days": 30, "held_until": HELD} | changes)


def complete(state: EnrollmentState, course: Judgement, **given: Any) -> EnrollmentState:
    return transitions.completed(state, course, Completion(**given), START, LATER)


def valid_until(course: Judgement, completed_at: datetime, **given: Any) -> datetime | None:
    return complete(enrollment(), course, completed_at=completed_at, **given).valid_until


def a_year_after(moment: datetime) -> datetime:
    return validity.add_months(moment, 12)


@pytest.mark.parametrize("before", [timedelta(), TICK, timedelta(days=1), timedelta(days=30)], ids=str)
def test_within_the_window_validity_counts_from_the_end_of_what_was_held(before: timedelta) -> None:
    assert valid_until(judge(), HELD - before) == RENEWED


@pytest.mark.parametrize("before", [-TICK, timedelta(days=-1), timedelta(days=30) + TICK, timedelta(days=99)], ids=str)
def test_outside_the_window_validity_counts_from_the_completion(before: timedelta) -> None:
    assert valid_until(judge(), HELD - before) == a_year_after(HELD - before)


@pytest.mark.parametrize("course", [judge(renewal_window_days=None), judge(held_until=None)], ids=["window", "held"])
def test_without_a_window_or_a_certificate_validity_counts_from_the_completion(course: Judgement) -> None:
    assert valid_until(course, EARLY) == a_year_after(EARLY)


def test_what_never_ends_has_no_end_within_the_window_either() -> None:
    assert valid_until(judge(validity_months=None), EARLY) is None


def test_who_fails_renews_nothing() -> None:
    assert valid_until(judge(pass_score=Decimal(70)), EARLY, score=Decimal(69)) is None


def test_the_months_and_the_days_of_the_window_are_those_of_the_time_zone() -> None:
    # Clocks in Sydney go back an hour on 4 April 2027: the end is at 09:00 there, and so is the window's beginning.
    held = datetime(2027, 4, 9, 23, tzinfo=UTC)
    beginning = datetime(2027, 3, 30, 22, tzinfo=UTC)
    course = judge(time_zone="Australia/Sydney", renewal_window_days=10, validity_months=6, held_until=held)
    renewed = datetime(2027, 10, 9, 22, tzinfo=UTC)
    assert valid_until(course, beginning) == renewed
    assert valid_until(course, beginning - TICK) != renewed


def test_a_correction_keeps_what_was_held_and_the_window() -> None:
    first = complete(enrollment(), judge(), completed_at=EARLY)
    today = judge(renewal_window_days=None, held_until=RENEWED)
    remarked = complete(first, today, feedback="Well done")
    assert (remarked.valid_until, remarked.judged_by) == (RENEWED, judge())
    moved = HELD - timedelta(days=31)
    corrected = complete(first, today, completed_at=moved)
    assert (corrected.valid_until, corrected.judged_by) == (a_year_after(moved), judge())
    back = complete(corrected, today, completed_at=HELD)
    assert back.valid_until == RENEWED


def test_a_failure_corrected_to_a_pass_renews_what_was_held_then() -> None:
    failed = complete(enrollment(), judge(pass_score=Decimal(70)), completed_at=EARLY, score=Decimal(69))
    passed = complete(failed, judge(held_until=None), score=Decimal(70))
    assert (passed.status, passed.valid_until) == ("completed", RENEWED)


def test_who_is_completed_after_reopening_is_judged_by_what_is_held_then() -> None:
    first = complete(enrollment(), judge(), completed_at=EARLY)
    again = complete(transitions.reopened(first, HERE, NEW_THERE), judge(held_until=None), completed_at=EARLY)
    assert (again.valid_until, again.judged_by) == (a_year_after(EARLY), judge(held_until=None))


def test_events_of_the_version_before_renew_nothing() -> None:
    earlier = Judgement.model_validate({"pass_score": None, "validity_months": 12, "time_zone": "UTC"})
    assert (earlier.renewal_window_days, earlier.held_until) == (None, None)
