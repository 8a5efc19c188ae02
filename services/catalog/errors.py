"""What the catalog refuses (contract, section 3)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from shared.errors import Conflict, NotFound, ValidationFailed


class CourseNotFound(NotFound):
    message = "The course does not exist."


class SessionNotFound(NotFound):
    message = "The session does not exist."


class CourseNotSelectable(ValidationFailed):
    """A reference to a course that this organisation does not have; `field` is where it stands."""

    def __init__(self, field: str) -> None:
        super().__init__({field: ["The selected course does not exist."]})


class ExternalIdTaken(Conflict):
    """`holder`: the id of the course or the session that has it."""

    code = "external_id_taken"
    meaning = "Another course, or another session, of the organisation has this `external_id`. `holder` is its id."
    remedy = "Use another `external_id`, or change the one that has it."
    members: ClassVar[Mapping[str, Any]] = {"holder": {"type": "integer", "minimum": 1}}

    def __init__(self, kind: str, holder: int) -> None:
        super().__init__(f"Another {kind} of your organisation has this external_id.", details={"holder": holder})


class PrerequisiteRing(ValidationFailed):
    """Courses that would require each other: nobody could begin with any of them. `titles` lead from the changed course
    over its prerequisites back to it.
    """

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__({"prerequisites": [f"These courses would require each other: {' → '.join(titles)}."]})


class TooManyPrerequisites(ValidationFailed):
    def __init__(self, limit: int) -> None:
        reason = f"The course would require more than {limit} courses, directly or through others."
        super().__init__({"prerequisites": [reason]})


class CapacityBelowEnrolled(ValidationFailed):
    code = "capacity_below_enrolled"
    meaning = "The new capacity of the session is below the number of seats taken."
    remedy = "Choose a capacity that is not less, or cancel or transfer enrollments first."

    def __init__(self, enrolled: int) -> None:
        reason = f"The session has {enrolled} enrolled; its capacity cannot be less."
        super().__init__({"max_participants": [reason]}, message=reason)


class HasEnrollments(Conflict):
    message = "It has enrollments, so it cannot be deleted."


class IsPrerequisite(Conflict):
    message = "Another course has this one as a prerequisite, so it cannot be deleted."


class ChangedMeanwhile(Conflict):
    """Another change came between reading and locking; trying again sees it."""

    message = "The record was changed by someone else at the same time. Try again."


class StatusMoveForbidden(Conflict):
    def __init__(self, current: str, wanted: str) -> None:
        super().__init__(f"A session that is {current} cannot become {wanted}.")
