"""Transfers, promotions and absences: who holds a seat afterwards (contract, section 4)."""

from dataclasses import replace

import pytest

from services.enrollment.errors import EmployeeLeft, EnrollmentClosed, SessionOfOtherCourse
from services.enrollment.refusals import (
    AlreadyEnrolled,
    Clash,
    PrerequisiteMissing,
    Refusal,
    SessionClosed,
    SessionFull,
    WaitlistAhead,
)
from services.enrollment.rules import Candidate, Granted, Seats, decide_in_order
from services.enrollment.transitions import cancelled, chosen, marked_absent, promoted, reopened, transferred
from shared.postgres.audit import differences
from tests.support.refusals import is_refused
from tests.unit.enrollment.test_rules_decisions import command
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
def test_a_transfer_to_where_one_is_says_so(status: str) -> None:
    full_and_closed = replace(HERE, status="cancelled", taken=HERE.maximum)
    with pytest.raises(AlreadyEnrolled):
        transferred(enrollment(status=status), full_and_closed, KNOWN_THERE)


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


@pytest.mark.parametrize(
    ("status", "ended", "promotes"),
    [
        ("scheduled", False, True),
        ("in_progress", False, True),
        ("in_progress", True, False),
        ("completed", False, False),
        ("cancelled", False, False),
    ],
)
def test_a_standing_session_gives_seats_on_until_its_end(status: str, ended: bool, promotes: bool) -> None:
    standing = replace(HERE, status=status, started=True, self_paced=True, ended=ended)
    assert standing.promotes is promotes


@pytest.mark.parametrize(
    ("waiting", "taken", "refusal", "details"),
    [
        (2, 3, WaitlistAhead, {"waiting": 2}),
        (2, 5, SessionFull, {"available_spots": 0, "requested": 1}),
        (0, 5, SessionFull, {"available_spots": 0, "requested": 1}),
    ],
)
def test_once_nobody_is_promoted_a_newcomer_does_not_pass_those_who_wait(
    waiting: int, taken: int, refusal: type[Refusal], details: dict[str, int]
) -> None:
    begun, newcomer = replace(BEGUN, taken=taken), replace(NEW_THERE, waiting=waiting)
    with pytest.raises(refusal) as refused:
        transferred(enrollment(), replace(begun, session_id=9), newcomer)
    assert refused.value.details.items() >= details.items()
    with pytest.raises(refusal) as refused:
        reopened(enrollment(status="absent", holds_seat=False), begun, newcomer)
    assert refused.value.details.items() >= details.items()
    [outcome] = decide_in_order([command(8, 42)], {(1, 8): begun}, {(1, 8, 42): newcomer})
    assert is_refused(outcome, refusal)
    [outcome] = decide_in_order([command(8, 42, waitlist=True)], {(1, 8): begun}, {(1, 8, 42): newcomer})
    assert isinstance(outcome, Granted)
    assert (outcome.seats, outcome.waiting_before) == (0, waiting)


def test_a_free_seat_that_nobody_waits_for_is_had_after_the_start() -> None:
    assert transferred(enrollment(), replace(BEGUN, session_id=9), NEW_THERE).holds_seat
    assert reopened(enrollment(status="absent", holds_seat=True), BEGUN, replace(NEW_THERE, waiting=1)).holds_seat


def test_while_seats_are_given_on_whoever_is_passed_over_keeps_nobody_out() -> None:
    assert transferred(enrollment(), THERE, replace(NEW_THERE, waiting=1)).holds_seat


WAITS = enrollment(status="waitlisted", holds_seat=False)


def test_the_chosen_one_gets_a_seat_whoever_waits() -> None:
    state = chosen(WAITS, BEGUN, replace(NEW_THERE, waiting=3))
    assert (state.status, state.holds_seat, state.version) == ("enrolled", True, 2)
    assert chosen(state, replace(HERE, status="cancelled"), GONE) == state


def test_over_the_capacity_only_if_that_is_said() -> None:
    full = replace(HERE, taken=HERE.maximum)
    with pytest.raises(SessionFull) as refused:
        chosen(WAITS, full, NEW_THERE)
    assert refused.value.details.items() >= {"available_spots": 0, "requested": 1}.items()
    assert chosen(WAITS, full, NEW_THERE, over_capacity=True).holds_seat
    assert chosen(WAITS, replace(full, taken=full.maximum + 1), NEW_THERE, over_capacity=True).holds_seat


@pytest.mark.parametrize(
    ("seats", "candidate", "refusal"),
    [
        (HERE, GONE, EmployeeLeft),
        (replace(HERE, status="completed"), NEW_THERE, SessionClosed),
        (replace(HERE, status="cancelled"), NEW_THERE, SessionClosed),
        (HERE, replace(NEW_THERE, missing_prerequisites=("Basics",)), PrerequisiteMissing),
        (replace(HERE, booking_clash="refuse"), replace(NEW_THERE, clashes=(7,)), Clash),
    ],
)
def test_the_chosen_one_is_refused_a_seat(seats: Seats, candidate: Candidate, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        chosen(WAITS, seats, candidate, over_capacity=True)


@pytest.mark.parametrize("status", ["completed", "failed", "absent", "cancelled"])
def test_nobody_is_chosen_who_does_not_wait(status: str) -> None:
    with pytest.raises(EnrollmentClosed, match=f"An enrollment that is {status} cannot be promoted."):
        chosen(enrollment(status=status), HERE, NEW_THERE)


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
