"""What clients are answered when attendance was recorded for many at once (contract, section 4)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from services.enrollment.errors import EnrollmentNotFound
from services.enrollment.refusals import counted
from services.enrollment.representations import AttendanceResult
from services.enrollment.schemas_attendance import AttendanceRow
from shared.errors import MAX_REASON, ApiError, ValidationFailed, shortened
from shared.events.states import EnrollmentState
from shared.http.responses import Answer, success


class NotInSession(EnrollmentNotFound):
    message = "The session has no such enrollment."


class SameRowBefore(ValidationFailed):
    """`position` of the row with the same enrollment, outcome and meeting."""

    def __init__(self, position: int) -> None:
        super().__init__({"attendance": [f"Row {position} has the same enrollment and outcome."]})


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a row; `enrollment` is `None` where the session has none like it."""

    row: AttendanceRow
    enrollment: EnrollmentState | None = None
    refusal: ApiError | None = None

    def shown(self, *, recorded: bool) -> dict[str, Any]:
        """`recorded`: whether the rows that could be recorded were."""
        found = self.enrollment
        shown: dict[str, Any] = {
            "enrollment_id": found.id if found else self.row.enrollment_id,
            "employee_id": found.employee_id if found else self.row.employee_id,
        }
        if self.refusal is not None:
            return shown | {"result": "refused", "code": self.refusal.code, "message": reason(self.refusal)}
        return shown | ({"result": "ok", "status": found and found.status} if recorded else {"result": "not_recorded"})


class AttendanceRefused(ValidationFailed):
    """Nothing is recorded, since these rows cannot be and the request was for all or none."""

    code = "attendance_refused"
    meaning = (
        "Attendance was to be recorded for all rows or none (`atomic`), and some cannot be. `results` says of each row"
        " in the order of the request whether it was refused, and why."
    )
    remedy = "Correct or leave out the refused rows, or record without `atomic`."
    members: ClassVar[Mapping[str, Any]] = {
        **ValidationFailed.members,
        "results": {"type": "array", "items": AttendanceResult.model_json_schema()},
    }

    def __init__(self, results: Sequence[Result]) -> None:
        refusals = {place: result.refusal for place, result in enumerate(results) if result.refusal is not None}
        super().__init__(
            {f"attendance.{place}": [reason(refusal)] for place, refusal in refusals.items()},
            message=f"Nothing was recorded: {counted(len(refusals), 'row')} refused.",
            details={"results": [result.shown(recorded=False) for result in results]},
        )


def reason(refusal: ApiError) -> str:
    """What a refusal says to a person, in one text."""
    reasons = [each for field in refusal.details.get("errors", {}).values() for each in field]
    return shortened(" ".join(reasons) or refusal.message, MAX_REASON)


def attendance_answer(results: Sequence[Result]) -> Answer:
    """200; a result for each row in the order of the request."""
    refused = sum(result.refusal is not None for result in results)
    message = f"{counted(len(results) - refused, 'row')} recorded" + (f", {refused} refused" if refused else "")
    return success(json.dumps({"results": [result.shown(recorded=True) for result in results]}), message=message)
