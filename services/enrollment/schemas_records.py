"""What clients send about training that was done elsewhere (contract, section 4)."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, model_validator

from shared.events.states import RecordStatus
from shared.http.models import Body
from shared.http.pagination import PagedQuery
from shared.validation.fields import NUMBER, Id, LongText, Name, QueryId, Reason, Timestamp
from shared.validation.https_url import HttpsUrl


def _after_its_beginning(end: datetime | None, info: ValidationInfo) -> datetime | None:
    completed_at = info.data.get("completed_at")
    if end is not None and completed_at is not None and end <= completed_at:
        raise ValueError("must be after completed_at")
    return end


EndOfValidity = Annotated[Timestamp | None, AfterValidator(_after_its_beginning)]
"""Of a model with a `completed_at` before it."""
RecordScore = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2), NUMBER]


def _of_one_training(schema: dict[str, Any]) -> None:
    named = {"training_name": "string", "course_id": "integer"}
    schema["oneOf"] = [{"required": [name], "properties": {name: {"type": type_}}} for name, type_ in named.items()]


class RecordFields(Body):
    """Training that a person did elsewhere: in a course of the organisation, or in what `training_name` says.

    `provider` is where it was, and `evidence` what there is to see of it, such as the number of a card.
    """

    model_config = ConfigDict(json_schema_extra=_of_one_training)
    rules = ("valid_until is after completed_at.",)

    employee_id: Id
    course_id: Id | None = None
    training_name: Name | None = None
    provider: Name
    completed_at: Timestamp
    valid_until: EndOfValidity = None
    score: RecordScore | None = None
    certificate_url: HttpsUrl | None = None
    evidence: LongText | None = None

    @model_validator(mode="after")
    def _names_one_training(self) -> Self:
        if (self.course_id is None) == (self.training_name is None):
            raise ValueError("exactly one of course_id and training_name is required")
        return self


class Rejection(Body):
    """`reason`: why the record does not count. It is shown with the record, and kept in the audit trail."""

    reason: Reason


class RecordQuery(PagedQuery):
    status: RecordStatus | None = None
    employee_id: QueryId | None = None
    course_id: QueryId | None = None
