"""A result is judged once, and can be taken back: the pure rules (contract, section 4)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from services.enrollment import transitions, validity
from services.enrollment.errors import (
    CheckedIn,
    CheckInKept,
    CompletedAtNotPossible,
    EmployeeLeft,
)
from services.enrollment.refusals import SessionClosed, SessionFull
from services.enrollment.schemas import CheckIn, Completion
from shared.errors import ApiError
from shared.events.states import EnrollmentState, Judgement
from tests.support.lives import Model, Refused, Step, lives
from tests.unit.enrollment.test_rules_transitions import HERE, LATER, NEW_THERE, NOW, START, enrollment, judgement

FULL = replace(HERE, taken=HERE.maximum)
PASSED = Completion(score=Decimal(75))


def complete(state: EnrollmentState, course: Judgement, now: datetime = NOW, **given: Any) -> EnrollmentState:
    return transitions.completed(state, course, Completion(**given), START, now)


@pytest.mark.parametrize("again", [{"score": Decimal(75)}, {}, {"score": Decimal("75.00"), "completed_at": NOW}])
def test_an_old_result_repeated_changes_nothing_whatever_the_course_asks_now(again: dict[str, Any]) -> None:
    first = complete(enrollment(), judgement("70", 24), score=Decimal(75))
    assert complete(first, judgement("80", 12), LATER, **again) is first


@pytest.mark.parametrize(
    ("correction", "status", "certifies"),
    [
        ({"feedback": "Well done"}, "completed", True),
        ({"score": Decimal(71)}, "completed", True),
        ({"score": Decimal(69)}, "failed", False),
        ({"score": None}, "completed", False),
    ],
)
def test_a_correction_is_judged_by_what_was_kept(correction: dict[str, Any], status: str, certifies: bool) -> None:
    first = complete(enrollment(), judgement("70", 24), score=Decimal(75))
    state = complete(first, judgement("80", 12, "Asia/Tokyo"), LATER, **correction)
    assert (state.status, state.certifies, state.version) == (status, certifies, 3)
    assert (state.judged_by, state.completed_at) == (first.judged_by, NOW)
    assert state.valid_until == (first.valid_until if certifies else None)


@pytest.mark.parametrize(
    ("pass_score", "score", "passed", "certifies"),
    [
        (None, None, None, True),
        (None, "5", None, True),
        ("70", "70", True, True),
        ("70", "69.99", False, False),
        ("70", None, None, False),
    ],
)
def test_without_a_pass_mark_or_passed_a_completion_certifies(
    pass_score: str | None, score: str | None, passed: bool | None, certifies: bool
) -> None:
    state = complete(enrollment(), judgement(pass_score, 12), score=None if score is None else Decimal(score))
    assert (state.passed, state.certifies) == (passed, certifies)
    assert (state.valid_until is not None) == certifies


def test_a_failed_one_whose_score_is_taken_away_certifies_nothing() -> None:
    failed = complete(enrollment(), judgement("70", 12), score=Decimal(40))
    state = complete(failed, judgement("70", 12), score=None)
    assert (state.status, state.passed, state.certifies, state.valid_until) == ("completed", None, False, None)


def test_what_was_completed_unjudged_is_judged_when_its_result_is_corrected() -> None:
    unjudged = enrollment(status="completed", completed_at=NOW, valid_until=LATER)
    remarked = complete(unjudged, judgement("70", 12), LATER, feedback="Well done")
    assert (remarked.certifies, remarked.valid_until, remarked.judged_by) == (True, LATER, None)
    judged = complete(unjudged, judgement("70", 12), LATER, score=Decimal(40))
    assert (judged.status, judged.certifies, judged.judged_by) == ("failed", False, judgement("70", 12))


SYDNEY_10_AM = datetime(2027, 1, 14, 23, tzinfo=UTC)
"""Of the 15th."""
FRIDAY_8_AM = datetime(2027, 1, 14, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "completed_at", "refusal"),
    [
        (FRIDAY_8_AM, FRIDAY_8_AM, None),
        (FRIDAY_8_AM, datetime(2027, 1, 14, 13, tzinfo=UTC), None),
        (FRIDAY_8_AM, datetime(2027, 1, 14, 12, 59, tzinfo=UTC), "before 2027-01-15"),
        (FRIDAY_8_AM, SYDNEY_10_AM, None),
        (FRIDAY_8_AM, SYDNEY_10_AM + timedelta(microseconds=1), "in the future"),
        (FRIDAY_8_AM - timedelta(days=400), FRIDAY_8_AM - timedelta(days=400), None),
        (FRIDAY_8_AM + timedelta(days=7), datetime(2027, 1, 14, 13, tzinfo=UTC), None),
        (FRIDAY_8_AM + timedelta(days=7), datetime(2027, 1, 14, 12, 59, tzinfo=UTC), "before 2027-01-15"),
    ],
)
def test_completed_at_is_from_the_day_of_the_session_to_now(
    start: datetime, completed_at: datetime, refusal: str | None
) -> None:
    completion, course = Completion(completed_at=completed_at), judgement(None, 1, "Australia/Sydney")
    if refusal is not None:
        with pytest.raises(CompletedAtNotPossible) as refused:
            transitions.completed(enrollment(), course, completion, start, SYDNEY_10_AM)
        assert refused.value.details["errors"] == {"completed_at": [f"The completed_at must not be {refusal}."]}
        return
    state = transitions.completed(enrollment(), course, completion, start, SYDNEY_10_AM)
    assert state.completed_at == completed_at
    assert state.valid_until is not None
    assert state.valid_until - completed_at == timedelta(days=31)
    assert state.valid_until.tzinfo is UTC


def test_a_day_of_23_hours_begins_at_its_own_midnight() -> None:
    zone = judgement(None, None, "Europe/Berlin")
    start, now = datetime(2027, 3, 28, 7, tzinfo=UTC), datetime(2027, 3, 28, 18, tzinfo=UTC)
    midnight = datetime(2027, 3, 27, 23, tzinfo=UTC)
    assert (
        transitions.completed(enrollment(), zone, Completion(completed_at=midnight), start, now).completed_at
        == midnight
    )
    with pytest.raises(CompletedAtNotPossible):
        transitions.completed(
            enrollment(), zone, Completion(completed_at=midnight - timedelta(microseconds=1)), start, now
        )


def test_the_date_of_a_completion_can_be_corrected() -> None:
    first = complete(enrollment(), judgement("70", 24), score=Decimal(75))
    earlier = NOW - timedelta(hours=3)
    second = complete(first, judgement("80", 12), LATER, completed_at=earlier)
    assert (second.completed_at, second.valid_until) == (earlier, datetime(2028, 5, 15, 14, 10, tzinfo=UTC))
    assert second.version == 3


def test_a_score_is_corrected_although_the_session_was_moved_to_a_later_day() -> None:
    first = complete(enrollment(), judgement("70"), score=Decimal(60))
    correction, moved = Completion(score=Decimal(75)), NOW + timedelta(days=3)
    second = transitions.completed(first, judgement("70"), correction, moved, NOW + timedelta(days=5))
    assert (second.status, second.completed_at) == ("completed", NOW)


def test_the_date_of_a_completion_cannot_be_cleared() -> None:
    with pytest.raises(ValueError, match="cannot be cleared"):
        Completion.model_validate({"completed_at": None})


@pytest.mark.parametrize("change", ["complete", "fail", "absent"])
def test_reopening_takes_the_result_back(change: str) -> None:
    before = enrollment()
    ended: dict[str, Callable[[], EnrollmentState]] = {
        "complete": lambda: complete(before, judgement("70", 12), score=Decimal(75), feedback="Well done"),
        "fail": lambda: complete(before, judgement("70", 12), score=Decimal(5)),
        "absent": lambda: transitions.marked_absent(before, HERE),
    }
    state = transitions.reopened(ended[change](), HERE, NEW_THERE)
    assert state == before.model_copy(update={"version": 3})


def test_reopening_keeps_the_check_in() -> None:
    attended = complete(transitions.checked_in(enrollment(), CheckIn(method="kiosk"), NOW), judgement())
    state = transitions.reopened(attended, HERE, NEW_THERE)
    assert (state.checked_in_at, state.check_in_method) == (NOW, "kiosk")


def test_a_seat_that_was_given_back_has_to_be_free_again() -> None:
    gave_back = transitions.marked_absent(enrollment(), HERE)
    kept = transitions.marked_absent(enrollment(), replace(FULL, started=True))
    with pytest.raises(SessionFull):
        transitions.reopened(gave_back, FULL, NEW_THERE)
    assert transitions.reopened(kept, FULL, NEW_THERE).holds_seat
    assert transitions.reopened(gave_back, HERE, NEW_THERE).holds_seat


def test_nothing_is_reopened_in_a_cancelled_session_or_for_who_has_left() -> None:
    done = complete(enrollment(), judgement())
    with pytest.raises(SessionClosed):
        transitions.reopened(done, replace(HERE, status="cancelled"), NEW_THERE)
    with pytest.raises(EmployeeLeft):
        transitions.reopened(done, HERE, replace(NEW_THERE, exists=False))
    assert transitions.reopened(done, replace(HERE, status="completed"), NEW_THERE).status == "enrolled"
    still_open = enrollment()
    assert transitions.reopened(still_open, replace(HERE, status="cancelled"), NEW_THERE) == still_open


def test_nobody_is_absent_who_is_checked_in() -> None:
    present = transitions.checked_in(enrollment(), CheckIn(method="kiosk"), NOW)
    with pytest.raises(CheckedIn):
        transitions.marked_absent(present, HERE)
    assert transitions.marked_absent(transitions.check_in_removed(present), HERE).status == "absent"
    both = present.model_copy(update={"status": "absent"})  # as an earlier version recorded it
    assert transitions.marked_absent(both, HERE) == both
    with pytest.raises(CheckInKept):
        transitions.check_in_removed(both)


def test_a_transfer_leaves_the_check_in_behind() -> None:
    present = transitions.checked_in(enrollment(), CheckIn(method="kiosk"), NOW)
    state = transitions.transferred(present, replace(HERE, session_id=9), NEW_THERE)
    assert (state.session_id, state.checked_in_at, state.check_in_method) == (9, None, None)


class Life:
    """The rules, in the world of a model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.state = enrollment(session_id=1)

    def complete(self, given: dict[str, Any]) -> EnrollmentState:
        mark, months = self.model.course
        course = Judgement(pass_score=mark, validity_months=months, time_zone="UTC")
        return transitions.completed(self.state, course, Completion(**given), self.model.start, self.model.now)

    def take(self, what: str, value: Any) -> None:
        seats = replace(HERE, session_id=3 - self.state.session_id, started=self.model.start <= self.model.now)
        changes: dict[str, Callable[[], EnrollmentState]] = {
            "complete": lambda: self.complete(self.model.given(value)),
            "reopen": lambda: transitions.reopened(self.state, seats, NEW_THERE),
            "absent": lambda: transitions.marked_absent(self.state, seats),
            "cancel": lambda: transitions.cancelled(self.state),
            "check_in": lambda: transitions.checked_in(self.state, CheckIn(method="manual"), self.model.now),
            "remove_check_in": lambda: transitions.check_in_removed(self.state),
            "transfer": lambda: transitions.transferred(self.state, seats, NEW_THERE),
        }
        if what in changes:
            self.state = changes[what]()


