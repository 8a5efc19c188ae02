"""What enrollment answers about clearance (contract, section 4)."""

from typing import Annotated, Literal

from pydantic import Field

from services.enrollment.representations import PersonOfCompliance
from shared.http.representation import Day, Named, Representation, Titled, TrainingTimestamp, may_be_missing


class SessionToCome(Representation):
    """One that has a free seat and takes people now."""

    id: int
    course: Titled
    start_date: TrainingTimestamp
    available_spots: Annotated[int, Field(ge=1)]


class RequirementOfPerson(Representation):
    """Where it is met, the completion that meets it longest is that of `enrollment_id`, or of `record_id`;
    `valid_until` is `null` for one that never expires. `grace_until` is there in grace alone.

    `sessions` are the next ones that would give what is missing.
    """

    requirement: Named
    status: Literal["met", "grace", "lacking"]
    course_id: int | None
    enrollment_id: int | None
    record_id: int | None
    valid_until: TrainingTimestamp | None
    grace_until: TrainingTimestamp | None
    sessions: Annotated[list[SessionToCome], Field(max_length=3)]


class KnownThen(Representation):
    """The same by what had been recorded by the end of that day."""

    cleared: bool
    requirements: list[RequirementOfPerson]


class Clearance(Representation):
    """`on`: the day that it is about; `known_then` is present where that is past. All else is as it is known now."""

    employee: PersonOfCompliance
    project_id: int | None
    on: Day
    cleared: bool
    requirements: list[RequirementOfPerson]
    known_then: KnownThen = may_be_missing()


class MissingRequirement(Representation):
    """`grace_until` is `null` where there is no grace, or no more."""

    requirement: Named
    status: Literal["grace", "lacking"]
    grace_until: TrainingTimestamp | None


class RosterItem(Representation):
    """`missing`: what does not keep from being cleared yet, too."""

    employee: PersonOfCompliance
    cleared: bool
    missing: list[MissingRequirement]


class RefusedClearance(Representation):
    """`merged_into`: the person whom they turned out to be."""

    code: str
    message: str
    merged_into: int = may_be_missing()


class ClearanceResult(Representation):
    """`employee` and `missing` are there for a person, and `error` for anybody else, who is not cleared."""

    employee_id: int
    cleared: bool
    employee: PersonOfCompliance = may_be_missing()
    missing: list[MissingRequirement] = may_be_missing()
    error: RefusedClearance = may_be_missing()


class ClearanceOfMany(Representation):
    """In the order asked."""

    project_id: int | None
    on: Day
    results: list[ClearanceResult]
