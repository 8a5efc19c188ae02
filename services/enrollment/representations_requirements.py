"""What clients read of what an organisation asks of its people (contract, section 4)."""

from typing import Annotated, Literal

from pydantic import Field, RootModel

from services.enrollment.clearance import PersonType
from shared.http.conditional import RowKey
from shared.http.representation import Day, Done, Representation, Success, TrainingTimestamp, may_be_missing

Total = Annotated[int, Field(ge=0)]


class AppliesToItem(Representation):
    """The members that were given."""

    project_ids: list[int] = may_be_missing()
    company_ids: list[int] = may_be_missing()
    person_types: list[PersonType] = may_be_missing()
    employee_ids: list[int] = may_be_missing()
    all: Literal[True] = may_be_missing()


class NeedItem(Representation):
    """One of the two."""

    course_id: int = may_be_missing()
    label_id: int = may_be_missing()


class NeedsItem(NeedItem):
    """One of the three."""

    any_of: list[NeedItem] = may_be_missing()


class RequirementItem(Representation):
    id: int
    name: str
    applies_to: AppliesToItem
    needs: NeedsItem
    grace_days: int | None
    valid_from: Day | None = Field(alias="from")
    valid_to: Day | None = Field(alias="until")
    created_at: TrainingTimestamp


class RequirementPreview(Representation):
    """How many people would lose or gain clearance, in a project or everywhere.

    `of`: to how many it applies, before or afterwards; `in_grace`: how many of them would have to meet it by a day that
    is yet to come. `at`: the moment that is looked at, now or when it comes into force. Unless it is `complete`, more
    people are concerned than are counted.
    """

    would_lose: Total
    would_gain: Total
    in_grace: Total
    of: Total
    at: TrainingTimestamp
    complete: bool


class ChangedRequirement(RootModel[Success[RequirementItem] | Success[RequirementPreview]]):
    """The requirement, or what would come of the change."""


class RemovedRequirement(RootModel[Done | Success[RequirementPreview]]):
    """Nothing, or what would come of it."""


def requirement_row(organisation_id: int, requirement_id: int) -> RowKey:
    return RowKey("requirement", organisation_id, requirement_id)
