"""The body with which a session's attendance is recorded for many at once (contract, section 4)."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from services.enrollment.schemas import CheckIn, CheckInMethod, Completion, kept_if_left_out
from shared.http.models import Body
from shared.validation.fields import Id, Timestamp

MAX_ROWS: Final = 500
Outcome = Literal["checked_in", "completed", "absent"]

_OF_ENROLLMENT: Final = ("enrollment_id", "employee_id")
_OF_CHECK_IN = ("method", "checked_in_at", "meeting_id")
_MEMBERS: Final[Mapping[Outcome, Collection[str]]] = {
    "checked_in": _OF_CHECK_IN,
    "completed": tuple(Completion.model_fields),
    "absent": (),
}
"""Beside those that name the enrollment and the outcome."""


def _schema(schema: dict[str, Any]) -> None:
    kept_if_left_out(schema)
    named = {name: {"required": [name], "properties": {name: {"type": "integer"}}} for name in _OF_ENROLLMENT}
    schema["oneOf"] = list(named.values())


class AttendanceRow(Completion):
    """What became of one enrollment of the session, which is named by its id or by its person's.

    The other members are those of the single change: of a completion, or of a check-in, which is `manual` unless the
    row says otherwise.
    """

    model_config = ConfigDict(json_schema_extra=_schema)
    rules = (
        "method, checked_in_at and meeting_id are members of a row with the outcome checked_in alone.",
        "score, feedback, certificate_url and completed_at are members of a row with the outcome completed alone.",
    )

    enrollment_id: Id | None = None
    employee_id: Id | None = None
    outcome: Outcome
    method: CheckInMethod | None = None
    checked_in_at: Timestamp | None = None
    meeting_id: Id | None = None

    @model_validator(mode="after")
    def _names_one_enrollment(self) -> Self:
        if (self.enrollment_id is None) == (self.employee_id is None):
            raise ValueError("exactly one of enrollment_id and employee_id is required")
        return self

    @model_validator(mode="after")
    def _has_members_of_its_outcome(self) -> Self:
        for name in (*Completion.model_fields, *_OF_CHECK_IN):
            if getattr(self, name) is not None and name not in _MEMBERS[self.outcome]:
                raise ValueError(f"{name} is not a member of a row with the outcome {self.outcome}")
        return self

    @property
    def completion(self) -> Completion:
        """With the members that the row has: those that are left out keep what the record says."""
        given = {name: getattr(self, name) for name in Completion.model_fields if name in self.model_fields_set}
        return Completion.model_construct(_fields_set=set(given), **given)

    @property
    def check_in(self) -> CheckIn:
        method = self.method or "manual"
        return CheckIn.model_construct(method=method, checked_in_at=self.checked_in_at, meeting_id=self.meeting_id)


class Attendance(Body):
    """With `atomic`, all rows are recorded or none."""

    attendance: Annotated[list[AttendanceRow], Field(min_length=1, max_length=MAX_ROWS)]
    atomic: bool = False
