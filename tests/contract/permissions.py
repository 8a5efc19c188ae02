"""Who may do what about whose rows: the table of the contract (section 2), and a request for each of its lines."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.support.papers import ROOT, text_of

Right = Literal[
    "view", "enroll", "record", "manage", "accounts.manage", "events.view", "webhooks.manage", "platform.manage"
]
Whose = Literal["own", "company", "other"]
"""Rows about the caller's own person, about one of a company of theirs, and about anybody else."""


@dataclass(frozen=True)
class Allowed:
    """A cell of the table: the rows that a role may ask about, and what it is answered about others."""

    whose: Literal["all", "own", "company", "–"]
    otherwise: int | None = None


def _documented() -> dict[str, tuple[list[str], dict[str, Allowed]]]:
    """By the request: its permissions, and what each role may."""
    documented: dict[str, tuple[list[str], dict[str, Allowed]]] = {}
    for table in text_of(ROOT / "docs" / "contract.md").split("| request | permission |")[1:]:
        head, _, *rows = table.partition("\n\n")[0].splitlines()
        columns = [each.strip() for each in head.strip(" |").split("|")]
        documented |= {
            request: (permissions, _cells(columns, cells)) for request, permissions, cells in map(_row, rows)
        }
    return documented


def _row(row: str) -> tuple[str, list[str], list[str]]:
    request, permissions, *cells = (each.strip() for each in row.strip(" |").split("|"))
    return request.strip("`"), re.findall(r"`([\w.]+)`", permissions), cells


def _cells(columns: list[str], cells: list[str]) -> dict[str, Allowed]:
    return {
        role: Allowed(*_cell(cell)) for column, cell in zip(columns, cells, strict=True) for role in column.split(", ")
    }


def _cell(text: str) -> tuple[Any, int | None]:
    whose, _, otherwise = text.partition(", else ")
    assert whose in ("all", "own", "company", "–"), text
    return whose, int(otherwise) if otherwise else None


DOCUMENTED: Mapping[str, tuple[list[str], dict[str, Allowed]]] = _documented()
NOBODY = "without api.access"
"""Every permission but that one, which opens nothing."""
OPERATOR = "with platform.manage"
"""That permission alone, which no role has."""
ROLES = [*next(iter(DOCUMENTED.values()))[1], NOBODY, OPERATOR]


@dataclass(frozen=True)
class Line:
    """`own` is what those who may are answered; `elsewhere` the same for a row of another organisation.

    Where no row is named, or the id comes from outside, another organisation's rows are no hindrance: `own` again.
    """

    request: str
    right: Right
    """The permission that opens it about everybody."""
    own: int = 200
    elsewhere: int = 404
    body: Any = None
    file: str = ""
    """A body of CSV in place of JSON."""

    @property
    def documented(self) -> str:
        """The request as the table has it."""
        return re.sub(r"\{[a-z ]+\}", "{id}", self.request).partition("?")[0]

    @property
    def names_a_row(self) -> bool:
        return "{" in self.request.partition("?")[0]

    def allowed(self, role: str) -> Allowed:
        if role == OPERATOR:
            return Allowed("all" if self.right == "platform.manage" else "–")
        return Allowed("–") if role == NOBODY else DOCUMENTED[self.documented][1][role]

    def answered(self, role: str, whose: Whose) -> int:
        """In the own organisation. No staff belong to a company."""
        allowed = self.allowed(role)
        if allowed.whose == "–":
            return 403
        if allowed.whose == "all" or (allowed.whose == whose and not self.is_hidden(whose)):
            return self.own
        return allowed.otherwise or (404 if self.names_a_row else self.own)

    def is_hidden(self, whose: Whose) -> bool:
        return whose == "company" and "/staff" in self.request


_COURSE = {"title": "New", "category": "safety", "delivery_mode": "online", "duration_hours": 1}
_TIMES = {"start_date": "2030-05-15T09:00:00Z", "end_date": "2030-05-15T17:00:00Z"}
_SESSION = {"course_id": "{course}", "session_name": "New", "max_participants": 5, **_TIMES}
_PERSON = {"employee_id": "E-1", "full_name": "New Name"}
_USER = {"name": "New", "email": "{new address}", "role": "Trainer"}
_STAFF = {"employee_id": "S-1", "full_name": "New Name"}
_ORGANISATION = {"name": "New", "admin": {"name": "New", "email": "{new address}"}}
_RECORD = {
    "employee_id": "{own person}",
    "course_id": "{course}",
    "provider": "Red Cross",
    "completed_at": "2025-03-03T08:00:00Z",
}

_REQUIREMENT = {"name": "White card", "applies_to": {"all": True}, "needs": {"course_id": "{course}"}}

