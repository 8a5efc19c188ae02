"""What becomes of programs: one transaction each, with an entry in their audit trail.

They run in the caller's transaction, which an `Idempotency-Key` may share; `record_change` is for after its commit.
"""

from datetime import timedelta
from typing import Any, Final, NamedTuple

from services.accounts import clients as rules
from services.accounts.client_secrets import digest_of, new_client_id
from services.accounts.clients import Client
from services.accounts.errors import ClientNotFound
from services.accounts.representations_clients import client_row
from services.accounts.schemas_clients import ClientFields
from services.accounts.store import clients as store
from services.accounts.store import revocations
from services.accounts.store.clients import Found
from shared.auth.internal_token import Caller
from shared.http.conditional import UNCONDITIONAL, Conditions, Document
from shared.postgres import audit_trail
from shared.postgres.audit import Actor, AuditEntry, differences
from shared.postgres.pool import Connection
from shared.security_log import SecurityEvent, record

PREVIOUS_SECRET_HOLDS: Final = timedelta(hours=24)
"""After a rotation, so that a program can be given the new secret without a failed request."""


class Outcome(NamedTuple):
    """The client after a change; `entry` says what changed, if anything did."""

    client: Document
    entry: AuditEntry | None


async def create(
    connection: Connection, organisation_id: int, fields: ClientFields, secret: str, maker: Caller | None, actor: Actor
) -> Outcome:
    """The new client. `maker` is None for an operator, who may grant anything.

    Raises `PermissionDenied` or `ValidationFailed`.
    """
    if maker is not None:
        rules.check_may_grant(maker, fields)
    rules.check_new(fields, await store.now(connection))
    client_id = new_client_id()
    row_id = await store.insert(connection, organisation_id, client_id, digest_of(secret), fields)
    entry = AuditEntry("client", organisation_id, row_id, 1, "client.saved", actor, differences(None, fields))
    return await _outcome(connection, (organisation_id, row_id), entry)


async def change(
    connection: Connection,
    place: tuple[int, int],
    patch: dict[str, Any],
    maker: Caller,
    actor: Actor,
    issuer: str,
    conditions: Conditions = UNCONDITIONAL,
) -> Outcome:
    """The client after the change; `place` is its organisation and the id of its row.

    Raises `ClientNotFound`, `PreconditionFailed`, `ClientRevoked`, `ValidationFailed` or `PermissionDenied`.
    """
    client, now, _ = await _lock(connection, place, conditions)
    changed = rules.changed_client(client, patch, now)
    rules.check_may_grant(maker, changed)
    changes = differences(client.fields, changed)
    if not changes:
        return await _outcome(connection, place, None)
    await store.change(connection, *place, changed)
    if rules.narrows(client.fields, changed):
        await _refuse_tokens(connection, client, issuer)
    return await _outcome(connection, place, _entry(client, "client.saved", actor, changes))


async def rotate(
    connection: Connection,
    place: tuple[int, int],
    secret: str,
    maker: Caller | None,
    actor: Actor,
    issuer: str,
    *,
    at_once: bool,
    conditions: Conditions = UNCONDITIONAL,
) -> Outcome:
    """The client with the new secret; the one before holds for a day, or not at all.

    With its secret one may do what the client may, so nobody gets one who may not. Raises what `change` raises.
    """
    client, now, _ = await _lock(connection, place, conditions)
    rules.check_not_revoked(client)
    if maker is not None:
        rules.check_may_grant(maker, client.fields)
    until = now if at_once else now + PREVIOUS_SECRET_HOLDS
    await store.rotate(connection, *place, digest_of(secret), until)
    if at_once:
        await _refuse_tokens(connection, client, issuer)
    changes = {"at_once": {"from": None, "to": at_once}}
    return await _outcome(connection, place, _entry(client, "client.rotated", actor, changes))


async def revoke(
    connection: Connection, place: tuple[int, int], actor: Actor, issuer: str, conditions: Conditions = UNCONDITIONAL
) -> Outcome:
    """Ends the client and its tokens; its row stays, for the audit. Done already, it changes nothing.

    Raises `ClientNotFound` or `PreconditionFailed`.
    """
    client, now, _ = await _lock(connection, place, conditions)
    if client.revoked_at is not None:
        return await _outcome(connection, place, None)
    await store.revoke(connection, *place, now)
    await _refuse_tokens(connection, client, issuer)
    changes = {"revoked": {"from": False, "to": True}}
    return await _outcome(connection, place, _entry(client, "client.revoked", actor, changes))


def record_change(entry: AuditEntry | None) -> None:
    """Tells the security log of a change that is committed."""
    if entry is not None:
        record(
            SecurityEvent.CLIENT_CHANGED,
            reason=entry.action.removeprefix("client."),
            subject=entry.actor.subject,
            organisation_id=entry.organisation_id,
            client=entry.id,
        )


async def _lock(connection: Connection, place: tuple[int, int], conditions: Conditions) -> Found:
    found = await store.lock(connection, *place)
    if found is None:
        raise ClientNotFound
    conditions.check(client_row(*place), found.client.version)
    return found


async def _refuse_tokens(connection: Connection, client: Client, issuer: str) -> None:
    """Those issued so far: none is issued while the client is locked."""
    until = await revocations.refuse_tokens(connection, client.organisation_id, client.client_id, issuer)
    await store.cut_off(connection, client.organisation_id, client.id, until)


def _entry(client: Client, action: str, actor: Actor, changes: dict[str, Any]) -> AuditEntry:
    return AuditEntry("client", client.organisation_id, client.id, client.version + 1, action, actor, changes)


async def _outcome(connection: Connection, place: tuple[int, int], entry: AuditEntry | None) -> Outcome:
    if entry is not None:
        await audit_trail.add(connection, [entry])
    document = await store.detail(connection, *place)
    if document is None:
        raise ClientNotFound
    return Outcome(document, entry)
