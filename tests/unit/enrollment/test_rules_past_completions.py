"""An imported line makes a record that counts, and says what it says however it is written (contract, section 11)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from services.enrollment import external_records
from services.enrollment.past_completions import Course, Person, Scene, completed, corrected, refusals
from services.enrollment.schemas_imports import CompletionLine
from shared.events.states import Author, Judgement, NamedItem, RecordState, RememberedRecord

NOW = datetime(2026, 5, 15, 9, tzinfo=UTC)
CLERK, OTHER = Author(subject="clerk", name="Clerk"), Author(subject="other", name="Other")
COMPANY = NamedItem(id=7, name="ABC")
LINE = {"key": "K-1", "employee_id": 42, "course_id": 5, "completed_at": "2016-01-31T12:00:00Z"}


def line(**values: Any) -> CompletionLine:
    return CompletionLine.model_validate(LINE | values)


def scene(pass_score: Any = None, months: int | None = None, person: Person | None = None) -> Scene:
    judgement = Judgement(pass_score=pass_score, validity_months=months, time_zone="UTC")
    return Scene(
        {42: person or Person(False, None, COMPANY), 43: Person(False, None, None)},
        {each: Course("First Aid", "online", (NamedItem(id=1, name="Yearly"),), judgement) for each in (5, 6)},
        NOW,
    )


def record(of: CompletionLine | None = None, **values: Any) -> RecordState:
    made = completed(of or line(), scene(), CLERK)
    return RecordState.model_validate({"id": 1, "version": 1, **made, **values})


def fields(*of: Any) -> list[str]:
    return [field for refusal in refusals(*of) for field in refusal.details["errors"]]


def test_it_counts_at_once_and_says_who_brought_it() -> None:
    state = record()
    assert (state.source, state.key, state.status, state.provider) == ("import", "K-1", "accepted", None)
    assert (state.submitted_at, state.submitted_by, state.decided_at, state.decided_by) == (NOW, CLERK, NOW, CLERK)
    assert (state.certifies, state.passed, state.valid_until) == (True, None, None)
    remembered = RememberedRecord(
        training_name="First Aid", labels=(NamedItem(id=1, name="Yearly"),), company=COMPANY, delivery_mode="online"
    )
    assert state.remembered == remembered


@pytest.mark.parametrize(
    ("score", "pass_score", "passed", "certifies"),
    [
        (None, None, None, True),
        (None, 50, None, True),
        (50, 50, True, True),
        (49, 50, False, False),
        (1, None, None, True),
    ],
)
def test_its_course_judges_it(score: Any, pass_score: Any, passed: Any, certifies: bool) -> None:
    made = completed(line(score=score), scene(pass_score), CLERK)
    assert (made["passed"], made["certifies"]) == (passed, certifies)


def test_without_an_end_of_its_own_it_counts_for_the_courses_months() -> None:
    assert completed(line(), scene(months=1), CLERK)["valid_until"] == datetime(2016, 2, 29, 12, tzinfo=UTC)
    own = completed(line(valid_until="2020-01-01T00:00:00Z"), scene(months=1), CLERK)
    assert own["valid_until"] == datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("of", "person", "refused"),
    [
        (line(), None, []),
        (line(completed_at="2026-05-15T09:00:00Z"), None, []),
        (line(completed_at="2026-05-15T09:00:01Z"), None, ["completed_at"]),
        (line(employee_id=44), None, ["employee_id"]),
        (line(), Person(True, None, None), ["employee_id"]),
        (line(), Person(True, 43, None), ["employee_id"]),
        (line(course_id=7), None, ["course_id"]),
        (line(course_id=7, employee_id=44, completed_at="2027-01-01T00:00:00Z"), None,
         ["employee_id", "course_id", "completed_at"]),
    ],
)  # fmt: skip
def test_what_it_is_refused_for(of: CompletionLine, person: Person | None, refused: list[str]) -> None:
    assert fields(of, None, scene(person=person)) == refused


def test_what_was_rejected_stays_so() -> None:
    assert fields(line(), record(), scene()) == []
    assert fields(line(), record(status="rejected", certifies=False), scene()) == ["key"]


def test_a_correction_keeps_who_brought_it_first_and_what_it_remembers() -> None:
    before = record()
    later = Scene(scene().people, {5: Course("Renamed", None, (), scene().courses[5].judgement)}, datetime.now(UTC))
    after = corrected(before, completed(line(score=80), later, OTHER))
    assert (after.version, after.score, after.decided_by, after.decided_at) == (2, Decimal(80), OTHER, later.now)
    assert (after.submitted_by, after.submitted_at, after.remembered) == (CLERK, NOW, before.remembered)


@pytest.mark.parametrize("other", [{"employee_id": 43}, {"course_id": 6}])
def test_a_correction_of_whom_or_what_it_is_about_remembers_anew(other: dict[str, int]) -> None:
    before = record(remembered=RememberedRecord(training_name="Old", labels=(), company=None))
    after = corrected(before, completed(line(**other), scene(), OTHER))
    assert after.remembered is not None
    assert after.remembered.training_name == "First Aid"


@pytest.mark.parametrize(
    ("changes", "is_lost"),
    [
        ({}, False),
        ({"valid_until": NOW}, False),
        ({"certifies": False}, True),
        ({"employee_id": 43}, True),
        ({"course_id": 6}, True),
    ],
)
def test_what_it_certified_is_lost_with_its_person_or_its_course(changes: dict[str, Any], is_lost: bool) -> None:
    assert external_records.lost(record(), record(**changes)) is is_lost
    assert not external_records.lost(record(certifies=False), record(**changes))


@pytest.mark.parametrize(
    ("same", "of"),
    [
        (True, {}),
        (True, {"completed_at": "2016-01-31T13:00:00+01:00"}),
        (True, {"valid_until": None, "score": None, "certificate_url": None}),
        (False, {"completed_at": "2016-01-31T12:00:00.000001Z"}),
        (False, {"employee_id": 43}),
        (False, {"course_id": 6}),
        (False, {"valid_until": "2020-01-01T00:00:00Z"}),
        (False, {"score": 0}),
        (False, {"certificate_url": "https://files.example/7.pdf"}),
    ],
)
def test_a_digest_is_of_what_a_line_says(same: bool, of: dict[str, Any]) -> None:
    assert (line().digest == line(**of).digest) is same


def test_a_number_is_the_same_with_zeros_behind_it() -> None:
    assert len({line(score=each).digest for each in (80, Decimal("80.0"), Decimal("80.00"))}) == 1
    assert line(score=Decimal("80.5")).digest != line(score=80).digest


def test_an_end_lies_behind_its_beginning() -> None:
    with pytest.raises(ValidationError, match="must be after completed_at"):
        line(valid_until=LINE["completed_at"])
