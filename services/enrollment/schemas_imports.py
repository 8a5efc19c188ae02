"""The lines of files that clients import (contract, section 11)."""

from typing import Literal

from pydantic import ValidationInfo, field_validator

from services.enrollment.schemas import EmployeeFields
from shared.validation.fields import Id


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
