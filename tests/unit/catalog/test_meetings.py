"""A session that meets on several dates: its start and end follow from them (contract, section 3)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.catalog.rules import changed_session
from services.catalog.schemas import SessionFields
from shared.errors import ValidationFailed
from shared.validation.fields import STORED
from shared.validation.known_members import invalid

REQUIRED = ["This field is required."]
NO_TIMESTAMP = "Must be an RFC 3339 timestamp with an offset, like 2026-05-15T09:00:00Z."
NINE = datetime(2030, 5, 15, 9, tzinfo=UTC)


def stamp(day: float) -> str:
    return (NINE + timedelta(days=day)).isoformat()


def meeting(number: int, start: float, length: float = 0.1, **fields: Any) -> dict[str, Any]:
    """From a number of days after the first on."""
    return {"id": number, "start_date": stamp(start), "end_date": stamp(start + length), **fields}


def body(*meetings: Any, **fields: Any) -> dict[str, Any]:
    return {"course_id": 1, "session_name": "x", "max_participants": 5, "meetings": list(meetings), **fields}


def session(*meetings: Any, **fields: Any) -> SessionFields:
    return SessionFields.model_validate(body(*meetings, **fields))


def refused(*meetings: Any, **fields: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as raised:
        session(*meetings, **fields)
    errors: dict[str, list[str]] = invalid(raised.value).details["errors"]
    return errors


def test_start_and_end_follow_from_the_meetings_whatever_their_order() -> None:
    fields = session(meeting(2, 7), meeting(1, 0), meeting(3, 14, 0.5, location="Hall"))
    assert [each.id for each in fields.meetings] == [1, 2, 3]
    assert (fields.start_date, fields.end_date) == (NINE, NINE + timedelta(days=14.5))
    assert [each.location for each in fields.meetings] == [None, None, "Hall"]


def test_a_start_and_an_end_that_agree_may_be_given() -> None:
    given = {"start_date": "2030-05-15T11:00:00+02:00", "end_date": stamp(7.1)}
    assert session(meeting(1, 0), meeting(2, 7), **given) == session(meeting(1, 0), meeting(2, 7))
    assert session(meeting(1, 0), start_date=stamp(0)) == session(meeting(1, 0), end_date=stamp(0.1))


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"start_date": stamp(1)}, {"start_date": ["Must be the start of the first meeting."]}),
        ({"end_date": stamp(7)}, {"end_date": ["Must be the end of the last meeting."]}),
        ({"start_date": None}, {"start_date": [NO_TIMESTAMP]}),
    ],
)
def test_others_are_refused(given: dict[str, Any], errors: dict[str, list[str]]) -> None:
    assert refused(meeting(1, 0), meeting(2, 7), **given) == errors


@pytest.mark.parametrize(
    ("meetings", "errors"),
    [
        ([meeting(1, 0), meeting(2, 0.05)], {"meetings": ["Must not overlap."]}),
        ([meeting(1, 0), meeting(1, 7)], {"meetings": ["Must not contain an id more than once."]}),
        ([meeting(1, 0, 0)], {"meetings.0.end_date": ["Must be after the start."]}),
        ([meeting(0, 0)], {"meetings.0.id": ["Input should be greater than or equal to 1."]}),
        ([meeting(1, 0), {"id": 2}], {"meetings.1.start_date": REQUIRED, "meetings.1.end_date": REQUIRED}),
        ([meeting(1, 0, more=1)], {"meetings.0.more": ["Unknown field."]}),
        (
            [meeting(each, each) for each in range(1, 62)],
            {"meetings": ["List should have at most 60 items after validation, not 61."]},
        ),
    ],
)
def test_what_is_wrong_with_the_meetings_is_told_and_nothing_else(
    meetings: list[Any], errors: dict[str, list[str]]
) -> None:
    assert refused(*meetings) == errors


def test_one_meeting_may_begin_when_another_ends_and_60_are_enough() -> None:
    session(meeting(1, 0, 1), meeting(2, 1, 1))
    assert len(session(*(meeting(each, each) for each in range(1, 61))).meetings) == 60


def test_a_session_without_meetings_needs_its_start_and_end() -> None:
    assert refused() == {"start_date": REQUIRED, "end_date": REQUIRED}


def test_meetings_that_are_replaced_move_start_and_end() -> None:
    before = session(meeting(1, 0), meeting(2, 7))
    later = changed_session(before, {"meetings": [meeting(2, 7), meeting(3, 14)]})
    assert later == session(meeting(2, 7), meeting(3, 14))
    assert changed_session(before, {"session_name": "y"}) == session(meeting(1, 0), meeting(2, 7), session_name="y")


@pytest.mark.parametrize("none", [[], None])
def test_without_its_meetings_a_session_keeps_start_and_end(none: Any) -> None:
    before = session(meeting(1, 0), meeting(2, 7))
    once = changed_session(before, {"meetings": none})
    assert (once.meetings, once.start_date, once.end_date) == ([], before.start_date, before.end_date)
    moved = changed_session(once, {"end_date": stamp(8)})
    assert moved.end_date == NINE + timedelta(days=8)


def test_a_start_that_disagrees_with_the_meetings_is_no_change() -> None:
    before = session(meeting(1, 0), meeting(2, 7))
    with pytest.raises(ValidationFailed) as raised:
        changed_session(before, {"start_date": stamp(1)})
    assert raised.value.details["errors"] == {"start_date": ["Must be the start of the first meeting."]}
    assert changed_session(before, {"start_date": None}) == before


def test_a_row_that_a_process_of_the_release_before_moved_is_read_and_mended_by_the_next_change() -> None:
    stored = SessionFields.model_validate(
        body(meeting(1, 0), meeting(2, 7), start_date=stamp(1), end_date=stamp(9)), context=STORED
    )
    assert stored.start_date == NINE + timedelta(days=1)
    assert changed_session(stored, {"session_name": "x"}) == session(meeting(1, 0), meeting(2, 7))
