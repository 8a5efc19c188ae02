"""People who sign in, as those who manage them see them: each with its entry in the audit trail, in one transaction."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal

from services.accounts import user_rules
from services.accounts.errors import LastAdmin, UserDisabled, UserNotFound
from services.accounts.schemas_users import UserFields
from services.accounts.store import invitations, user_pages
from services.accounts.store import users as store
from services.accounts.store.invitations import NewLink
from services.accounts.users import User
from shared.http.conditional import UNCONDITIONAL, Conditions, Document
from shared.postgres import audit_trail
from shared.postgres.audit import Actor, AuditEntry, differences
from shared.postgres.pool import Connection
from shared.security_log import SecurityEvent, record

Changes = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Manager:
    """Who manages the users of an organisation, with these permissions.

    `issuer` is that of the tokens which changes of users take back.
    """

    organisation_id: int
    actor: Actor
    permissions: Set[str]
    issuer: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A user after a change; `fields` names what differs, nothing where they were so already."""

    user: User
    document: Document
    fields: Sequence[str]
    reason: Literal["added", "changed"] = "changed"


async def invite(connection: Connection, manager: Manager, fields: UserFields) -> tuple[Saved, NewLink]:
    """The new user, and the link with which they set their password; raises `EmailTaken` or `PermissionDenied`.

    In the caller's transaction, as everything here: an `Idempotency-Key` may share it.
    """
    user_rules.check_may_manage(manager.permissions, fields.role)
    user = await store.insert(connection, manager.organisation_id, fields)
    link = await invitations.add(connection, user.organisation_id, user.id)
    changes = differences(None, user_rules.document_of(user))
    await add_to_trail(connection, user, "user.created", changes, manager.actor)
    return await _saved(connection, user, UserFields.model_fields, reason="added"), link


async def change_user(
    connection: Connection,
    manager: Manager,
    user_id: int,
    patch: dict[str, Any],
    conditions: Conditions = UNCONDITIONAL,
) -> Saved:
    """Raises `UserNotFound`, `PreconditionFailed`, `ValidationFailed`, `EmailTaken`, `LastAdmin` or
    `PermissionDenied`.
    """
    current = await _lock(connection, manager, user_id, conditions)
    before = user_rules.document_of(current)
    after = user_rules.changed_user(before, patch)
    changes = differences(before, after)
    if not changes:
        return await _saved(connection, current)
    user_rules.check_may_manage(manager.permissions, after.role)
    changed = await store.update(connection, manager.organisation_id, user_id, after)
    await _check_an_admin_is_left(connection, current, changed)
    if user_rules.ends_tokens(before, after):
        await store.end_sessions(connection, manager.organisation_id, user_id, manager.issuer)
    await add_to_trail(connection, changed, "user.changed", changes, manager.actor)
    return await _saved(connection, changed, changes)


async def delete_user(
    connection: Connection, manager: Manager, user_id: int, conditions: Conditions = UNCONDITIONAL
) -> None:
    """Raises `UserNotFound`, `PreconditionFailed`, `LastAdmin` or `PermissionDenied`."""
    user = await _lock(connection, manager, user_id, conditions)
    await _check_an_admin_is_left(connection, user, None)
    await store.end_sessions(connection, manager.organisation_id, user_id, manager.issuer)
    removed = await store.next_version(connection, manager.organisation_id, user_id)
    changes = differences(user_rules.document_of(user), None)
    await add_to_trail(connection, removed, "user.deleted", changes, manager.actor)
    await store.delete(connection, manager.organisation_id, user_id)


async def renew_invitation(connection: Connection, manager: Manager, user_id: int) -> tuple[Saved, NewLink]:
    """Another link, in place of the one before; raises `UserNotFound`, `UserDisabled` or `PermissionDenied`.

    The current password stays valid until the user sets another.
    """
    user = await _lock(connection, manager, user_id)
    if user.status == "disabled":
        raise UserDisabled
    link = await invitations.add(connection, manager.organisation_id, user_id)
    user = await store.next_version(connection, manager.organisation_id, user_id)
    await add_to_trail(connection, user, "user.invited", {}, manager.actor)
    return await _saved(connection, user, ["invitation"]), link


async def give_password(connection: Connection, manager: Manager, user: User, password_hash: str) -> None:
    """Lets a new user sign in without a link."""
    await invitations.replace(connection, user.organisation_id, user.id)
    changed = await store.set_password(connection, user.organisation_id, user.id, password_hash)
    await add_to_trail(connection, changed, "user.password_set", {}, manager.actor)


async def sign_out(connection: Connection, manager: Manager, user_id: int) -> Saved:
    """From now on every token of the user is refused; raises `UserNotFound` or `PermissionDenied`."""
    await _lock(connection, manager, user_id)
    await store.end_sessions(connection, manager.organisation_id, user_id, manager.issuer)
    user = await store.next_version(connection, manager.organisation_id, user_id)
    await add_to_trail(connection, user, "user.signed_out", {}, manager.actor)
    return await _saved(connection, user, ["tokens"])


async def add_to_trail(connection: Connection, user: User, action: str, changes: Changes, actor: Actor) -> None:
    """The entry for the user's version, which this change has made."""
    entry = AuditEntry("user", user.organisation_id, user.id, user.version, action, actor, changes)
    await audit_trail.add(connection, [entry])


def record_saved(saved: Saved, by: str) -> None:
    """A line in the security log, once the change is committed."""
    if saved.fields:
        record(
            SecurityEvent.USER_SAVED,
            reason=saved.reason,
            subject=str(saved.user.id),
            organisation_id=saved.user.organisation_id,
            role=saved.user.role,
            fields=list(saved.fields),
            by=by,
        )


def record_removed(organisation_id: int, user_id: int, by: str) -> None:
    """The same of a user who is no more."""
    record(SecurityEvent.USER_REMOVED, subject=str(user_id), organisation_id=organisation_id, by=by)


async def _lock(connection: Connection, manager: Manager, user_id: int, conditions: Conditions = UNCONDITIONAL) -> User:
    """The user, whom the manager may change; nobody else changes who is an Admin until the transaction ends."""
    await store.lock_admins(connection, manager.organisation_id)
    user = await store.lock(connection, manager.organisation_id, user_id)
    if user is None:
        raise UserNotFound
    conditions.check(user_pages.user_row(manager.organisation_id, user_id), user.version)
    user_rules.check_may_manage(manager.permissions, user.role)
    return user


async def _check_an_admin_is_left(connection: Connection, before: User, after: User | None) -> None:
    """An organisation without an active Admin could never let anybody in again."""
    if not user_rules.is_active_admin(before) or (after is not None and user_rules.is_active_admin(after)):
        return
    if not await store.has_other_admin(connection, before.organisation_id, before.id):
        raise LastAdmin


async def _saved(
    connection: Connection,
    user: User,
    fields: Iterable[str] = (),
    *,
    reason: Literal["added", "changed"] = "changed",
) -> Saved:
    document = await user_pages.user_detail(connection, user.organisation_id, user.id)
    if document is None:
        raise UserNotFound
    return Saved(user, document, list(fields), reason)
