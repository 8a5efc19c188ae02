"""Which of the enrollments of two people who are one stays, and what the other becomes: the pure rules."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrollment.merging import double_bookings
from services.enrollment.transitions import displaced, reassigned
from shared.events.states import EnrollmentState, EnrollmentStatus, Remembered
from tests.unit.enrollment.test_rules_transitions import NOW, enrollment

STATUSES: tuple[EnrollmentStatus, ...] = ("completed", "failed", "absent", "enrolled", "waitlisted", "cancelled")
REMEMBERED = Remembered(
    training_name="First aid", delivery_mode="in_person", labels=(), session_name="May", location=None, projects=(),
    company=None,
)  # fmt: skip
enrollments = st.lists(
    st.builds(
        lambda number, session, status: enrollment(id=number, session_id=session, status=status),
        st.integers(1, 10**6),
        st.integers(8, 10),
        st.sampled_from(STATUSES),
    ),
    max_size=8,
    unique_by=lambda each: each.id,
)


def pair(first: Any, second: Any) -> list[EnrollmentState]:
    return [enrollment(id=301, **first), enrollment(id=302, employee_id=43, **second)]


def doubled(*states: EnrollmentState, standing: tuple[int, ...] = ()) -> list[int]:
    return [each.id for each in double_bookings(states, standing)]


@pytest.mark.parametrize(
    ("first", "second"),
    [(one, other) for place, one in enumerate(STATUSES[:5]) for other in STATUSES[place + 1 : 5]],
)
def test_the_one_that_has_come_further_stays(first: str, second: str) -> None:
    assert doubled(*pair({"status": first}, {"status": second})) == [302]
    assert doubled(*pair({"status": second}, {"status": first})) == [301]


@pytest.mark.parametrize("status", STATUSES[:5])
def test_of_two_that_are_as_far_the_older_stays(status: str) -> None:
    both = pair({"status": status}, {"status": status})
    assert doubled(*both) == doubled(*reversed(both)) == [302]


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ({"status": "completed"}, {"status": "completed", "certifies": False}),
        ({"checked_in_at": NOW}, {"checked_in_at": None}),
    ],
)
def test_a_certificate_or_a_check_in_is_further_than_none(more: Any, less: Any) -> None:
    assert doubled(*pair(less, more)) == [301]
    assert doubled(*pair(more, less)) == [302]


@pytest.mark.parametrize("status", STATUSES)
def test_a_cancelled_one_is_in_nobodys_way(status: str) -> None:
    assert doubled(*pair({"status": "cancelled"}, {"status": status})) == []


def test_in_another_session_nothing_is_double() -> None:
    assert doubled(*pair({"session_id": 8}, {"session_id": 9})) == []


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("completed", "completed", []), ("completed", "enrolled", []), ("enrolled", "enrolled", [302]),
     ("waitlisted", "enrolled", [301]), ("waitlisted", "waitlisted", [302])],
)  # fmt: skip
def test_in_a_standing_session_only_open_ones_are_double(first: str, second: str, expected: list[int]) -> None:
    assert doubled(*pair({"status": first}, {"status": second}), standing=(8,)) == expected


@given(enrollments)
def test_one_of_each_session_is_left_and_only_as_many_go_as_have_to(states: list[EnrollmentState]) -> None:
    going = set(doubled(*states))
    counted = [each for each in states if each.status != "cancelled"]
    left = [each.session_id for each in counted if each.id not in going]
    assert sorted(left) == sorted({each.session_id for each in counted})


def test_one_that_is_displaced_has_no_result_and_no_seat() -> None:
    before = enrollment(status="completed", score=80, passed=True, feedback="x", completed_at=NOW, valid_until=NOW)
    after = displaced(before)
    assert (after.status, after.holds_seat, after.certifies, after.version) == ("cancelled", False, False, 2)
    result = (after.score, after.passed, after.feedback, after.completed_at, after.valid_until, after.judged_by)
    assert set(result) == {None}


@pytest.mark.parametrize("status", STATUSES)
def test_another_person_has_it_and_nothing_else_changes(status: str) -> None:
    before = enrollment(status=status, remembered=None if status in ("enrolled", "waitlisted") else REMEMBERED)
    after = reassigned(before, 7, REMEMBERED.model_copy(update={"session_name": "June"}))
    assert after == before.model_copy(update={"employee_id": 7, "version": 2})


def test_a_closed_record_that_remembers_nothing_does_so_now() -> None:
    assert reassigned(enrollment(status="completed"), 7, REMEMBERED).remembered == REMEMBERED
