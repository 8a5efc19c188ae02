"""The catalog's pure rules: changes, and how a session may move (contract, section 3)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from services.catalog import rules
from services.catalog.errors import CourseNotSelectable, StatusMoveForbidden
from services.catalog.schemas import CourseFields, SessionFields
from shared.errors import ValidationFailed
from shared.validation.fields import STORED

STATUSES = ["scheduled", "in_progress", "completed", "cancelled"]
ALLOWED = {
    ("scheduled", "in_progress"),
    ("scheduled", "cancelled"),
    ("in_progress", "completed"),
    ("in_progress", "cancelled"),
}
START = datetime(2030, 5, 15, 9, tzinfo=UTC)


def course(**changes: Any) -> CourseFields:
    fields = {"title": "T", "category": "safety", "delivery_mode": "online", "duration_hours": 1, "labels": []}
    return CourseFields.model_validate(fields | changes)


def session(**changes: Any) -> SessionFields:
    fields = {
        "course_id": 1,
        "session_name": "May",
        "start_date": START,
        "end_date": START + timedelta(hours=8),
        "max_participants": 20,
    }
    return SessionFields.model_validate(fields | changes)


@pytest.mark.parametrize("wanted", STATUSES)
@pytest.mark.parametrize("current", STATUSES)
def test_a_status_moves_along_the_table_alone(current: str, wanted: str) -> None:
    if current == wanted or (current, wanted) in ALLOWED:
        assert rules.changed_session(session(status=current), {"status": wanted}).status == wanted
    else:
        with pytest.raises(StatusMoveForbidden, match=f"that is {current} cannot become {wanted}"):
            rules.changed_session(session(status=current), {"status": wanted})


def test_a_status_cannot_be_cleared_back_to_scheduled() -> None:
    with pytest.raises(StatusMoveForbidden):
        rules.changed_session(session(status="completed"), {"status": None})


def test_a_session_ends_after_its_start() -> None:
    with pytest.raises(ValidationFailed) as refused:
        rules.changed_session(session(), {"end_date": "2030-05-15T09:00:00Z"})
    assert list(refused.value.details["errors"]) == ["end_date"]


def test_moving_the_start_alone_past_the_end_is_refused() -> None:
    with pytest.raises(ValidationFailed):
        rules.changed_session(session(), {"start_date": "2030-05-16T09:00:00Z"})


def test_the_course_of_a_session_stays() -> None:
    with pytest.raises(ValidationFailed) as refused:
        rules.changed_session(session(), {"course_id": 2})
    assert refused.value.details["errors"] == {"course_id": ["The course of a session cannot be changed."]}


def test_a_member_of_a_facilitator_that_is_not_named_stays() -> None:
    current = session(facilitator={"id": 10, "full_name": "Sarah"})
    changed = rules.changed_session(current, {"facilitator": {"full_name": "Sarah Williams"}})
    assert changed == session(facilitator={"id": 10, "full_name": "Sarah Williams"})


def test_texts_that_were_allowed_stay_at_any_depth_of_a_course() -> None:
    labels = [{"id": 1, "name": "Two\nlines"}]
    fields = course().model_dump() | {"title": "A\ttab", "labels": labels}
    old = CourseFields.model_validate(fields, context=STORED)
    changed = rules.changed_course(1, old, {"pass_score": 5})
    assert (changed.title, changed.labels[0].name, changed.pass_score) == ("A\ttab", "Two\nlines", Decimal(5))
    with pytest.raises(ValidationFailed) as refused:
        rules.changed_course(1, old, {"title": "A\tnew tab"})
    assert list(refused.value.details["errors"]) == ["title"]


def test_texts_that_were_allowed_stay_at_any_depth_of_a_session() -> None:
    facilitator = {"id": 1, "full_name": "Two\nlines"}
    fields = session().model_dump() | {"location": "A\ttab", "facilitator": facilitator}
    old = SessionFields.model_validate(fields, context=STORED)
    changed = rules.changed_session(old, {"max_participants": 5})
    assert (changed.location, changed.facilitator) == (old.location, old.facilitator)
    with pytest.raises(ValidationFailed) as refused:
        rules.changed_session(old, {"location": "A\tnew tab"})
    assert list(refused.value.details["errors"]) == ["location"]


def test_a_course_keeps_what_a_change_does_not_name() -> None:
    current = course(pass_score=70, description="D")
    assert rules.changed_course(1, current, {"title": "U"}) == course(title="U", pass_score=70, description="D")


@pytest.mark.parametrize("field", ["title", "category", "delivery_mode", "duration_hours"])
def test_what_a_course_needs_cannot_be_cleared(field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        rules.changed_course(1, course(), {field: None})
    assert list(refused.value.details["errors"]) == [field]


def test_a_course_is_no_prerequisite_of_itself() -> None:
    with pytest.raises(ValidationFailed) as refused:
        rules.changed_course(7, course(), {"prerequisites": [3, 7]})
    assert refused.value.details["errors"] == {"prerequisites.1": ["A course cannot be its own prerequisite."]}


@pytest.mark.parametrize(
    ("required_by", "ring"),
    [
        ([], []),
        ([(2, 1)], []),
        ([(2, 1), (1, 2)], [1, 2, 1]),
        ([(2, 1), (3, 2), (1, 3)], [1, 2, 3, 1]),
        ([(2, 1), (3, 1), (4, 2), (1, 4), (1, 3)], [1, 3, 1]),
        ([(2, 1), (3, 1), (4, 2), (4, 3), (5, 4), (1, 5)], [1, 2, 4, 5, 1]),
        ([(2, 1), (3, 2), (2, 3)], []),
        ([(1, 2), (1, 3)], []),
    ],
)
def test_a_ring_is_the_shortest_way_back_to_the_course(required_by: list[tuple[int, int]], ring: list[int]) -> None:
    assert rules.ring_of(1, required_by) == ring


def test_courses_that_many_ways_lead_to_are_passed_once() -> None:
    """Else the ways through 40 pairs that all require the next pair were 2^40."""
    layers = range(2, 82, 2)
    pairs = [(upper + a, lower + b) for lower, upper in pairwise(layers) for a in (0, 1) for b in (0, 1)]
    assert rules.ring_of(1, [(2, 1), (3, 1), *pairs]) == []


@pytest.mark.parametrize("status", ["in_progress", "completed", "cancelled"])
def test_a_new_session_is_scheduled(status: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        rules.check_new_session(session(status=status))
    assert refused.value.details["errors"] == {"status": ["A new session must have the status scheduled."]}
    rules.check_new_session(session())


def test_a_course_that_does_not_exist_is_named_by_position() -> None:
    with pytest.raises(CourseNotSelectable) as refused:
        rules.check_courses_exist("prerequisites", [1, 2, 3], {1, 3})
    assert list(refused.value.details["errors"]) == ["prerequisites.1"]


@pytest.mark.parametrize(
    ("before", "after", "agreed", "closing"),
    [
        ({}, {"max_participants": 11}, False, None),
        ({}, {"max_participants": 9}, True, None),
        ({}, {"session_name": "U", "status": "in_progress"}, False, None),
        ({}, {"status": "cancelled"}, True, "cancelled"),
        ({"status": "in_progress"}, {"status": "completed", "max_participants": 20}, True, "completed"),
        ({"status": "completed"}, {"session_name": "U"}, False, None),
        ({"status": "cancelled"}, {"max_participants": 9}, True, None),
    ],
)
def test_what_takes_seats_away_is_agreed(
    before: dict[str, Any], after: dict[str, Any], agreed: bool, closing: str | None
) -> None:
    current = session(max_participants=10, **before)
    changed = rules.changed_session(current, after)
    assert (rules.needs_agreement(current, changed), rules.closing_status(current, changed)) == (agreed, closing)


@pytest.mark.parametrize(
    ("after", "field"),
    [
        ({"max_participants": 9}, "max_participants"),
        ({"status": "cancelled"}, "status"),
        ({"status": "cancelled", "max_participants": 9}, "status"),
        ({"max_participants": 11, "status": "in_progress"}, None),
        ({}, None),
    ],
)
def test_what_is_agreed_is_no_matter_for_a_file(after: dict[str, Any], field: str | None) -> None:
    current = session(max_participants=10)
    changed = rules.changed_session(current, after)
    if field is None:
        rules.check_needs_no_agreement(current, changed)
        return
    with pytest.raises(ValidationFailed) as refused:
        rules.check_needs_no_agreement(current, changed)
    reason = "A file cannot close a session or lower its capacity. Change the session itself."
    assert refused.value.details["errors"] == {field: [reason]}
