"""What may become of users: values in, values out (contract, section 7)."""

from collections.abc import Set
from typing import Any

from pydantic import ValidationError

from services.accounts.roles import ROLES, RoleName
from services.accounts.schemas_users import UserDocument, UserFields
from services.accounts.users import User
from shared.auth.internal_token import ENROLL, ENROLL_COMPANY, ENROLL_SELF, VIEW, VIEW_COMPANY, VIEW_SELF
from shared.errors import PermissionDenied
from shared.validation.known_members import invalid
from shared.validation.merge_patch import merge_patch, texts_of

INCLUDED = {VIEW: {VIEW_SELF, VIEW_COMPANY}, ENROLL: {ENROLL_SELF, ENROLL_COMPANY}}
"""Who may do it for everybody may do it for some."""
_ENDS_TOKENS = {"role", "user_type", "employee_id", "company_ids", "disabled"}
"""What tokens say of a user, but for the name, or what keeps them from having any."""


def document_of(user: User) -> UserDocument:
    """The user as those who manage users write them."""
    fields: dict[str, Any] = {name: getattr(user, name) for name in UserFields.model_fields}
    return UserDocument.model_construct(
        **fields | {"company_ids": list(user.company_ids), "disabled": user.disabled_at is not None}
    )


def changed_user(current: UserDocument, patch: dict[str, Any]) -> UserDocument:
    """The user after a change; raises `ValidationFailed`."""
    document = current.model_dump()
    try:
        return UserDocument.model_validate(merge_patch(document, patch), context=set(texts_of(document)))
    except ValidationError as error:
        raise invalid(error) from None


def check_may_manage(permissions: Set[str], role: RoleName) -> None:
    """Nobody makes, changes, or gets a link for somebody who may do what they may not do themselves.

    Raises `PermissionDenied`.
    """
    lacking = sorted(ROLES[role] - with_included(permissions))
    if lacking:
        raise PermissionDenied(lacking[0])


def with_included(permissions: Set[str]) -> frozenset[str]:
    """The permissions, with those that they include."""
    return frozenset(permissions).union(*(INCLUDED.get(name, ()) for name in permissions))


def is_active_admin(user: User) -> bool:
    return user.role == "Admin" and user.status == "active"


def ends_tokens(before: UserDocument, after: UserDocument) -> bool:
    """Whether tokens of the user must not be accepted any more."""
    return before.model_dump(include=_ENDS_TOKENS) != after.model_dump(include=_ENDS_TOKENS)
