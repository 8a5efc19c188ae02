"""What may become of an enrollment: the pure tables (contract, section 4)."""

import calendar
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrollment.errors import EnrollmentClosed
from services.enrollment.rules import Candidate, Seats
from services.enrollment.schemas import CheckIn, Completion
from services.enrollment.transitions import (
    cancelled,
    check_in_removed,
    checked_in,
    completed,
    marked_absent,
    reopened,
    transferred,
)
from services.enrollment.validity import add_months
from shared.events.states import EnrollmentState, Judgement

NOW = datetime(2026, 5, 15, 17, 10, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
START = NOW - timedelta(hours=8)
HERE = Seats(session_id=8, course_id=1, status="scheduled", started=False, maximum=5, taken=3)
THERE = replace(HERE, session_id=9)
NEW_THERE = Candidate(employee_id=42, exists=True, enrolled_already=False, missing_prerequisites=())


def enrollment(**changes: Any) -> EnrollmentState:
    fields: dict[str, Any] = {
        "id": 301,
        "version": 1,
        "session_id": 8,
        "course_id": 1,
        "employee_id": 42,
        "status": "enrolled",
        "enrolled_at": datetime(2026, 4, 3, tzinfo=UTC),
    }
    status = changes.get("status")
    implied = {"holds_seat": status not in ("cancelled", "waitlisted"), "certifies": status == "completed"}
    nothing = ("score", "passed", "feedback", "certificate_url", "completed_at", "valid_until", "checked_in_at")
    return EnrollmentState.model_validate(dict.fromkeys((*nothing, "check_in_method")) | fields | implied | changes)


def judgement(pass_score: str | None = None, months: int | None = None, time_zone: str = "UTC") -> Judgement:
    mark = None if pass_score is None else Decimal(pass_score)
    return Judgement(pass_score=mark, validity_months=months, time_zone=time_zone)


def complete(
    state: EnrollmentState, course: Judgement | None = None, completion: Completion | None = None, now: datetime = NOW
) -> EnrollmentState:
    return completed(state, course or judgement(), completion or Completion(), START, now)


CHANGES: dict[str, Callable[[EnrollmentState], EnrollmentState]] = {
    "completed": complete,
    "cancelled": cancelled,
    "marked absent": lambda state: marked_absent(state, HERE),
    "checked in": lambda state: checked_in(state, CheckIn(method="manual"), NOW),
    "check-in removed": check_in_removed,
    "reopened": lambda state: reopened(state, HERE, NEW_THERE),
    "transferred": lambda state: transferred(state, THERE, NEW_THERE) if state.session_id == 8 else state,
}
AFTER_COMPLETION = {"check-in removed", "reopened"}
FORBIDDEN = {
    "completed": {"absent", "cancelled", "waitlisted"},
    "cancelled": {"completed", "failed", "absent"},
    "marked absent": {"completed", "failed", "cancelled", "waitlisted"},
    "checked in": {"absent", "cancelled", "waitlisted"},
    "check-in removed": {"absent", "cancelled"},
    "reopened": {"cancelled", "waitlisted"},
    "transferred": {"completed", "failed", "absent", "cancelled"},
}

REASONS = {"check-in removed": "The check-in of an enrollment that is {} cannot be removed."}
"""Where it is not that an enrollment that is {} cannot be changed so."""


@pytest.mark.parametrize("status", ["enrolled", "waitlisted", "completed", "failed", "absent", "cancelled"])
@pytest.mark.parametrize("change", CHANGES)
def test_the_status_decides_what_may_happen(change: str, status: str) -> None:
    state = enrollment(status=status)
    if status in FORBIDDEN[change]:
        with pytest.raises(EnrollmentClosed) as refused:
            CHANGES[change](state)
        reason = REASONS.get(change, f"An enrollment that is {{}} cannot be {change}.")
        assert refused.value.message == reason.format(status)
    else:
        assert CHANGES[change](state).version in (1, 2)


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_change_again_changes_nothing(change: str) -> None:
    before = enrollment()
    if change in AFTER_COMPLETION:
        before = complete(checked_in(before, CheckIn(method="manual"), NOW)).model_copy(update={"version": 1})
    once = CHANGES[change](before)
    assert once.version == 2
    assert CHANGES[change](once) == once


@pytest.mark.parametrize(
    ("pass_score", "score", "passed", "status"),
    [
        ("70", "82", True, "completed"),
        ("70", "70", True, "completed"),
        ("70", "70.00", True, "completed"),
        ("70", "69.99", False, "failed"),
        ("0", "0", True, "completed"),
        ("100", "100", True, "completed"),
        ("70", None, None, "completed"),
        (None, "12", None, "completed"),
        (None, None, None, "completed"),
    ],
)
def test_the_pass_score_decides(pass_score: str | None, score: str | None, passed: bool | None, status: str) -> None:
    completion = Completion(score=None if score is None else Decimal(score))
    state = complete(enrollment(), judgement(pass_score), completion)
    assert (state.passed, state.status, state.completed_at) == (passed, status, NOW)


def test_a_correction_keeps_when_it_was_completed_and_what_it_does_not_name() -> None:
    course = judgement("50", 12)
    first = complete(enrollment(), course, Completion(score=Decimal(40), feedback="No."))
    assert (first.status, first.valid_until) == ("failed", None)
    second = complete(first, course, Completion(score=Decimal(60)), LATER)
    assert (second.status, second.passed, second.feedback, second.version) == ("completed", True, "No.", 3)
    assert (second.completed_at, second.valid_until) == (NOW, datetime(2027, 5, 15, 17, 10, tzinfo=UTC))


def test_null_clears_what_was_said() -> None:
    first = complete(enrollment(), judgement("50"), Completion(score=Decimal(40)))
    second = complete(first, judgement("50"), Completion(score=None), LATER)
    assert (second.score, second.passed, second.status) == (None, None, "completed")


@pytest.mark.parametrize(
    ("time_zone", "valid_until"),
    [
        ("UTC", "2026-02-28T14:00:00+00:00"),
        ("Australia/Sydney", "2026-02-27T14:00:00+00:00"),
        ("America/New_York", "2026-02-28T14:00:00+00:00"),
    ],
)
def test_months_of_validity_are_counted_where_the_organisation_is(time_zone: str, valid_until: str) -> None:
    new_day_in_sydney = datetime(2026, 1, 30, 14, tzinfo=UTC)
    state = complete(enrollment(), judgement(None, 1, time_zone), now=new_day_in_sydney)
    assert state.valid_until == datetime.fromisoformat(valid_until)


def test_a_change_to_summer_time_keeps_the_local_hour() -> None:
    winter = datetime(2026, 3, 1, 12, tzinfo=UTC)
    state = complete(enrollment(), judgement(None, 1, "Europe/Berlin"), now=winter)
    assert state.valid_until == datetime(2026, 4, 1, 11, tzinfo=UTC)


def test_a_failed_one_is_valid_for_no_time() -> None:
    state = complete(enrollment(), judgement("50", 24), Completion(score=Decimal(49)))
    assert state.valid_until is None


def test_a_check_in_keeps_its_first_time_unless_told_otherwise() -> None:
    first = checked_in(enrollment(), CheckIn(method="manual"), NOW)
    assert (first.checked_in_at, first.check_in_method) == (NOW, "manual")
    assert checked_in(first, CheckIn(method="manual"), LATER) == first
    assert checked_in(first, CheckIn(method="qr_code"), LATER) == first
    by_code = checked_in(first, CheckIn(method="qr_code", checked_in_at=LATER), LATER)
    assert (by_code.checked_in_at, by_code.check_in_method, by_code.version) == (LATER, "qr_code", 3)


@pytest.mark.parametrize(
    ("moment", "months", "expected"),
    [
        ("2025-01-31", 1, "2025-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2025-03-31", 1, "2025-04-30"),
        ("2025-12-31", 2, "2026-02-28"),
        ("2025-12-01", 1, "2026-01-01"),
        ("2025-11-30", 1, "2025-12-30"),
        ("2025-05-15", 24, "2027-05-15"),
        ("2025-05-15", 0, "2025-05-15"),
    ],
)
def test_months_are_those_of_the_calendar(moment: str, months: int, expected: str) -> None:
    assert add_months(datetime.fromisoformat(moment), months) == datetime.fromisoformat(expected)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.integers(0, 1200))
def test_months_never_skip_one_and_keep_the_hour(moment: datetime, months: int) -> None:
    later = add_months(moment, months)
    assert (later.year * 12 + later.month) - (moment.year * 12 + moment.month) == months
    assert later.time() == moment.time()
    assert later.day == min(moment.day, calendar.monthrange(later.year, later.month)[1])
