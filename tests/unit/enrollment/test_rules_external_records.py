"""Training done elsewhere is accepted by somebody else, and judged by its course then (contract, section 4)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.enrollment.errors import CompletedAtNotPossible, EmployeeLeft, OwnRecord, RecordRejectedBefore
from services.enrollment.external_records import (
    Subject,
    accepted,
    check_completed_at,
    check_may_submit,
    reassigned,
    rejected,
    submissions_of,
)
from shared.auth.internal_token import ENROLL, ENROLL_COMPANY, ENROLL_SELF, MANAGE, RECORD, VIEW, Caller
from shared.auth.sight import EVERYBODY, Sight
from shared.errors import PermissionDenied
from shared.events.states import Author, Judgement, RecordState, RememberedRecord

NOW = datetime(2026, 5, 15, 9, tzinfo=UTC)
DONE = datetime(2026, 1, 31, 12, tzinfo=UTC)
PERSON = 42
CURRENT = RememberedRecord(training_name="First Aid", labels=(), company=None)


def caller(*permissions: str, subject: str = "judge", person: int | None = None, companies: Any = ()) -> Caller:
    return Caller(7, subject, subject.title(), "staff", frozenset(permissions), person, companies)


def record(**values: Any) -> RecordState:
    fields: dict[str, Any] = {
        "id": 1, "version": 1, "employee_id": PERSON, "course_id": 5, "training_name": None, "provider": "Red Cross",
        "status": "pending", "completed_at": DONE, "valid_until": None, "score": None, "passed": None,
        "certificate_url": None, "evidence": None, "submitted_at": NOW,
        "submitted_by": Author(subject="clerk", name="Clerk"), "decided_at": None, "decided_by": None, "reason": None,
        "certifies": False,
    }  # fmt: skip
    return RecordState.model_validate(fields | values)


def subject(pass_score: Any = None, months: int | None = None, *, present: bool = True, course: bool = True) -> Subject:
    judgement = Judgement(pass_score=pass_score, validity_months=months, time_zone="UTC")
    return Subject(present, None, judgement if course else None, False, CURRENT, NOW)


def test_what_is_accepted_says_by_whom_and_when_and_remembers() -> None:
    after = accepted(record(), subject(), caller(RECORD))
    assert (after.status, after.version, after.certifies) == ("accepted", 2, True)
    assert (after.decided_at, after.decided_by) == (NOW, Author(subject="judge", name="Judge"))
    assert after.remembered == CURRENT


@pytest.mark.parametrize(
    ("own", "months", "until"),
    [
        (None, None, None),
        (None, 1, datetime(2026, 2, 28, 12, tzinfo=UTC)),
        (NOW, 1, NOW),
        (NOW, None, NOW),
    ],
)
def test_it_is_valid_until_its_own_end_or_for_the_courses_months(
    own: datetime | None, months: int | None, until: datetime | None
) -> None:
    assert accepted(record(valid_until=own), subject(months=months), caller(RECORD)).valid_until == until


@pytest.mark.parametrize(
    ("score", "pass_score", "passed"),
    [(None, None, None), (80, None, None), (None, 50, None), (50, 50, True), (Decimal("49.99"), 50, False)],
)
def test_a_score_is_judged_by_the_course(score: Any, pass_score: Any, passed: bool | None) -> None:
    after = accepted(record(score=score), subject(pass_score), caller(RECORD))
    assert (after.passed, after.certifies) == (passed, passed is not False)


def test_training_of_no_course_certifies_nothing() -> None:
    before = record(course_id=None, training_name="First Aid", valid_until=NOW, score=10)
    after = accepted(before, subject(course=False), caller(RECORD))
    assert (after.status, after.passed, after.certifies, after.valid_until) == ("accepted", None, False, NOW)


@pytest.mark.parametrize("status", ["pending", "accepted", "rejected"])
@pytest.mark.parametrize("who", [caller(RECORD, subject="clerk"), caller(RECORD, person=PERSON)])
def test_nobody_accepts_their_own(status: str, who: Caller) -> None:
    with pytest.raises(OwnRecord):
        accepted(record(status=status), subject(), who)


def test_who_has_another_person_accepts_it() -> None:
    assert accepted(record(), subject(), caller(RECORD, person=PERSON + 1)).status == "accepted"


def test_accepting_again_changes_nothing_whatever_became_of_person_and_course() -> None:
    before = accepted(record(), subject(), caller(RECORD))
    assert accepted(before, subject(50, 1, present=False), caller(RECORD, subject="other")) == before


def test_what_is_rejected_stays_so() -> None:
    with pytest.raises(RecordRejectedBefore):
        accepted(record(status="rejected"), subject(), caller(RECORD))


def test_nothing_is_accepted_of_somebody_who_left() -> None:
    with pytest.raises(EmployeeLeft):
        accepted(record(), subject(present=False), caller(RECORD))


@pytest.mark.parametrize("who", ["judge", "clerk"])
def test_rejecting_says_why_and_certifies_no_more(who: str) -> None:
    before = accepted(record(), subject(months=12), caller(RECORD))
    later = replace(subject(present=False), current=CURRENT.model_copy(update={"training_name": "Renamed"}))
    after = rejected(before, "Forged", later, caller(RECORD, subject=who))
    assert (after.status, after.reason, after.certifies, after.version) == ("rejected", "Forged", False, 3)
    assert after.decided_by == Author(subject=who, name=who.title())
    assert after.remembered == CURRENT
    assert rejected(after, "Another reason", later, caller(RECORD)) == after


def test_merging_changes_the_person_alone() -> None:
    before = accepted(record(), subject(), caller(RECORD))
    assert reassigned(before, 43) == before.model_copy(update={"employee_id": 43, "version": 3})


def test_nothing_was_completed_in_the_future() -> None:
    check_completed_at(NOW, NOW)
    with pytest.raises(CompletedAtNotPossible):
        check_completed_at(NOW + timedelta(microseconds=1), NOW)


@pytest.mark.parametrize(
    ("who", "reach"),
    [
        (caller(RECORD), EVERYBODY),
        (caller(MANAGE), EVERYBODY),
        (caller(ENROLL), EVERYBODY),
        (caller(ENROLL_SELF, person=PERSON), Sight(person=PERSON)),
        (caller(ENROLL_COMPANY, companies=(7,)), Sight(companies=(7,))),
        (caller(VIEW, person=PERSON, companies=(7,)), Sight()),
    ],
)
def test_whose_training_may_be_submitted(who: Caller, reach: Sight) -> None:
    assert submissions_of(who) == reach


def test_whoever_may_for_themselves_alone_is_refused_for_others() -> None:
    oneself = caller(ENROLL_SELF, person=PERSON)
    check_may_submit(oneself, PERSON)
    for who, person in ((oneself, PERSON + 1), (caller(ENROLL_SELF), PERSON), (caller(VIEW), PERSON)):
        with pytest.raises(PermissionDenied):
            check_may_submit(who, person)
    check_may_submit(caller(ENROLL_COMPANY, companies=(7,)), PERSON)
