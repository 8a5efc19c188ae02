"""Transfers, promotions and absences: who holds a seat afterwards (contract, section 4)."""

from dataclasses import replace

import pytest

from services.enrollment.errors import EmployeeLeft, SessionOfOtherCourse
from services.enrollment.refusals import AlreadyEnrolled, SessionClosed, SessionFull
from services.enrollment.rules import Candidate, Seats
from services.enrollment.transitions import cancelled, marked_absent, promoted, transferred
from shared.postgres.audit import differences
from tests.unit.enrollment.test_rules_transitions import HERE, NEW_THERE, THERE, enrollment

BEGUN = replace(HERE, started=True)
KNOWN_THERE = replace(NEW_THERE, enrolled_already=True)
GONE = replace(NEW_THERE, exists=False)


@pytest.mark.parametrize(
    ("target", "candidate", "refusal"),
    [
        (THERE, GONE, EmployeeLeft),
        (replace(THERE, course_id=2), NEW_THERE, SessionOfOtherCourse),
        (replace(THERE, status="completed"), NEW_THERE, SessionClosed),
        (replace(THERE, status="cancelled"), NEW_THERE, SessionClosed),
        (THERE, KNOWN_THERE, AlreadyEnrolled),
        (replace(THERE, taken=THERE.maximum), NEW_THERE, SessionFull),
        (replace(THERE, course_id=2, status="cancelled", taken=THERE.maximum), GONE, EmployeeLeft),
        (replace(THERE, course_id=2, status="cancelled", taken=THERE.maximum), KNOWN_THERE, SessionOfOtherCourse),
        (replace(THERE, status="cancelled", taken=THERE.maximum), KNOWN_THERE, SessionClosed),
        (replace(THERE, taken=THERE.maximum), KNOWN_THERE, AlreadyEnrolled),
    ],
)
def test_a_transfer_is_refused_for_the_first_reason_there_is(
    target: Seats, candidate: Candidate, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        transferred(enrollment(), target, candidate)


@pytest.mark.parametrize("status", ["enrolled", "waitlisted"])
def test_a_transfer_ends_on_a_seat(status: str) -> None:
    state = transferred(enrollment(status=status, holds_seat=status == "enrolled"), THERE, NEW_THERE)
    assert (state.session_id, state.status, state.holds_seat, state.version) == (9, "enrolled", True, 2)


@pytest.mark.parametrize("status", ["enrolled", "waitlisted"])
def test_a_transfer_to_where_one_is_changes_nothing(status: str) -> None:
    state = enrollment(status=status)
    full_and_closed = replace(HERE, status="cancelled", taken=HERE.maximum)
    assert transferred(state, full_and_closed, KNOWN_THERE) == state


def test_who_is_promoted_gets_a_seat() -> None:
    state = promoted(enrollment(status="waitlisted", holds_seat=False))
    assert (state.status, state.holds_seat, state.version) == ("enrolled", True, 2)


@pytest.mark.parametrize(("seats", "holds_seat"), [(HERE, False), (BEGUN, True)])
def test_an_absence_keeps_its_seat_once_the_session_has_begun(seats: Seats, holds_seat: bool) -> None:
    state = marked_absent(enrollment(), seats)
    assert (state.status, state.holds_seat) == ("absent", holds_seat)
    assert marked_absent(state, seats) == state


def test_a_seat_given_back_before_the_start_stays_given_back() -> None:
    state = marked_absent(enrollment(), HERE)
    assert marked_absent(state, BEGUN) == state


@pytest.mark.parametrize("status", ["enrolled", "waitlisted"])
def test_who_cancels_holds_no_seat(status: str) -> None:
    state = cancelled(enrollment(status=status, holds_seat=status == "enrolled"))
    assert (state.status, state.holds_seat) == ("cancelled", False)
    assert cancelled(state) == state


@pytest.mark.parametrize(
    ("status", "started", "promotes"),
    [
        ("scheduled", False, True),
        ("scheduled", True, False),
        ("in_progress", False, False),
        ("completed", True, False),
        ("cancelled", False, False),
    ],
)
def test_a_freed_seat_is_given_on_only_before_the_start(status: str, started: bool, promotes: bool) -> None:
    assert replace(HERE, status=status, started=started).promotes is promotes


def test_a_change_is_told_by_what_differs() -> None:
    before = enrollment()
    assert differences(before, cancelled(before)) == {
        "status": {"from": "enrolled", "to": "cancelled"},
        "holds_seat": {"from": True, "to": False},
    }


def test_a_new_enrollment_is_told_from_nothing() -> None:
    told = differences(None, enrollment())
    assert told["status"] == {"from": None, "to": "enrolled"}
    assert "score" not in told
