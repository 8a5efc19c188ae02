"""The lines of files that clients import (contract, section 11)."""

import hashlib
import json
from typing import Any, Literal

from pydantic import ValidationInfo, field_validator

from services.enrollment.schemas import EmployeeFields
from services.enrollment.schemas_records import EndOfValidity, RecordScore
from shared.http.models import Body
from shared.validation.fields import Id, Name, Timestamp
from shared.validation.https_url import HttpsUrl


class PersonLine(EmployeeFields):
    """A person as the organisation's own system knows them; `id` is the id of the API. Staff have no `company`."""

    rules = ("company is left out where type is staff.",)

    id: Id
    type: Literal["employee", "staff"] = "employee"

    @field_validator("type")
    @classmethod
    def _staff_have_no_company(cls, type_: str, info: ValidationInfo) -> str:
        if type_ == "staff" and info.data.get("company") is not None:
            raise ValueError("must be employee for a person with a company")
        return type_

    def person(self) -> EmployeeFields:
        """As a request would have them, whose id and type stand in its path."""
        return EmployeeFields.model_construct(
            employee_id=self.employee_id, full_name=self.full_name, company=self.company
        )


class CompletionLine(Body):
    """A completion of a course before it was kept here. `key` names it in the organisation's own system: the same key
    with other values corrects it."""

    rules = ("completed_at is not in the future.", "valid_until is after completed_at.")

    key: Name
    employee_id: Id
    course_id: Id
    completed_at: Timestamp
    valid_until: EndOfValidity = None
    score: RecordScore | None = None
    certificate_url: HttpsUrl | None = None

    @property
    def digest(self) -> bytes:
        """The same for the same values, however they are written, and other fields that are null count for nothing."""
        values = self.model_dump(exclude_none=True)
        return hashlib.sha256(json.dumps(values, sort_keys=True, default=_plain).encode()).digest()


def _plain(value: Any) -> str:
    """Of a moment in UTC, or a number with at most two decimals: `80`, `80.0` and `80.00` are one."""
    return value.isoformat() if hasattr(value, "isoformat") else f"{value:.2f}"