def recorded(state: EnrollmentState | Model) -> tuple[Any, ...]:
    names = ("status", "score", "feedback", "passed", "certifies", "completed_at", "valid_until")
    return tuple(getattr(state, name) for name in names)


def is_refused(take: Callable[[str, Any], None], step: Step) -> bool:
    try:
        take(*step)
    except (Refused, ApiError):
        return True
    return False


@given(lives(20))
def test_every_life_is_as_the_model_has_it(steps: list[Step]) -> None:
    model = Model()
    life = Life(model)
    for step in steps:
        before = life.state
        assert is_refused(life.take, step) == is_refused(model.take, step)
        state = life.state
        assert recorded(state) == recorded(model)
        assert (state.session_id, state.checked_in_at is not None) == (model.session, model.checked_in)
        assert state.version == before.version + (state != before)
        if step[0] != "transfer":
            is_refused(life.take, step)
            assert life.state == state, "the same again changes nothing"


@pytest.mark.parametrize(
    "mistake", ["judged by the course as it is now", "certified by every completion", "reopened with its result"]
)
def test_control_a_wrong_rule_is_found(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    judged, completed, reopened = validity.judged, transitions.completed, transitions.reopened
    wrong: dict[str, tuple[str, Callable[..., Any]]] = {
        "judged by the course as it is now": (
            "completed",
            lambda state, *rest: completed(state.model_copy(update={"judged_by": None}), *rest),
        ),
        "certified by every completion": ("judged", lambda *given: judged(*given) | {"certifies": True}),
        "reopened with its result": (
            "reopened",
            lambda state, *rest: reopened(state, *rest).model_copy(update={"score": state.score}),
        ),
    }
    monkeypatch.setattr(transitions, *wrong[mistake])
    with pytest.raises(AssertionError):
        test_every_life_is_as_the_model_has_it()
