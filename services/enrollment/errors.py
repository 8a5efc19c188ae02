"""What enrollment refuses, in the contract's words (contract, section 4); refusals.py has those of enrolling."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from shared.errors import Conflict, NotFound, ValidationFailed


class EnrollmentNotFound(NotFound):
    message = "The enrollment does not exist."


class PersonNotFound(NotFound):
    """`merged_into`: the person whom they turned out to be."""

    message = "Worker not found or not in your organisation"
    members: ClassVar[Mapping[str, Any]] = {"merged_into": {"type": "integer", "minimum": 1}}

    def __init__(self, merged_into: int | None = None) -> None:
        super().__init__(details=None if merged_into is None else {"merged_into": merged_into})


class PersonNotSelectable(ValidationFailed):
    def __init__(self) -> None:
        super().__init__({"into": ["The selected employee does not exist."]})


class MergedIntoThemselves(ValidationFailed):
    def __init__(self) -> None:
        super().__init__({"into": ["An employee cannot be merged into themselves."]})


class EmployeeIdTaken(Conflict):
    """`person`: the id of the person who has it."""

    code = "employee_id_taken"
    meaning = "Another person of the organisation has this `employee_id`. `person` is their id."
    remedy = "Use another `employee_id`, or change the person who has it. If both are the same person, merge them."
    members: ClassVar[Mapping[str, Any]] = {"person": {"type": "integer", "minimum": 1}}

    def __init__(self, person_id: int) -> None:
        super().__init__("Another person of your organisation has this employee_id.", details={"person": person_id})


class PersonErased(Conflict):
    code = "person_erased"
    meaning = "The person was erased: nothing more is written about them, and nobody else gets their id."
    remedy = "Give a person who comes back a new id."
    message = "The person was erased."


class TrainingUnderWay(Conflict):
    """`enrollments`: how many of the person's are open in sessions that have begun."""

    code = "training_under_way"
    meaning = "The person has open enrollments in sessions that have begun, and so cannot be erased."
    remedy = "Complete, fail or cancel them, or mark the person as absent, and erase the person then."
    members: ClassVar[Mapping[str, Any]] = {"enrollments": {"type": "integer", "minimum": 1}}

    def __init__(self, enrollments: int) -> None:
        super().__init__(
            "The person has open enrollments in sessions that have begun.", details={"enrollments": enrollments}
        )


class RecordsMustBeKept(Conflict):
    """`possible_from`: when the last record of the person need not be kept any longer."""

    code = "records_must_be_kept"
    meaning = (
        "Records of the person have to be kept: the installation says for how many years after their last validity."
    )
    remedy = "Erase the person after `possible_from`."
    members: ClassVar[Mapping[str, Any]] = {"possible_from": {"type": "string", "format": "date-time"}}

    def __init__(self, possible_from: datetime) -> None:
        moment = possible_from.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        super().__init__(
            f"Records of the person have to be kept. Erasing is possible from {moment[:10]} on.",
            details={"possible_from": moment},
        )


class RecordNotFound(NotFound):
    message = "The record does not exist."


class RecordRejectedBefore(Conflict):
    message = "A record that is rejected cannot be accepted."


class OwnRecord(Conflict):
    code = "own_record"
    meaning = "The record was submitted by the caller, or is about them, and so is not theirs to accept."
    remedy = "Let somebody else accept it."
    message = "A record is accepted by somebody else than whoever submitted it or is trained by it."


class EmployeeNotThere(ValidationFailed):
    def __init__(self) -> None:
        super().__init__({"employee_id": ["The selected employee does not exist."]})


class ChangedMeanwhile(Conflict):
    """Another change came between reading and locking; trying again sees it."""

    message = "The record was changed by someone else at the same time. Try again."


class EnrollmentClosed(Conflict):
    """The enrollment's status forbids the change."""

    def __init__(self, status: str, change: str) -> None:
        super().__init__(f"An enrollment that is {status} cannot be {change}.")


class CheckInKept(EnrollmentClosed):
    """The enrollment's status does not allow its check-in to be removed."""

    def __init__(self, status: str) -> None:
        Conflict.__init__(self, f"The check-in of an enrollment that is {status} cannot be removed.")