LINES = [
    Line("GET /api/v1/training/courses", "view", elsewhere=200),
    Line("GET /api/v1/training/courses/{course}", "view"),
    Line("GET /api/v1/training/courses/{course}/audit", "view"),
    Line("POST /api/v1/training/courses", "manage", 201, 201, _COURSE),
    Line("PATCH /api/v1/training/courses/{course}", "manage", body={"title": "New"}),
    Line("DELETE /api/v1/training/courses/{empty course}", "manage"),
    Line("GET /api/v1/training/sessions", "view", elsewhere=200),
    Line("GET /api/v1/training/sessions/{session}", "view"),
    Line("GET /api/v1/training/sessions/{session}/live", "view"),
    Line("GET /api/v1/training/sessions/live?sessions={session}", "view"),
    Line("GET /api/v1/training/sessions/{session}/audit", "view"),
    Line("POST /api/v1/training/sessions", "manage", 201, 422, _SESSION),
    Line("PATCH /api/v1/training/sessions/{session}", "manage", body={"location": "New"}),
    Line("DELETE /api/v1/training/sessions/{empty session}", "manage"),
    Line("GET /api/v1/training/labels", "view", elsewhere=200),
    Line("GET /api/v1/training/projects", "view", elsewhere=200),
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
    Line("PATCH /api/v1/training/enrollments/{enrollment}/promote", "enroll"),
    Line(
        "PATCH /api/v1/training/enrollments/{enrollment}/transfer",
        "enroll",
        body={"session_id": "{other session}"},
    ),
    Line("GET /api/v1/training/enrollments/{enrollment}/audit", "view"),
    Line(
        "POST /api/v1/training/sessions/{session}/attendance",
        "record",
        body={"attendance": [{"employee_id": "{person}", "outcome": "checked_in"}]},
    ),
    Line("GET /api/v1/training/record-submissions", "view", elsewhere=200),
    Line("POST /api/v1/training/records", "record", 201, 422, _RECORD),
    Line("GET /api/v1/training/records/{record}", "view"),
    Line("GET /api/v1/training/records/{record}/audit", "view"),
    Line("POST /api/v1/training/records/{record of another}/accept", "record"),
    Line("POST /api/v1/training/records/{record of another}/reject", "record", body={"reason": "A mistake"}),
    Line("GET /api/v1/training/compliance?course_id={course}", "view", elsewhere=422),
    Line("GET /api/v1/training/compliance/matrix", "view", elsewhere=200),
    Line("GET /api/v1/training/requirements", "view", elsewhere=200),
    Line("POST /api/v1/training/requirements", "manage", 201, 422, _REQUIREMENT),
    Line("GET /api/v1/training/requirements/{requirement}", "view"),
    Line("PATCH /api/v1/training/requirements/{requirement}", "manage", body={"name": "New"}),
    Line("DELETE /api/v1/training/requirements/{requirement}", "manage"),
    Line("GET /api/v1/training/requirements/{requirement}/audit", "view"),
    Line("GET /api/v1/training/settings", "view", elsewhere=200),
    Line("PUT /api/v1/training/settings", "manage", 200, 200, {"time_zone": "Europe/Berlin"}),
    Line("GET /api/v1/training/settings/audit", "view", elsewhere=200),
    Line("GET /api/v1/employees", "view", elsewhere=200),
    Line("GET /api/v1/employees/{person}", "view"),
    Line("GET /api/v1/employees/{person}/audit", "view"),
    Line("PUT /api/v1/employees/{person}", "manage", 200, 201, _PERSON),
    Line("DELETE /api/v1/employees/{person}", "manage"),
    Line("POST /api/v1/employees/{person}/merge", "manage", 428, body={"into": "{staff}"}),
    Line("GET /api/v1/employees/{person}/data", "manage"),
    Line("POST /api/v1/employees/{person}/erase", "manage", body={"reason": "They asked for it"}),
    Line("POST /api/v1/imports?kind=people", "manage", 202, 202, file="id,employee_id,full_name\n7,E-7,New Name\n"),
    *[
        line
        for kind in ("people", "courses", "sessions", "completions")
        for line in (
            Line(f"GET /api/v1/imports/{kind}", "manage", elsewhere=200),
            Line(f"GET /api/v1/imports/{kind}/{{import of {kind}}}", "manage"),
            Line(f"GET /api/v1/imports/{kind}/{{import of {kind}}}/refusals", "manage"),
            Line(f"POST /api/v1/imports/{kind}/{{import of {kind}}}/cancel", "manage", 409),
        )
    ],
    Line("GET /api/v1/staff", "view", elsewhere=200),
    Line("GET /api/v1/staff/{staff}", "view"),
    Line("GET /api/v1/staff/{staff}/audit", "view"),
    Line("PUT /api/v1/staff/{staff}", "manage", 200, 201, _STAFF),
    Line("DELETE /api/v1/staff/{staff}", "manage"),
    Line("GET /api/v1/companies", "view", elsewhere=200),
    Line("POST /api/v1/staff/{staff}/merge", "manage", 428, body={"into": "{person}"}),
    Line("GET /api/v1/staff/{staff}/data", "manage"),
    Line("POST /api/v1/staff/{staff}/erase", "manage", body={"reason": "They asked for it"}),
    Line("GET /api/v1/employees/{person}/training", "view"),
    Line("GET /api/v1/staff/{staff}/training", "view"),
    Line("GET /api/v1/training/records", "view", elsewhere=200),
    Line("GET /api/v1/training", "view", elsewhere=200),
    Line("GET /api/v1/users", "accounts.manage", elsewhere=200),
    Line("POST /api/v1/users", "accounts.manage", 201, 201, _USER),
    Line("GET /api/v1/users/{user}", "accounts.manage"),
    Line("PATCH /api/v1/users/{user}", "accounts.manage", body={"name": "New Name"}),
    Line("DELETE /api/v1/users/{user}", "accounts.manage"),
    Line("POST /api/v1/users/{user}/invitation", "accounts.manage"),
    Line("POST /api/v1/users/{user}/sign-out", "accounts.manage"),
    Line("GET /api/v1/users/{user}/audit", "accounts.manage"),
    Line("GET /api/v1/clients", "accounts.manage", elsewhere=200),
    Line("POST /api/v1/clients", "accounts.manage", 201, 201, {"name": "New", "permissions": ["training.view"]}),
    Line("GET /api/v1/clients/{client}", "accounts.manage"),
    Line("PATCH /api/v1/clients/{client}", "accounts.manage", body={"name": "New Name"}),
    Line("DELETE /api/v1/clients/{client}", "accounts.manage"),
    Line("POST /api/v1/clients/{client}/rotate", "accounts.manage"),
    Line("GET /api/v1/clients/{client}/audit", "accounts.manage"),
    Line("GET /api/v1/calendars", "manage", elsewhere=200),
    Line("POST /api/v1/calendars", "manage", 201, 422, {"kind": "person", "id": "{person}"}),
    Line("GET /api/v1/calendars/{calendar}", "manage"),
    Line("DELETE /api/v1/calendars/{calendar}", "manage"),
    Line("GET /api/v1/events", "events.view", elsewhere=200),
    Line("GET /api/v1/webhooks", "webhooks.manage", elsewhere=200),
    Line("POST /api/v1/webhooks", "webhooks.manage", 201, 201, {"url": "https://hooks.invalid/"}),
    Line("GET /api/v1/webhooks/{webhook}", "webhooks.manage"),
    Line("PATCH /api/v1/webhooks/{webhook}", "webhooks.manage", body={"thin": True}),
    Line("DELETE /api/v1/webhooks/{webhook}", "webhooks.manage"),
    Line("POST /api/v1/webhooks/{webhook}/enable", "webhooks.manage"),
    Line("POST /api/v1/webhooks/{webhook}/rotate-secret", "webhooks.manage"),
    Line("GET /api/v1/webhooks/{webhook}/secret", "webhooks.manage"),
    Line("GET /api/v1/webhooks/{webhook}/audit", "webhooks.manage"),
    Line("GET /api/v1/webhooks/{webhook}/messages", "webhooks.manage"),
    Line("GET /api/v1/webhooks/{webhook}/attempts", "webhooks.manage"),
    Line("POST /api/v1/webhooks/{webhook}/test", "webhooks.manage"),
    Line("POST /api/v1/webhooks/{webhook}/recover", "webhooks.manage", body={"since": "2026-01-01T00:00:00Z"}),
    Line("POST /api/v1/webhook-messages/{webhook message}/resend", "webhooks.manage"),
    Line("GET /api/v1/organisations", "platform.manage", elsewhere=200),
    Line("POST /api/v1/organisations", "platform.manage", 201, 201, _ORGANISATION),
    Line("GET /api/v1/organisations/{organisation}", "platform.manage", elsewhere=200),
    Line("PUT /api/v1/organisations/{organisation}", "platform.manage", elsewhere=200, body={"name": "New"}),
    Line("PATCH /api/v1/organisations/{organisation}", "platform.manage", elsewhere=200, body={"name": "New"}),
    Line("GET /api/v1/organisations/{organisation}/audit", "platform.manage", elsewhere=200),
]
