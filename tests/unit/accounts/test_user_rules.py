"""What may become of users: pure rules (contract, section 7)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.accounts import user_rules
from services.accounts.roles import ROLES, RoleName
from services.accounts.schemas_users import UserDocument
from services.accounts.users import User, email_key
from shared.auth.internal_token import ACCOUNTS, API_ACCESS
from shared.errors import PermissionDenied, ValidationFailed

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def user(**changes: Any) -> User:
    values: dict[str, Any] = {
        "organisation_id": 1,
        "id": 7,
        "version": 1,
        "name": "Ada",
        "email": "ada@example.com",
        "role": "Admin",
        "user_type": "staff",
        "employee_id": None,
        "company_ids": (),
        "password_hash": "$argon2id$",
        "disabled_at": None,
        "cut_off_at": None,
        "created_at": NOW,
    }
    return User(**values | changes)


def document(**changes: Any) -> UserDocument:
    return user_rules.document_of(user(**changes))


@pytest.mark.parametrize("email", ["ZOE\u0308@Example.com", "zo\u00eb@example.com", "Zo\u00cb@EXAMPLE.COM"])
def test_an_address_is_the_same_in_any_case_and_form(email: str) -> None:
    assert email_key(email) == "zo\u00eb@example.com"


def test_a_user_as_they_are_written() -> None:
    coordinator = document(role="Contractor Coordinator", company_ids=(3, 4), employee_id=9, disabled_at=NOW)
    assert coordinator.model_dump() == {
        "name": "Ada",
        "email": "ada@example.com",
        "role": "Contractor Coordinator",
        "user_type": "staff",
        "employee_id": 9,
        "company_ids": [3, 4],
        "disabled": True,
    }


def test_a_change_leaves_the_rest() -> None:
    changed = user_rules.changed_user(document(employee_id=9), {"name": " Ada L ", "employee_id": None})
    assert (changed.name, changed.employee_id, changed.email) == ("Ada L", None, "ada@example.com")


def test_a_name_that_was_allowed_stays() -> None:
    changed = user_rules.changed_user(document(name="Ada\x1b"), {"user_type": "contractor"})
    assert (changed.name, changed.user_type) == ("Ada\x1b", "contractor")
    with pytest.raises(ValidationFailed):
        user_rules.changed_user(document(), {"name": "Ada\x1b"})


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"name": None}, "name"),
        ({"email": "nobody"}, "email"),
        ({"role": "Owner"}, "role"),
        ({"user_type": "service"}, "user_type"),
        ({"disabled": 1}, "disabled"),
        ({"employee_id": 0}, "employee_id"),
        ({"company_ids": [1]}, "company_ids"),
        ({"role": "Contractor Coordinator", "company_ids": [1, 1]}, "company_ids"),
        ({"role": "Contractor Coordinator", "company_ids": list(range(1, 102))}, "company_ids"),
    ],
)
def test_a_change_that_cannot_be(patch: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        user_rules.changed_user(document(), patch)
    assert set(refused.value.details["errors"]) == {field}


def test_companies_end_with_the_role() -> None:
    coordinator = document(role="Contractor Coordinator", company_ids=(1,))
    with pytest.raises(ValidationFailed):
        user_rules.changed_user(coordinator, {"role": "Trainer"})
    assert user_rules.changed_user(coordinator, {"role": "Trainer", "company_ids": None}).company_ids == []


@pytest.mark.parametrize("role", ROLES)
def test_an_admin_manages_everybody(role: RoleName) -> None:
    user_rules.check_may_manage(ROLES["Admin"], role)


def test_a_program_that_manages_users_manages_nobody_who_may_do_more() -> None:
    for role in ROLES:
        with pytest.raises(PermissionDenied):
            user_rules.check_may_manage({API_ACCESS, ACCOUNTS}, role)
    user_rules.check_may_manage({API_ACCESS, "training.view", "training.record"}, "Trainer")
    with pytest.raises(PermissionDenied) as refused:
        user_rules.check_may_manage({API_ACCESS, "training.view", "training.record"}, "HR Manager")
    assert refused.value.permission == "events.view"


@pytest.mark.parametrize(
    ("permission", "included"),
    [
        ("training.view", {"training.view.self", "training.view.company"}),
        ("training.enroll", {"training.enroll.self", "training.enroll.company"}),
        ("training.manage", set[str]()),
        ("training.view.self", set[str]()),
    ],
)
def test_who_may_for_everybody_may_for_some(permission: str, included: set[str]) -> None:
    assert user_rules.with_included({permission}) == included | {permission}


@pytest.mark.parametrize(
    ("changes", "active"),
    [
        ({}, True),
        ({"role": "HR Manager"}, False),
        ({"password_hash": None}, False),
        ({"disabled_at": NOW}, False),
    ],
)
def test_who_is_an_active_admin(changes: dict[str, Any], active: bool) -> None:
    assert user_rules.is_active_admin(user(**changes)) is active


@pytest.mark.parametrize(
    ("change", "ends"),
    [
        ({"name": "Other"}, False),
        ({"email": "other@example.com"}, False),
        ({"role": "Trainer"}, True),
        ({"user_type": "contractor"}, True),
        ({"employee_id": 3}, True),
        ({"role": "Contractor Coordinator", "company_ids": (3,)}, True),
        ({"disabled_at": NOW}, True),
    ],
)
def test_which_changes_end_tokens(change: dict[str, Any], ends: bool) -> None:
    assert user_rules.ends_tokens(document(), document(**change)) is ends
