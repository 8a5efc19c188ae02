"""What clients ask the histories (contract, section 5)."""

from datetime import date
from typing import Literal

from pydantic import ValidationInfo, field_validator

from shared.http.pagination import PagedQuery, PerPage
from shared.validation.fields import QueryDate, QueryId


class HistoryQuery(PagedQuery):
    """`date_from` and `date_to` are both included."""

    rules = ("date_to is not before date_from.",)

    type: Literal["all", "online", "offline"] = "all"
    status: Literal["proposed", "confirmed", "completed", "cancelled", "upcoming"] | None = None
    project_id: QueryId | None = None
    label_id: QueryId | None = None
    date_from: QueryDate | None = None
    date_to: QueryDate | None = None
    per_page: PerPage = 50

    @field_validator("date_to")
    @classmethod
    def _not_before_its_start(cls, end: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("date_from")
        if start is not None and end is not None and end < start:
            raise ValueError("must not be before date_from")
        return end


class EmployeeHistoryQuery(HistoryQuery):
    company_id: QueryId | None = None


class TrainingQuery(HistoryQuery):
    """`person_id` and `entity_type`: who attends, or waits for it; `upcoming` are confirmed ones alone."""

    person_id: QueryId | None = None
    entity_type: Literal["employee", "staff"] | None = None


class RecordQuery(EmployeeHistoryQuery):
    """`entity_type`: whose records, those of employees or of staff."""

    entity_type: Literal["employee", "staff"] | None = None
