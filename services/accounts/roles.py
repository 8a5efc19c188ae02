"""The roles of people who sign in, and what each may do (contract, section 2)."""

from collections.abc import Mapping
from typing import Literal

from shared.auth.internal_token import (
    ACCOUNTS,
    API_ACCESS,
    ENROLL,
    ENROLL_COMPANY,
    ENROLL_SELF,
    EVENTS,
    MANAGE,
    RECORD,
    VIEW,
    VIEW_COMPANY,
    VIEW_SELF,
    WEBHOOKS,
)

RoleName = Literal["Admin", "HR Manager", "Trainer", "Employee", "Contractor Coordinator"]

ROLES: Mapping[RoleName, frozenset[str]] = {
    "Admin": frozenset({API_ACCESS, VIEW, ENROLL, ENROLL_SELF, RECORD, MANAGE, ACCOUNTS, EVENTS, WEBHOOKS}),
    "HR Manager": frozenset({API_ACCESS, VIEW, ENROLL, RECORD, MANAGE, EVENTS}),
    "Trainer": frozenset({API_ACCESS, VIEW, RECORD}),
    "Employee": frozenset({API_ACCESS, VIEW_SELF, ENROLL_SELF}),
    "Contractor Coordinator": frozenset({API_ACCESS, VIEW_COMPANY, ENROLL_COMPANY}),
}
"""What each role may do."""
