"""The events that services and other subscribers receive (contract, section 6).

Each is a past-tense type that carries the whole state of one row after a change (`shared.events.states`), with the
row's `version`. A subscriber keeps the state with the highest version, and so may get events late, twice or in any
order.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Generic, TypeVar

from shared.events.states import (
    CertificationState,
    ClearanceState,
    CourseState,
    CredentialState,
    EmployeeState,
    EnrollmentState,
    OrganisationState,
    RecordState,
    RequirementState,
    SessionState,
    SettingsState,
    State,
    WebhookState,
)
from shared.observability import NO_TRACE, Trace

EXCHANGE = "training.events"
"""The topic exchange that every event is published to."""

S = TypeVar("S", bound=State, covariant=True)


@dataclass(frozen=True, slots=True)
class Event(Generic[S]):
    """`type` is the routing key; `trace` is that of the request that caused the change, or of the work without one.

    `must_route` says whether a service of ours follows it: then a broker that has no queue for it is a fault,
    and the event is kept.
    """

    type: ClassVar[str]
    must_route: ClassVar[bool] = True

    organisation_id: int
    data: S
    trace: Trace = field(default=NO_TRACE, compare=False)
    time: datetime | None = field(default=None, compare=False)
    """When its change was made, which its owner's database says: None until it comes from the broker."""


class CourseSaved(Event[CourseState]):
    """A course was created or changed."""

    type = "course.saved"


class SessionSaved(Event[SessionState]):
    """A session was created or changed."""

    type = "session.saved"


class CourseRemoved(Event[CourseState]):
    """A course was deleted; the state is its last one."""

    type = "course.removed"


class SessionRemoved(Event[SessionState]):
    """A session was deleted; the state is its last one."""

    type = "session.removed"


class EmployeeSaved(Event[EmployeeState]):
    """A person was created or changed, whether employee or staff."""

    type = "employee.saved"


class EmployeeRemoved(Event[EmployeeState]):
    """A person was removed: their records stay, and nobody can enroll them."""

    type = "employee.removed"


class EmployeeMerged(Event[EmployeeState]):
    """Two people were one: this one was removed, and their enrollments are those of `merged_into`."""

    type = "employee.merged"


class EmployeeErased(Event[EmployeeState]):
    """A person was erased: blank what you keep of them. Their id belongs to nobody else, ever."""

    type = "employee.erased"


class EnrollmentEvent(Event[EnrollmentState]):
    """What all changes of an enrollment have in common."""


class EnrollmentCreated(EnrollmentEvent):
    """A person was enrolled, and has a seat."""

    type = "enrollment.created"


class EnrollmentWaitlisted(EnrollmentEvent):
    """A person was put on the waitlist of a full session."""

    type = "enrollment.waitlisted"


class EnrollmentPromoted(EnrollmentEvent):
    """A person moved from the waitlist to a seat."""

    type = "enrollment.promoted"


class EnrollmentPassedOver(EnrollmentEvent):
    """A person lacked a prerequisite when a seat came free, and waits on."""

    type = "enrollment.passed_over"


class EnrollmentTransferred(EnrollmentEvent):
    """An enrollment was moved to another session of the same course."""

    type = "enrollment.transferred"


class EnrollmentCompleted(EnrollmentEvent):
    """A participant has completed the session, or their completion was corrected."""

    type = "enrollment.completed"


class EnrollmentFailed(EnrollmentEvent):
    """A participant has finished with less than the pass score, or their result was corrected to that."""

    type = "enrollment.failed"


class EnrollmentMarkedAbsent(EnrollmentEvent):
    """A participant was marked absent."""

    type = "enrollment.absent"


class EnrollmentCancelled(EnrollmentEvent):
    """An enrollment was cancelled."""

    type = "enrollment.cancelled"


class EnrollmentCheckedIn(EnrollmentEvent):
    """A participant was checked in."""

    type = "enrollment.checked_in"


class EnrollmentCheckInRemoved(EnrollmentEvent):
    """A check-in was taken back."""

    type = "enrollment.check_in_removed"


class EnrollmentReopened(EnrollmentEvent):
    """An enrollment that was completed, failed or absent is open again."""

    type = "enrollment.reopened"


class EnrollmentReassigned(EnrollmentEvent):
    """An enrollment belongs to the person into whom its person was merged."""

    type = "enrollment.reassigned"


class EnrollmentPreserved(EnrollmentEvent):
    """An enrollment that an earlier release closed now has what is `remembered` of it; nothing else changed."""

    type = "enrollment.preserved"


