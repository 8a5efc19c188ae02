"""Who may do what, written down from the contract (section 2) and not from the code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["Admin", "HR Manager", "Trainer", "Employee", "without api.access"]
Right = Literal["view", "enroll", "enroll anyone", "record", "manage"]

ROLES: Mapping[Role, frozenset[Right]] = {
    "Admin": frozenset({"view", "enroll", "enroll anyone", "record", "manage"}),
    "HR Manager": frozenset({"view", "enroll", "enroll anyone", "record", "manage"}),
    "Trainer": frozenset({"view", "record"}),
    "Employee": frozenset({"view", "enroll"}),
    "without api.access": frozenset(),
}
"""An employee enrolls, cancels and transfers their own person alone: the rows of the walk are about that person."""


@dataclass(frozen=True)
class Line:
    """`own` is what those who may are answered; `elsewhere` the same for a row of another organisation.

    Where no row is named, or the id comes from outside, another organisation's rows are no hindrance: `own` again.
    """

    request: str
    right: Right
    own: int = 200
    elsewhere: int = 404
    body: Any = None


_COURSE = {"title": "New", "category": "safety", "delivery_mode": "online", "duration_hours": 1}
_TIMES = {"start_date": "2030-05-15T09:00:00Z", "end_date": "2030-05-15T17:00:00Z"}
_SESSION = {"course_id": "{course}", "session_name": "New", "max_participants": 5, **_TIMES}
_PERSON = {"employee_id": "E-1", "full_name": "New Name"}
_STAFF = {"employee_id": "S-1", "full_name": "New Name"}

LINES = [
    Line("GET /api/v1/training/courses", "view", elsewhere=200),
    Line("GET /api/v1/training/courses/{course}", "view"),
    Line("GET /api/v1/training/courses/{course}/audit", "view"),
    Line("POST /api/v1/training/courses", "manage", 201, 201, _COURSE),
    Line("PATCH /api/v1/training/courses/{course}", "manage", body={"title": "New"}),
    Line("DELETE /api/v1/training/courses/{empty course}", "manage"),
    Line("GET /api/v1/training/sessions", "view", elsewhere=200),
    Line("GET /api/v1/training/sessions/{session}", "view"),
    Line("GET /api/v1/training/sessions/{session}/audit", "view"),
    Line("POST /api/v1/training/sessions", "manage", 201, 422, _SESSION),
    Line("PATCH /api/v1/training/sessions/{session}", "manage", body={"location": "New"}),
    Line("DELETE /api/v1/training/sessions/{empty session}", "manage"),
    Line("GET /api/v1/training/enrollments", "view", elsewhere=200),
    Line("GET /api/v1/training/enrollments/{enrollment}", "view"),
    Line(
        "POST /api/v1/training/enrollments",
        "enroll",
        201,
        422,
        {"session_id": "{empty session}", "employee_ids": ["{own person}"]},
    ),
    Line("PATCH /api/v1/training/enrollments/{enrollment}/complete", "record", body={"score": 80}),
    Line("PATCH /api/v1/training/enrollments/{enrollment}/absent", "record"),
    Line("PATCH /api/v1/training/enrollments/{enrollment}/check-in", "record", body={"method": "manual"}),
    Line("DELETE /api/v1/training/enrollments/{enrollment}/check-in", "record"),
    Line("PATCH /api/v1/training/enrollments/{enrollment}/reopen", "record", body={"reason": "A mistake"}),
    Line("PATCH /api/v1/training/enrollments/{enrollment}/cancel", "enroll"),
    Line("PATCH /api/v1/training/enrollments/{enrollment}/promote", "enroll anyone"),
    Line(
        "PATCH /api/v1/training/enrollments/{enrollment}/transfer",
        "enroll",
        body={"session_id": "{other session}"},
    ),
    Line("GET /api/v1/training/enrollments/{enrollment}/audit", "view"),
    Line("GET /api/v1/training/compliance?course_id={course}", "view", elsewhere=422),
    Line("GET /api/v1/training/settings", "view", elsewhere=200),
    Line("PUT /api/v1/training/settings", "manage", 200, 200, {"time_zone": "Europe/Berlin"}),
    Line("GET /api/v1/training/settings/audit", "view", elsewhere=200),
    Line("GET /api/v1/employees", "view", elsewhere=200),
    Line("GET /api/v1/employees/{person}", "view"),
    Line("GET /api/v1/employees/{person}/audit", "view"),
    Line("PUT /api/v1/employees/{person}", "manage", 200, 201, _PERSON),
    Line("DELETE /api/v1/employees/{person}", "manage"),
    Line("GET /api/v1/staff", "view", elsewhere=200),
    Line("GET /api/v1/staff/{staff}", "view"),
    Line("GET /api/v1/staff/{staff}/audit", "view"),
    Line("PUT /api/v1/staff/{staff}", "manage", 200, 201, _STAFF),
    Line("DELETE /api/v1/staff/{staff}", "manage"),
    Line("GET /api/v1/employees/{person}/training", "view"),
    Line("GET /api/v1/staff/{staff}/training", "view"),
]
