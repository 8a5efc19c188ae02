"""What is answered when people were enrolled (contract, section 4)."""

import json
from typing import Any

import pytest

from services.enrollment.answers import Enrolled, enrolled_answer
from services.enrollment.refusals import AlreadyEnrolled, PrerequisiteMissing
from shared.events.states import EnrollmentState
from tests.unit.enrollment.test_rules_transitions import enrollment


def seated(number: int) -> EnrollmentState:
    return enrollment(id=number, employee_id=number + 100)


def waiting(number: int) -> EnrollmentState:
    return enrollment(id=number, employee_id=number + 100, status="waitlisted", holds_seat=False)


def told(*states: EnrollmentState, left: int = 0, waiting_before: int = 0) -> dict[str, Any]:
    answer = enrolled_answer(Enrolled(states, left, waiting_before))
    assert answer.status == 201
    body: dict[str, Any] = json.loads(answer.text)
    return body


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ([seated(1)], "1 employee enrolled successfully"),
        ([seated(1), seated(2)], "2 employees enrolled successfully"),
        ([seated(1), waiting(2)], "1 employee enrolled successfully, 1 put on the waitlist"),
        ([waiting(1), waiting(2)], "0 employees enrolled successfully, 2 put on the waitlist"),
    ],
)
def test_the_message_counts_who_has_a_seat_and_who_waits(states: list[EnrollmentState], message: str) -> None:
    assert told(*states)["message"] == message


def test_the_place_in_line_goes_on_behind_those_who_wait_already() -> None:
    data = told(seated(1), waiting(2), waiting(3), waiting_before=4)["data"]
    assert data == {
        "enrolled_count": 1,
        "enrollments": [
            {"id": 1, "employee_id": 101, "status": "enrolled"},
            {"id": 2, "employee_id": 102, "status": "waitlisted", "waitlist_position": 5},
            {"id": 3, "employee_id": 103, "status": "waitlisted", "waitlist_position": 6},
        ],
        "session_available_spots": 0,
        "waitlisted_count": 2,
    }


def test_those_who_were_refused_are_named_where_that_was_asked_for() -> None:
    refused = ((7, AlreadyEnrolled()), (8, PrerequisiteMissing(["A", "B"])))
    body = json.loads(enrolled_answer(Enrolled((seated(1), waiting(2)), 0, 0, refused)).text)
    assert body["message"] == "1 employee enrolled successfully, 1 put on the waitlist, 2 refused"
    already = "The employee is already enrolled in this session."
    missing = "The employee has not completed: A. The employee has not completed: B."
    assert body["data"]["refused"] == [
        {"employee_id": 7, "code": "already_enrolled", "message": already},
        {"employee_id": 8, "code": "prerequisite_missing", "message": missing},
    ]
    nobody = json.loads(enrolled_answer(Enrolled((seated(1),), 0, 0, ())).text)
    assert (nobody["message"], nobody["data"]["refused"]) == ("1 employee enrolled successfully", [])


def test_nobody_speaks_of_a_waitlist_where_nobody_waits() -> None:
    data = told(seated(1), left=2)["data"]
    assert set(data) == {"enrolled_count", "enrollments", "session_available_spots"}
