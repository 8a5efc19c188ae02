"""Programs and what may become of them: rules, values in and values out (contract, section 7)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from services.accounts.errors import ClientRevoked
from services.accounts.schemas_clients import ClientFields
from services.accounts.user_rules import with_included
from shared.auth.internal_token import API_ACCESS, ENROLL, ENROLL_COMPANY, VIEW, VIEW_COMPANY, Caller
from shared.errors import PermissionDenied, ValidationFailed
from shared.validation.known_members import invalid
from shared.validation.merge_patch import merge_patch, texts_of

ABOUT_EVERYBODY: Final = {VIEW_COMPANY: VIEW, ENROLL_COMPANY: ENROLL}
"""What permissions for some companies are part of."""


@dataclass(frozen=True, slots=True)
class Client:
    """A program that may ask for tokens. Those issued until `cut_off_at` are refused."""

    organisation_id: int
    id: int
    version: int
    client_id: str
    fields: ClientFields
    secret_digest: bytes
    previous_digest: bytes | None
    previous_until: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    cut_off_at: datetime | None

    def digests(self, now: datetime) -> tuple[bytes, bytes | None]:
        """Of the secrets that hold at the moment: the current one, and for a while the one before."""
        holds = self.previous_until is not None and now < self.previous_until
        return self.secret_digest, self.previous_digest if holds else None

    def is_expired(self, now: datetime) -> bool:
        """A second early: times in tokens are whole seconds, and a token lasts one at least."""
        expires_at = self.fields.expires_at
        return expires_at is not None and int(expires_at.timestamp()) <= int(now.timestamp())


def check_may_grant(maker: Caller, fields: ClientFields) -> None:
    """No program may do what its maker may not; raises `PermissionDenied`, which names the first such permission."""
    has, others = with_included(maker.permissions), set(fields.company_ids) - set(maker.company_ids)
    for permission in fields.permissions:
        if permission not in has:
            raise PermissionDenied(permission)
        everybody = ABOUT_EVERYBODY.get(permission, permission)
        if others and everybody not in has:
            raise PermissionDenied(everybody)


def check_new(fields: ClientFields, now: datetime) -> None:
    """Raises `ValidationFailed` for a program that would be expired already."""
    if fields.expires_at is not None and fields.expires_at <= now:
        raise ValidationFailed({"expires_at": ["Must be in the future."]})


def check_not_revoked(client: Client) -> None:
    """Raises `ClientRevoked`."""
    if client.revoked_at is not None:
        raise ClientRevoked


def changed_client(client: Client, patch: dict[str, Any], now: datetime) -> ClientFields:
    """The program after a change; raises `ClientRevoked` or `ValidationFailed`."""
    check_not_revoked(client)
    current = client.fields
    try:
        document = current.model_dump()
        changed = ClientFields.model_validate(merge_patch(document, patch), context=set(texts_of(document)))
    except ValidationError as error:
        raise invalid(error) from None
    if changed.expires_at != current.expires_at:
        check_new(changed, now)
    return changed


def narrows(before: ClientFields, after: ClientFields) -> bool:
    """Whether tokens issued before the change may do more, or last longer, than the program may now."""
    lost = set(before.permissions) - set(after.permissions) or set(before.company_ids) - set(after.company_ids)
    sooner = after.expires_at is not None and (before.expires_at is None or after.expires_at < before.expires_at)
    return bool(lost) or sooner


def granted(scope: str | None, permissions: Collection[str]) -> list[str] | None:
    """What a token is asked for (RFC 6749, section 3.3): all permissions where nothing is said; None where it may not
    be had."""
    asked = set(permissions) if scope is None else set(scope.split(" ")) - {""}
    return sorted(asked) if asked and asked <= set(permissions) else None


def permissions_of(scope: Collection[str]) -> frozenset[str]:
    """What a token of this scope opens; whatever is asked for, access to the API is part of it."""
    return frozenset({*scope, API_ACCESS})
