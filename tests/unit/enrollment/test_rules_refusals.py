"""What a refusal of the rules says: texts and figures that clients show (contract, section 4)."""

from dataclasses import replace

import pytest

from services.enrollment.refusals import (
    KINDS,
    AlreadyEnrolled,
    EmployeeNotSelectable,
    EnrollmentRefused,
    PrerequisiteMissing,
    Refusal,
    SessionClosed,
    SessionFull,
)
from services.enrollment.rules import Candidate, Granted, Seats, decide_in_order, refusals
from services.enrollment.transitions import reopened, transferred
from tests.unit.enrollment.test_rules_decisions import candidate, command, seats
from tests.unit.enrollment.test_rules_transitions import HERE, NEW_THERE, THERE, complete, enrollment

FULL = {"available_spots": 0, "requested": 1}


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_a_closed_session_says_why(status: str) -> None:
    reason = f"The session is {status}; nobody can be enrolled in it."
    told = EnrollmentRefused(refusals(seats(status=status), [candidate()]))
    assert (told.code, told.message, told.details) == ("session_closed", reason, {"errors": {"session_id": [reason]}})
    with pytest.raises(SessionClosed) as refused:
        transferred(enrollment(), replace(THERE, status=status), NEW_THERE)
    assert refused.value.message == reason


def test_nothing_is_reopened_in_a_cancelled_session_which_says_so() -> None:
    with pytest.raises(SessionClosed) as refused:
        reopened(complete(enrollment()), replace(HERE, status="cancelled"), NEW_THERE)
    assert refused.value.message == "The session is cancelled; nobody can be enrolled in it."


def test_nobody_is_reopened_beside_an_open_record() -> None:
    absent, again = enrollment(status="absent", holds_seat=False), replace(NEW_THERE, has_open_record=True)
    with pytest.raises(AlreadyEnrolled) as refused:
        reopened(absent, replace(HERE, taken=HERE.maximum), again)
    assert refused.value.details == {"errors": {"session_id": ["The employee is already enrolled in this session."]}}
    assert reopened(absent, HERE, replace(NEW_THERE, enrolled_already=True)).status == "enrolled"


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
    assert granted == Granted((1,), 1, 4)
    assert isinstance(refused, EnrollmentRefused)
    assert (refused.code, list(refused.details["errors"])) == ("already_enrolled", ["employee_ids.1"])


ANYBODY = candidate()
STRANGER, THERE_ALREADY = candidate(exists=False), candidate(enrolled=True)
UNPREPARED = Candidate(1, True, False, ("Basics", "First aid"))


@pytest.mark.parametrize(
    ("session", "people", "code", "details"),
    [
        (
            seats(),
            [ANYBODY, THERE_ALREADY, STRANGER, UNPREPARED],
            "validation_failed",
            {
                "errors": {
                    "employee_ids.1": ["The employee is already enrolled in this session."],
                    "employee_ids.2": ["The selected employee does not exist."],
                    "employee_ids.3": [
                        "The employee has not completed: Basics.",
                        "The employee has not completed: First aid.",
                    ],
                }
            },
        ),
        (
            seats(status="cancelled"),
            [STRANGER, ANYBODY, THERE_ALREADY],
            "validation_failed",
            {
                "errors": {
                    "employee_ids.0": ["The selected employee does not exist."],
                    "session_id": ["The session is cancelled; nobody can be enrolled in it."],
                }
            },
        ),
        (
            seats(maximum=1),
            [THERE_ALREADY, ANYBODY, ANYBODY],
            "already_enrolled",
            {
                "available_spots": 1,
                "requested": 2,
                "errors": {
                    "employee_ids.0": ["The employee is already enrolled in this session."],
                    "session_id": ["Session is at capacity. Only 1 spot remaining. You requested 2 enrollments."],
                },
            },
        ),
        (
            seats(maximum=1),
            [THERE_ALREADY, ANYBODY],
            "already_enrolled",
            {"errors": {"employee_ids.0": ["The employee is already enrolled in this session."]}},
        ),
    ],
)
def test_all_kinds_of_refusal_are_told(
    session: Seats, people: list[Candidate], code: str, details: dict[str, object]
) -> None:
    told = EnrollmentRefused(refusals(session, people))
    assert (told.code, told.message) == (code, "The given data was invalid.")
    assert told.details == details


def test_each_kind_is_told_however_many_refusals_there_are() -> None:
    unprepared = Candidate(1, True, False, tuple(f"Course {number}" for number in range(50)))
    people = [*[STRANGER] * 30, unprepared, THERE_ALREADY, ANYBODY]
    told = EnrollmentRefused(refusals(seats(maximum=0), people))
    errors = told.details["errors"]
    assert {"employee_ids.0", "employee_ids.30", "employee_ids.31", "session_id"} == set(errors)
    assert told.details["errors_omitted"] == 29 + 50 + 1 + 1 + 1 - 20
    assert told.code == "validation_failed"


def test_reasons_that_are_not_listed_are_counted_once() -> None:
    unprepared = Candidate(1, True, False, tuple(f"Course {number}" for number in range(50)))
    alone = EnrollmentRefused(refusals(seats(), [unprepared]))
    assert (alone.details["errors_omitted"], len(alone.details["errors"]["employee_ids.0"])) == (30, 20)
    assert alone.message == "The given data was invalid. 30 more errors are not listed."


def test_the_seats_go_to_the_first_who_can_be_enrolled() -> None:
    refused = refusals(seats(maximum=2), [ANYBODY, STRANGER, ANYBODY, ANYBODY])
    assert {place: type(refusal) for place, refusal in refused.items()} == {1: EmployeeNotSelectable, 3: SessionFull}
    assert list(refused) == [1, 3]
    assert refused[3].details == {"available_spots": 2, "requested": 3}


def test_of_a_partial_wish_those_who_can_be_are_enrolled_and_the_others_are_named() -> None:
    known = {(1, 1, 1): STRANGER} | {(1, 1, person): replace(ANYBODY, employee_id=person) for person in (2, 3)}
    [granted] = decide_in_order([command(1, 1, 3, 2, partial=True)], {(1, 1): seats(maximum=1)}, known)
    assert isinstance(granted, Granted)
    assert (granted.employee_ids, granted.seats, granted.available_spots) == ((3,), 1, 0)
    refused = [(person, type(refusal)) for person, refusal in granted.refused]
    assert refused == [(1, EmployeeNotSelectable), (2, SessionFull)]


def test_of_a_partial_wish_that_nobody_fits_all_are_refused() -> None:
    known = {(1, 1, 1): STRANGER, (1, 1, 2): THERE_ALREADY}
    [refused] = decide_in_order([command(1, 1, 2, partial=True)], {(1, 1): seats()}, known)
    assert isinstance(refused, EnrollmentRefused)
    assert list(refused.refusals) == [0, 1]


def test_a_refusal_says_all_its_reasons_in_one_text_of_bounded_length() -> None:
    assert (
        PrerequisiteMissing(["A", "B"]).text == "The employee has not completed: A. The employee has not completed: B."
    )
    assert len(PrerequisiteMissing(["A" * 255, "B" * 255]).text) == 300


def test_a_refusal_of_one_person_alone_names_the_session() -> None:
    with pytest.raises(Refusal) as refused:
        transferred(enrollment(), THERE, replace(NEW_THERE, enrolled_already=True))
    assert refused.value.details == {"errors": {"session_id": ["The employee is already enrolled in this session."]}}


def test_every_kind_has_its_place_in_the_order() -> None:
    assert set(KINDS) == set(Refusal.__subclasses__())
