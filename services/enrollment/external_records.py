"""What may become of a record of training that was done elsewhere: values in, values out (contract, section 4)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.enrollment.errors import (
    CompletedAtNotPossible,
    EmployeeLeft,
    OwnRecord,
    PersonErased,
    RecordRejectedBefore,
)
from services.enrollment.validity import end_of_validity
from shared.auth.internal_token import MANAGE, RECORD, Caller
from shared.auth.sight import EVERYBODY, Sight, reach_of
from shared.errors import PermissionDenied
from shared.events.states import Author, Judgement, RecordState, RememberedRecord

MAY_SUBMIT = (RECORD, MANAGE)
"""Either opens submitting for everybody; permissions to enroll do so for those whom one may enroll."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom and what a record is about, as it is now, and the database's clock.

    `judgement` is how the course judges, and `None` where there is no such course. `current` is what the record would
    remember if it closed now.
    """

    is_present: bool
    company_id: int | None
    judgement: Judgement | None
    course_is_removed: bool
    current: RememberedRecord
    now: datetime
    is_erased: bool = False


def submissions_of(caller: Caller) -> Sight:
    """Whose training the caller may submit."""
    return EVERYBODY if caller.may(*MAY_SUBMIT) else reach_of(caller)


def check_may_submit(caller: Caller, employee_id: int) -> None:
    """Raises `PermissionDenied` to those who may submit their own training alone. Who belongs to a company is known
    later."""
    reach = submissions_of(caller)
    if not (reach.everybody or reach.companies or reach.holds(employee_id, None)):
        raise PermissionDenied(RECORD)


def check_completed_at(completed_at: datetime, now: datetime) -> None:
    """Nobody has completed anything yet that lies ahead; raises `CompletedAtNotPossible`."""
    if completed_at > now:
        raise CompletedAtNotPossible("must not be in the future")


def accepted(record: RecordState, subject: Subject, caller: Caller) -> RecordState:
    """It counts from now on; accepting it again changes nothing.

    Its course judges it as it is now: a score below the pass score fails, and what has no end of its own is valid for
    the course's months. Raises `OwnRecord`, `RecordRejectedBefore`, `EmployeeLeft`.
    """
    if record.submitted_by.subject == caller.subject or record.employee_id == caller.employee_id:
        raise OwnRecord
    if record.status == "accepted":
        return record
    if record.status == "rejected":
        raise RecordRejectedBefore
    if not subject.is_present:
        raise EmployeeLeft
    result = judged(subject.judgement, record.score, record.completed_at, record.valid_until)
    certifies = record.course_id is not None and result["passed"] is not False
    return _decided(record, subject, caller, status="accepted", certifies=certifies, **result)


def judged(
    judge: Judgement | None, score: Decimal | None, completed_at: datetime, valid_until: datetime | None
) -> dict[str, Any]:
    """Whether it was passed, and until when it counts: what has no end of its own, for the course's months."""
    passed = None
    if judge is not None and judge.pass_score is not None and score is not None:
        passed = score >= judge.pass_score
    if judge is not None and valid_until is None:
        valid_until = end_of_validity(judge, completed_at)
    return {"passed": passed, "valid_until": valid_until}


def rejected(record: RecordState, reason: str, subject: Subject, caller: Caller) -> RecordState:
    """It does not count, even if it was accepted before; rejecting it again changes nothing. Raises `PersonErased`."""
    if record.status == "rejected":
        return record
    if subject.is_erased:
        raise PersonErased
    return _decided(record, subject, caller, status="rejected", certifies=False, reason=reason)


def _decided(record: RecordState, subject: Subject, caller: Caller, **values: Any) -> RecordState:
    """What it remembers is what was true when it was decided about first."""
    author = Author(subject=caller.subject, name=caller.name)
    remembered = record.remembered or subject.current
    decided = {"decided_at": subject.now, "decided_by": author, "remembered": remembered, **values}
    return record.model_copy(update={"version": record.version + 1, **decided})


def reassigned(record: RecordState, employee_id: int) -> RecordState:
    """To another person. A closed record keeps the company that it was closed with."""
    return record.model_copy(update={"version": record.version + 1, "employee_id": employee_id})


def lost(before: RecordState, after: RecordState) -> bool:
    """Whether what the record certified is certified by it no more. Merging takes what a person holds along."""
    if not before.certifies:
        return False
    return not after.certifies or (before.course_id, before.employee_id) != (after.course_id, after.employee_id)
