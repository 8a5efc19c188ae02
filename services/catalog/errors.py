"""What the catalog refuses (contract, section 3)."""

from shared.errors import Conflict, NotFound, ValidationFailed


class CourseNotFound(NotFound):
    message = "The course does not exist."


class SessionNotFound(NotFound):
    message = "The session does not exist."


class CourseNotSelectable(ValidationFailed):
    """A reference to a course that this organisation does not have; `field` is where it stands."""

    def __init__(self, field: str) -> None:
        super().__init__({field: ["The selected course does not exist."]})


class CapacityBelowEnrolled(ValidationFailed):
    code = "capacity_below_enrolled"

    def __init__(self, enrolled: int) -> None:
        reason = f"The session has {enrolled} enrolled; its capacity cannot be less."
        super().__init__({"max_participants": [reason]}, message=reason)


class StatusMoveForbidden(Conflict):
    def __init__(self, current: str, wanted: str) -> None:
        super().__init__(f"A session that is {current} cannot become {wanted}.")
