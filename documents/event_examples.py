"""An example of every event, as the services write it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from documents.event_schemas import file_of
from shared.events.cloudevents import encode
from shared.events.personal import BLANK
from shared.events.states import (
    AskedOf,
    Author,
    CertificationState,
    ClearanceState,
    CourseState,
    CredentialState,
    EmployeeState,
    EnrollmentState,
    Facilitator,
    Judgement,
    NamedItem,
    OrganisationState,
    RecordState,
    Remembered,
    RememberedRecord,
    RequirementState,
    SessionState,
    SettingsState,
    State,
    WebhookState,
)
from shared.events.types import (
    STATE_OF,
    CredentialRevoked,
    EnrollmentCancelled,
    EnrollmentCompleted,
    EnrollmentErased,
    EnrollmentEvent,
    EnrollmentFailed,
    EnrollmentMarkedAbsent,
    EnrollmentPreserved,
    EnrollmentWaitlisted,
    Event,
    RecordAccepted,
    RecordErased,
    RecordEvent,
    RecordReassigned,
    RecordRejected,
)
from shared.observability import Trace

_ORGANISATION: Final = 7
_INSTALLATION: Final = "urn:muster:3f0e7a52-8d0c-4c1f-9a51-0d7c3a1be111"
_SCHEMAS: Final = "https://training.example.org/schemas"
_TRACE: Final = Trace(
    "01a21f6e-7a31-7c55-9a2e-51c5a7f0b3d2",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "congo=t61rcWkgMzE",
)
_START, _END = datetime(2030, 5, 15, 9, tzinfo=UTC), datetime(2030, 5, 15, 17, tzinfo=UTC)
_PROJECT, _LABEL = NamedItem(id=9, name="Metro"), NamedItem(id=3, name="Leading")

_SERVICES: Final[Mapping[str, str]] = {
    "course": "catalog",
    "session": "catalog",
    "organisation": "accounts",
    "webhook": "delivery",
}
"""That publish the events of which the routing key begins so; all others are enrollment's."""

