"""What clients ask the histories (contract, section 5)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from shared.http.pagination import PagedQuery, PerPage, QueryTimestamp
from shared.validation.fields import QueryDate, QueryId


class HistoryQuery(PagedQuery):
    """`date_from` and `date_to` are both included."""

    rules: ClassVar[Sequence[str]] = ("date_to is not before date_from.",)

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


AsOf = Annotated[
    QueryTimestamp,
    Field(
        description="The history as it was known at that moment, which is not in the future: what was recorded later "
        "is not in it. Not together with updated_since."
    ),
]


class StaffHistoryQuery(HistoryQuery):
    rules: ClassVar[Sequence[str]] = (*HistoryQuery.rules, "as_of is not given together with updated_since.")

    as_of: AsOf | None = None

    @field_validator("as_of")
    @classmethod
    def _of_all_records(cls, moment: datetime | None, info: ValidationInfo) -> datetime | None:
        if moment is not None and info.data.get("updated_since") is not None:
            raise ValueError("must not be given together with updated_since")
        return moment

    @property
    def leads_on(self) -> bool:
        return self.as_of is None


class EmployeeHistoryQuery(StaffHistoryQuery):
    company_id: QueryId | None = None


class TrainingQuery(HistoryQuery):
    """`person_id` and `entity_type`: who attends, or waits for it; `upcoming` are confirmed ones alone."""

    person_id: QueryId | None = None
    entity_type: Literal["employee", "staff"] | None = None


class RecordQuery(HistoryQuery):
    """`entity_type`: whose records, those of employees or of staff."""

    company_id: QueryId | None = None
    entity_type: Literal["employee", "staff"] | None = None