class EnrollmentErased(EnrollmentEvent):
    """An enrollment of a person who was erased has neither feedback nor certificate any more."""

    type = "enrollment.erased"


class RecordEvent(Event[RecordState]):
    """What all changes of a record of training done elsewhere, or of a past completion, have in common."""


class RecordSubmitted(RecordEvent):
    """Training that a person did elsewhere was submitted, and waits to be accepted."""

    type = "record.submitted"


class RecordAccepted(RecordEvent):
    """A record of training done elsewhere was accepted, or a past completion imported or corrected: it counts."""

    type = "record.accepted"


class RecordRejected(RecordEvent):
    """A record of training done elsewhere was rejected, whether it was accepted before or not, or a past completion."""

    type = "record.rejected"


class RecordReassigned(RecordEvent):
    """A record of training done elsewhere, or a past completion, belongs to the person into whom its own was merged."""

    type = "record.reassigned"


class RecordErased(RecordEvent):
    """The texts of a record of training done elsewhere are blank: its person was erased."""

    type = "record.erased"


class CertificationExpiring(Event[CertificationState]):
    """A certification will end in `days_left` days."""

    type = "certification.expiring"
    must_route = False


class CertificationExpired(Event[CertificationState]):
    """A certification has ended."""

    type = "certification.expired"
    must_route = False


class CertificationRevoked(Event[CertificationState]):
    """A certification ended early: its completion was reopened, corrected, cancelled in merging, or its record
    rejected."""

    type = "certification.revoked"
    must_route = False


class RequirementSaved(Event[RequirementState]):
    """What an organisation asks of people was written or changed."""

    type = "requirement.saved"


class RequirementRemoved(Event[RequirementState]):
    """What an organisation asked of people was deleted; the state is its last one."""

    type = "requirement.removed"


class ClearanceLost(Event[ClearanceState]):
    """A person lacks a requirement that they did not lack before: something changed, or time has passed."""

    type = "clearance.lost"
    must_route = False


class ClearanceGained(Event[ClearanceState]):
    """A person lacks a requirement no more: they meet it, or it is not asked of them any more."""

    type = "clearance.gained"
    must_route = False


class CredentialIssued(Event[CredentialState]):
    """A person can carry a credential of what they have completed: somebody has asked for it."""

    type = "credential.issued"
    must_route = False


class CredentialRevoked(Event[CredentialState]):
    """A credential is true no more: what it is about has changed, or its person was merged or erased."""

    type = "credential.revoked"
    must_route = False


class SettingsSaved(Event[SettingsState]):
    """An organisation's settings were replaced, or set as it was created with them."""

    type = "settings.saved"


class OrganisationCreated(Event[OrganisationState]):
    """An organisation was created, with the settings that it starts with."""

    type = "organisation.created"


class WebhookSaved(Event[WebhookState]):
    """A webhook was created or changed, enabled again, or got another secret."""

    type = "webhook.saved"


class WebhookDisabled(Event[WebhookState]):
    """A webhook was disabled: by whoever manages webhooks, or because it is gone or has failed for days."""

    type = "webhook.disabled"


class WebhookRemoved(Event[WebhookState]):
    """A webhook was deleted; the state is its last one."""

    type = "webhook.removed"


ENROLLMENT_EVENTS = tuple(EnrollmentEvent.__subclasses__())
"""Whoever follows enrollments follows all of these: each carries the whole state."""

RECORD_EVENTS = tuple(RecordEvent.__subclasses__())
"""As those of enrollments, for records of training done elsewhere."""

STATE_OF: dict[type[Event[State]], type[State]] = {
    **dict.fromkeys((CourseSaved, CourseRemoved), CourseState),
    **dict.fromkeys((SessionSaved, SessionRemoved), SessionState),
    **dict.fromkeys((EmployeeSaved, EmployeeRemoved, EmployeeMerged, EmployeeErased), EmployeeState),
    **dict.fromkeys(ENROLLMENT_EVENTS, EnrollmentState),
    **dict.fromkeys(RECORD_EVENTS, RecordState),
    **dict.fromkeys((CertificationExpiring, CertificationExpired, CertificationRevoked), CertificationState),
    **dict.fromkeys((RequirementSaved, RequirementRemoved), RequirementState),
    **dict.fromkeys((ClearanceLost, ClearanceGained), ClearanceState),
    **dict.fromkeys((CredentialIssued, CredentialRevoked), CredentialState),
    SettingsSaved: SettingsState,
    OrganisationCreated: OrganisationState,
    **dict.fromkeys((WebhookSaved, WebhookDisabled, WebhookRemoved), WebhookState),
}
"""Every event there is, with the state it carries."""
