"""What a refusal of the rules says: texts and figures that clients show (contract, section 4)."""

from dataclasses import replace

import pytest

from services.enrollment.errors import AlreadyEnrolled, SessionClosed, SessionFull
from services.enrollment.rules import Granted, check_enrollment, decide_in_order
from services.enrollment.transitions import reopened, transferred
from tests.unit.enrollment.test_rules_decisions import candidate, command, seats
from tests.unit.enrollment.test_rules_transitions import HERE, NEW_THERE, THERE, complete, enrollment

FULL = {"available_spots": 0, "requested": 1}


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_a_closed_session_says_why(status: str) -> None:
    reason = f"The session is {status}; nobody can be enrolled in it."
    with pytest.raises(SessionClosed) as refused:
        check_enrollment(seats(status=status), [candidate()])
    assert refused.value.message == reason
    with pytest.raises(SessionClosed) as refused:
        transferred(enrollment(), replace(THERE, status=status), NEW_THERE)
    assert refused.value.message == reason


def test_nothing_is_reopened_in_a_cancelled_session_which_says_so() -> None:
    with pytest.raises(SessionClosed) as refused:
        reopened(complete(enrollment()), replace(HERE, status="cancelled"), NEW_THERE)
    assert refused.value.message == "The session is cancelled; nobody can be enrolled in it."


def test_a_full_session_says_that_one_seat_was_asked_for() -> None:
    full = replace(THERE, taken=THERE.maximum)
    with pytest.raises(SessionFull) as refused:
        transferred(enrollment(), full, NEW_THERE)
    assert refused.value.details.items() >= FULL.items()
    with pytest.raises(SessionFull) as refused:
        reopened(enrollment(status="absent", holds_seat=False), full, NEW_THERE)
    assert refused.value.details.items() >= FULL.items()


def test_of_two_wishes_for_one_person_the_second_is_refused() -> None:
    wishes = [command(1, 1), command(1, 2, 1)]
    known = {(1, 1, person): candidate(person) for person in (1, 2)}
    granted, refused = decide_in_order(wishes, {(1, 1): seats()}, known)
    assert granted == Granted(1, 4)
    assert isinstance(refused, AlreadyEnrolled)
    assert list(refused.details["errors"]) == ["employee_ids.1"]