class CheckedIn(Conflict):
    message = "The employee is checked in. Remove the check-in before marking the enrollment as absent."


class MeetingRequired(ValidationFailed):
    def __init__(self) -> None:
        super().__init__({"meeting_id": ["The session has meetings: specify one by its meeting_id."]})


class MeetingNotSelectable(ValidationFailed):
    def __init__(self) -> None:
        super().__init__({"meeting_id": ["The session has no such meeting."]})


class CompletedAtNotPossible(ValidationFailed):
    """`reason`: why nobody can have completed the training then."""

    def __init__(self, reason: str) -> None:
        super().__init__({"completed_at": [f"The completed_at {reason}."]})


class SessionUnknown(Exception):
    """No event has brought the session yet, or what became of an agreement about it; the catalog may know."""


class SessionNotFound(NotFound):
    message = "The session does not exist."


class SessionHasEnrollments(Conflict):
    message = "The session has enrollments."


class CapacityBelowTaken(ValidationFailed):
    """`enrolled`: the seats that are taken already."""

    code = "capacity_below_enrolled"
    meaning = "The new capacity of the session is below the number of seats taken."
    remedy = "Choose a capacity that is not less, or cancel or transfer enrollments first."
    members: ClassVar[Mapping[str, Any]] = {**ValidationFailed.members, "enrolled": {"type": "integer", "minimum": 0}}

    def __init__(self, enrolled: int) -> None:
        super().__init__(details={"enrolled": enrolled})


class CourseNotSelectable(ValidationFailed):
    def __init__(self) -> None:
        super().__init__({"course_id": ["The selected course does not exist."]})


class LabelNotSelectable(ValidationFailed):
    def __init__(self) -> None:
        super().__init__({"label_id": ["The selected label does not exist."]})


class TimeZoneUnknown(ValidationFailed):
    """The database has an older edition of the IANA database than the service."""

    def __init__(self) -> None:
        super().__init__({"time_zone": ["The time zone is not known to the database server yet."]})


class SessionNotSelectable(ValidationFailed):
    def __init__(self) -> None:
        super().__init__({"session_id": ["The selected session does not exist."]})


class SessionOfOtherCourse(ValidationFailed):
    code = "session_of_other_course"
    meaning = "An enrollment would be transferred to a session of another course."
    remedy = "Transfer it to a session of the same course, or enroll the person in the other one."

    def __init__(self) -> None:
        super().__init__({"session_id": ["The selected session belongs to another course."]})


class EmployeeLeft(Conflict):
    message = "The employee has been removed from the organisation."


class CalendarNotFound(NotFound):
    message = "The calendar does not exist."


class CalendarOfNobody(ValidationFailed):
    """Whoever may manage their own calendar alone learns nothing of others."""

    def __init__(self, kind: str) -> None:
        super().__init__({"id": [f"The selected {kind} does not exist."]})


class TooManyCalendars(Conflict):
    """`maximum`: how many there may be."""

    code = "too_many_calendars"
    meaning = "The person, the facilitator or the location has as many active calendar addresses as there may be."
    remedy = "Revoke addresses that nobody uses any more."
    members: ClassVar[Mapping[str, Any]] = {"maximum": {"type": "integer", "minimum": 1}}

    def __init__(self, maximum: int) -> None:
        super().__init__(
            f"There are {maximum} active addresses already: revoke one first.", details={"maximum": maximum}
        )


class RequirementNotFound(NotFound):
    message = "The requirement does not exist."


class NamedByRequirement(ValidationFailed):
    """`unknown`: by the place in the body, what it names there that does not exist."""

    def __init__(self, unknown: Mapping[str, str]) -> None:
        super().__init__({place: [f"The selected {kind} does not exist."] for place, kind in unknown.items()})


class TooManyRequirements(Conflict):
    """`maximum`: how many there may be."""

    code = "too_many_requirements"
    meaning = "The organisation has as many requirements as it can have."
    remedy = "Delete one that is not needed. One requirement can apply to several projects and companies."
    members: ClassVar[Mapping[str, Any]] = {"maximum": {"type": "integer", "minimum": 1}}

    def __init__(self, maximum: int) -> None:
        super().__init__(f"There are {maximum} requirements already.", details={"maximum": maximum})