_STATES: Final[Mapping[type[State], State]] = {
    CourseState: CourseState(
        id=1, version=2, title="Leadership Essentials", category="leadership", delivery_mode="in_person",
        pass_score=Decimal(70), validity_months=24, labels=(_LABEL,), prerequisites=(), renewal_window_days=60,
        duration_hours=Decimal(8), cost_per_participant=Decimal("249.5"), provider="external",
        provider_name="Meridian Academy", description="For those who lead a team for the first time.",
        created_at=datetime(2029, 11, 2, 8, 30, tzinfo=UTC), external_id="LEAD-1",
    ),
    SessionState: SessionState(
        id=8, version=1, course_id=1, session_name="May cohort", start_date=_START, end_date=_END,
        location="Training Room A", max_participants=20, status="scheduled", projects=(_PROJECT,),
        enrollment_closes_at=datetime(2030, 5, 10, 12, tzinfo=UTC),
        facilitator=Facilitator(id=5, full_name="Ada Okafor"), external_id="LEAD-1-2030-05",
    ),
    EmployeeState: EmployeeState(
        id=42, version=1, type="employee", employee_id="EMP-042", full_name="John Doe", company=None,
        created_at=datetime(2029, 1, 7, 10, tzinfo=UTC), removed=False,
    ),
    EnrollmentState: EnrollmentState(
        id=301, version=1, session_id=8, course_id=1, employee_id=42, status="enrolled", holds_seat=True, score=None,
        passed=None, feedback=None, certificate_url=None, enrolled_at=datetime(2030, 4, 20, 11, 5, tzinfo=UTC),
        completed_at=None, valid_until=None, checked_in_at=None, check_in_method=None, certifies=False,
    ),
    RecordState: RecordState(
        id=302, version=1, employee_id=42, course_id=1, training_name=None, provider="Red Cross", status="pending",
        completed_at=datetime(2030, 2, 11, 16, tzinfo=UTC), valid_until=None, score=None, passed=None,
        certificate_url="https://certificates.example.com/4711", evidence="Card 4711",
        submitted_at=datetime(2030, 5, 15, 7, 40, tzinfo=UTC), submitted_by=Author(subject="u-17", name="Ada Okafor"),
        decided_at=None, decided_by=None, reason=None, certifies=False,
    ),
    CertificationState: CertificationState(
        id=301, version=1, course_id=1, employee_id=42, completed_at=_END,
        valid_until=datetime(2032, 5, 15, 22, tzinfo=UTC), days_left=30,
    ),
    RequirementState: RequirementState.model_validate(
        {
            "id": 3, "version": 2, "name": "White card on site", "applies_to": {"project_ids": [9]},
            "needs": {"any_of": [{"course_id": 1}, {"label_id": 3}]}, "grace_days": 14, "from": "2030-01-01",
            "until": None, "created_at": "2029-12-03T10:00:00Z",
        }
    ),
    ClearanceState: ClearanceState(
        id=42, version=3, employee_id=42, requirement=AskedOf(id=12, name="White card", project_ids=(9,)),
        lacking=(12, 15),
    ),
    CredentialState: CredentialState(
        id=71, version=1, employee_id=42, enrollment_id=301, record_id=None, issued_at=_END, revoked_at=None
    ),
    SettingsState: SettingsState(id=_ORGANISATION, version=1, time_zone="Europe/Berlin"),
    OrganisationState: OrganisationState(id=_ORGANISATION, version=1, name="Northwind", time_zone="Europe/Berlin"),
    WebhookState: WebhookState(
        id=5, version=1, host="erp.example.com", types=("training.enrollment.*",), description="Payroll", thin=False,
        status="enabled", disabled_reason=None, created_at=datetime(2030, 3, 1, 9, tzinfo=UTC),
    ),
}  # fmt: skip
_REMEMBERED: Final = Remembered(
    training_name="Leadership Essentials", delivery_mode="in_person", labels=(_LABEL,), session_name="May cohort",
    location="Training Room A", projects=(_PROJECT,), company=None,
)  # fmt: skip
_COMPLETED: Final[Mapping[str, Any]] = {
    "version": 2, "status": "completed", "score": Decimal(82), "passed": True, "completed_at": _END,
    "valid_until": datetime(2032, 5, 15, 22, tzinfo=UTC), "certifies": True, "remembered": _REMEMBERED,
    "judged_by": Judgement(
        pass_score=Decimal(70), validity_months=24, time_zone="Europe/Berlin", renewal_window_days=60
    ),
}  # fmt: skip
_CHANGES: Final[Mapping[type[EnrollmentEvent], Mapping[str, Any]]] = {
    EnrollmentWaitlisted: {"status": "waitlisted", "holds_seat": False},
    EnrollmentCompleted: _COMPLETED,
    EnrollmentPreserved: {**_COMPLETED, "version": 3},
    EnrollmentErased: {**_COMPLETED, "version": 3, "feedback": None, "certificate_url": None},
    EnrollmentFailed: {
        **_COMPLETED, "status": "failed", "score": Decimal("64.5"), "passed": False, "valid_until": None,
        "certifies": False,
    },
    EnrollmentMarkedAbsent: {"version": 2, "status": "absent", "remembered": _REMEMBERED},
    EnrollmentCancelled: {"version": 2, "status": "cancelled", "holds_seat": False, "remembered": _REMEMBERED},
}  # fmt: skip
"""Of the enrollment above, where its event says more than that."""
_ACCEPTED: Final[Mapping[str, Any]] = {
    "version": 2, "status": "accepted", "valid_until": datetime(2032, 2, 11, 16, tzinfo=UTC), "certifies": True,
    "decided_at": datetime(2030, 5, 15, 9, 20, tzinfo=UTC), "decided_by": Author(subject="u-9", name="Sam Weber"),
    "remembered": RememberedRecord(training_name="Leadership Essentials", labels=(_LABEL,), company=None),
}  # fmt: skip
_DECISIONS: Final[Mapping[type[RecordEvent], Mapping[str, Any]]] = {
    RecordAccepted: _ACCEPTED,
    RecordRejected: {
        **_ACCEPTED, "status": "rejected", "valid_until": None, "certifies": False,
        "reason": "The card is of somebody else",
    },
    RecordReassigned: {**_ACCEPTED, "version": 3, "employee_id": 43},
    RecordErased: {
        **_ACCEPTED, "version": 3, "provider": "", "certificate_url": None, "evidence": None,
        "submitted_by": Author(subject="", name=""),
    },
}  # fmt: skip
"""Of the record above, as of the enrollment."""
_REMOVED: Final = frozenset(
    {
        "course.removed",
        "session.removed",
        "employee.removed",
        "employee.merged",
        "employee.erased",
        "webhook.removed",
        "requirement.removed",
    }
)

_GONE: Final[Mapping[str, Mapping[str, Any]]] = {
    "employee.merged": {"merged_into": 43},
    "employee.erased": {"erased_at": datetime(2030, 5, 15, 17, tzinfo=UTC), **BLANK["employee"]},
}
"""What becomes of a person beside being removed."""


def example(event: type[Event[State]]) -> dict[str, Any]:
    """The whole message body."""
    _, body = encode(event(_ORGANISATION, _state(event), _TRACE))
    written: dict[str, Any] = json.loads(body)
    return {
        "specversion": written["specversion"],
        "id": "01a21f6e-7b02-7d10-8c4a-2f5f0a6d9e77",
        "source": f"{_INSTALLATION}:{publisher(event)}",
        "type": written["type"],
        "subject": written["subject"],
        "time": "2030-05-15T17:00:00.123456+00:00",
        "dataschema": f"{_SCHEMAS}/{file_of(event)}",
        **{name: value for name, value in written.items() if name not in ("specversion", "id", "type", "subject")},
    }


def publisher(event: type[Event[State]]) -> str:
    """The service that publishes it."""
    return _SERVICES.get(event.type.partition(".")[0], "enrollment")


def _state(event: type[Event[State]]) -> State:
    state = _STATES[STATE_OF[event]]
    if issubclass(event, EnrollmentEvent):
        return state.model_copy(update=dict(_CHANGES.get(event, {})))
    if issubclass(event, RecordEvent):
        return state.model_copy(update=dict(_DECISIONS.get(event, {})))
    if event is CredentialRevoked:
        return state.model_copy(update={"version": 2, "revoked_at": datetime(2030, 6, 2, 8, 15, tzinfo=UTC)})
    if event.type in _REMOVED:
        more = _GONE.get(event.type, {})
        return state.model_copy(update={"version": state.version + 1, "removed": True, **more})
    return state
