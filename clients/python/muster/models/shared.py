"""Models of several resources.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from decimal import Decimal
from typing import Any, Literal

from muster.model import Model


class AttendanceOfRecord(Model):
    """A meeting of the session, and the check-in there."""

    meeting_id: int
    start_date: dt.datetime
    end_date: dt.datetime
    venue: str | None
    checked_in_at: dt.datetime | None
    check_in_method: str | None


class ChangedBy(Model):
    subject: str
    name: str


class AuditItem(Model):
    """`changes`: by field, `{"from": …, "to": …}`."""

    version: int
    action: str
    changed_at: dt.datetime
    changed_by: ChangedBy
    request_id: str
    changes: dict[str, Any]


class OfCalendar(Model):
    """A location has no id. `name` is null for a person or a facilitator of whom nothing is known."""

    id: int | None
    name: str | None


class CalendarItem(Model):
    id: int
    kind: Literal["facilitator", "person", "location"] | str
    of: OfCalendar
    status: Literal["active", "revoked"] | str
    created_at: dt.datetime
    created_by: ChangedBy
    revoked_at: dt.datetime | None
    revoked_by: ChangedBy | None


class CredentialAnswer(Model):
    """`credential` is a JWT: Open Badges 3.0, signed by `issuer`. Whoever has the `code` sees at `verify_url` whether
    it is valid.
    """

    credential: str
    verify_url: str
    code: str
    issuer: str
    status: Literal["valid", "expired"] | str
    issued_at: dt.datetime
    valid_until: dt.datetime | None


class EmployeeOfEnrollment(Model):
    id: int
    employee_id: str
    full_name: str


class IdAndName(Model):
    """A label, a project or a company: mastered in the organisation's own systems, so the id comes from there."""

    id: int
    name: str


class IdAndNameItem(Model):
    """A label, a project or a company."""

    id: int
    name: str


class IdAndTitleItem(Model):
    """A course, named by others."""

    id: int
    title: str


class Invitation(Model):
    """`token` and `url` are missing in a repeated response; `url` also if INVITATION_URL is not set."""

    token: str | None = None
    url: str | None = None
    expires_at: dt.datetime


class InvitedUser(Model):
    id: int
    name: str
    email: str
    role: Literal["Admin", "HR Manager", "Trainer", "Employee", "Contractor Coordinator"] | str
    created_at: dt.datetime
    user_type: Literal["staff", "contractor"] | str
    employee_id: int | None
    company_ids: list[int]
    status: Literal["invited", "active", "disabled"] | str
    invitation_expires_at: dt.datetime | None
    invitation: Invitation


class PersonOfCompliance(Model):
    id: int
    type: Literal["employee", "staff"] | str
    employee_id: str
    full_name: str
    company: IdAndNameItem | None


class PersonOfRecord(Model):
    id: int
    type: Literal["employee", "staff"] | str
    name: str
    company: str | None


class RecordItem(Model):
    """`training_name` is the course's title where the record is about one. `decided_at` and `decided_by` are `null`
    while it is pending, and `reason` unless it is rejected. A past completion has `import` as its `source`, a
    `key`, and no `provider`; others have no `key`.
    """

    id: int
    source: Literal["external", "import"] | str
    key: str | None
    employee: EmployeeOfEnrollment
    course: IdAndTitleItem | None
    training_name: str
    provider: str | None
    status: Literal["pending", "accepted", "rejected"] | str
    completed_at: dt.datetime
    valid_until: dt.datetime | None
    score: Decimal | None
    passed: bool | None
    certificate_url: str | None
    evidence: str | None
    submitted_at: dt.datetime
    submitted_by: ChangedBy
    decided_at: dt.datetime | None
    decided_by: ChangedBy | None
    reason: str | None


class SessionOfRecord(Model):
    """`attendance` is present only if the session has meetings, one entry for each in the order of their times."""

    id: int
    name: str
    venue: str | None
    checked_in_at: dt.datetime | None
    check_in_method: str | None
    attendance: list[AttendanceOfRecord] | None = None


class TrainingRecord(Model):
    """`session` is `null` for training done elsewhere and past completions, and `provider` is there for the former
    alone.
    """

    id: int
    type: Literal["online", "offline"] | str
    training_name: str
    training_type: Literal["session", "course", "external"] | str
    completed_at: dt.datetime | None
    status: Literal["proposed", "confirmed", "completed", "cancelled"] | str
    result: Literal["passed", "failed", "attended", "absent"] | str | None
    valid_until: dt.datetime | None
    person: PersonOfRecord
    projects: list[str]
    labels: list[str]
    provider: str | None = None
    session: SessionOfRecord | None
