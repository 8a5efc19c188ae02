"""The routes of gateway and services, each with a body that is good, as the search for heavy requests takes them."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from pydantic import BaseModel

from bench.heavy_requests import Target
from gateway.routes import PUBLIC
from services.accounts.client_authentication import TokenRequest
from services.accounts.schemas import Credentials, PasswordChange
from services.accounts.schemas_clients import ClientFields, ClientPatch, Rotation
from services.accounts.schemas_organisations import OrganisationDocument, OrganisationFields, OrganisationPatch
from services.accounts.schemas_users import PasswordOfInvitation, UserFields, UserPatch
from services.catalog.schemas import CourseFields, CoursePatch, KnownRows, SessionFields, SessionPatch
from services.delivery.schemas_webhooks import Recovery, SecretRotation, WebhookFields, WebhookPatch
from services.enrollment.schemas import (
    CatalogChanges,
    CheckIn,
    Closing,
    Completion,
    EmployeeFields,
    EnrollmentRequest,
    Erasure,
    KnownPerson,
    Merging,
    OrganisationSettings,
    Promotion,
    Reopening,
    SessionChange,
    StaffFields,
    Transfer,
)
from services.enrollment.schemas_attendance import Attendance
from services.enrollment.schemas_calendars import CalendarFields
from services.enrollment.schemas_clearance import ClearanceQuestion
from services.enrollment.schemas_records import RecordFields, Rejection
from services.enrollment.schemas_requirements import RequirementFields, RequirementPatch
from shared.http.routing import Route
from shared.service.snapshot_routes import RowKeys
from stack.services import SERVICE_NAMES

TABLES: Final[Mapping[str, Sequence[Route[Any, Any]]]] = {
    name: import_module(f"services.{name}.app").SERVICE.routes for name in SERVICE_NAMES
}
_PERSON: Final = {"employee_id": "E-1", "full_name": "x"}
GOOD: Final[Mapping[type[BaseModel], Mapping[str, Any]]] = {
    CourseFields: {"title": "x", "category": "safety", "delivery_mode": "online", "duration_hours": 1},
    CoursePatch: {},
    SessionFields: {
        "course_id": 1,
        "session_name": "x",
        "start_date": "2030-05-15T09:00:00Z",
        "end_date": "2030-05-15T17:00:00Z",
        "max_participants": 5,
    },
    SessionPatch: {},
    EnrollmentRequest: {"session_id": 1, "employee_ids": [1]},
    ClearanceQuestion: {"employee_ids": [1]},
    Completion: {},
    Reopening: {"reason": "x"},
    Promotion: {"over_capacity": True},
    Transfer: {"session_id": 1},
    CheckIn: {"method": "manual"},
    Attendance: {"attendance": [{"employee_id": 1, "outcome": "absent"}]},
    RecordFields: {
        "employee_id": 1,
        "training_name": "x",
        "provider": "x",
        "completed_at": "2026-01-01T00:00:00Z",
    },
    Rejection: {"reason": "x"},
    RequirementFields: {"name": "x", "applies_to": {"all": True}, "needs": {"course_id": 1}},
    RequirementPatch: {},
    OrganisationSettings: {"time_zone": "UTC"},
    EmployeeFields: _PERSON,
    StaffFields: _PERSON,
    Merging: {"into": 1},
    Erasure: {"reason": "x"},
    SessionChange: {"max_participants": 1, "version": 1},
    CatalogChanges: {"courses": [], "sessions": []},
    Closing: {"sessions": []},
    RowKeys: {"keys": []},
    KnownPerson: {"employee_id": 1, "as_of": "2026-01-01T00:00:00Z"},
    KnownRows: {"as_of": "2026-01-01T00:00:00Z"},
    UserFields: {"name": "x", "email": "a@b.example", "role": "Trainer"},
    UserPatch: {},
    PasswordOfInvitation: {"token": "x", "password": "x"},
    ClientFields: {"name": "x", "permissions": ["training.view"]},
    ClientPatch: {},
    Rotation: {"at_once": True},
    OrganisationFields: {"name": "x", "admin": {"name": "x", "email": "a@b.example"}},
    OrganisationDocument: {"name": "x"},
    OrganisationPatch: {},
    CalendarFields: {"kind": "facilitator", "id": 1},
    WebhookFields: {"url": "https://hooks.invalid/"},
    WebhookPatch: {},
    SecretRotation: {"at_once": True},
    Recovery: {"since": "2026-01-01T00:00:00Z"},
    TokenRequest: {},
    Credentials: {"email": "a@b.example", "password": "x"},
    PasswordChange: {"current_password": "x", "new_password": "y"},
}


def targets_of(service: str, *, internal: bool) -> list[Target]:
    """Every route of a service; with those that only services may ask, or without."""
    return [_target(route) for route in TABLES[service] if internal or not route.path.startswith("/internal/")]


def gateway_targets() -> list[Target]:
    """What anybody may ask, a path of nobody's, and routes whose requests it passes on."""
    credentials = tuple(Credentials.model_fields)
    good = {"email": "a@b.example", "password": "x"}
    public = [Target(f"{method} {path}", method, path, good, credentials) for path, method in PUBLIC.items()]
    passed_on = [_target(route) for route in TABLES["catalog"] if route.method in ("POST", "PATCH")]
    return [*public, Target("POST /nothing", "POST", "/nothing", {}), *passed_on]


def _target(route: Route[Any, Any]) -> Target:
    model = route.body
    fields = getattr(model, "document", model)
    return Target(
        f"{route.method} {route.path}",
        route.method,
        route.path.replace("{id}", "1"),
        {} if model is None else GOOD[model],
        tuple(fields.model_fields) if fields is not None else (),
        tuple(route.query.model_fields),
    )
