"""What becomes of webhooks: one transaction each, with an event and an entry in their audit trail."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, NamedTuple

from services.delivery import webhooks as rules
from services.delivery.errors import WebhookNotFound
from services.delivery.representations_webhooks import webhook_row
from services.delivery.schemas_webhooks import WebhookFields
from services.delivery.sealing import secret_of, signing_key_of
from services.delivery.store import webhook_messages
from services.delivery.store import webhooks as store
from services.delivery.webhook_keys import SigningKey
from services.delivery.webhooks import DisabledReason, UrlCheck, Webhook
from shared.auth.secrets_at_rest import Sealer
from shared.events.states import WebhookState
from shared.events.types import Event, WebhookDisabled, WebhookRemoved, WebhookSaved
from shared.http.conditional import UNCONDITIONAL, Conditions, Document
from shared.messaging import outbox
from shared.observability import own_trace
from shared.postgres.audit import Actor, AuditEntry, differences
from shared.postgres.pool import Connection

SOURCE: Final = "delivery"


class Outcome(NamedTuple):
    """The webhook afterwards, and what the security log is to hear once it is committed; None where nothing changed."""

    webhook: Document
    entry: AuditEntry | None


async def create(
    connection: Connection,
    organisation_id: int,
    fields: WebhookFields,
    secret: str,
    signing_key: SigningKey,
    sealer: Sealer,
    check: UrlCheck,
    actor: Actor,
) -> Outcome:
    """The new webhook, which gets the events that are taken into the feed from now on.

    Raises `ValidationFailed` or `TooManyWebhooks`.
    """
    check(fields.url)
    rules.check_room(await store.count_alone(connection, organisation_id))
    reason: DisabledReason | None = None if fields.status == "enabled" else "by_user"
    webhook = await store.insert(connection, organisation_id, fields, reason, signing_key.public)
    place = (organisation_id, webhook.id)
    sealed = sealer.seal(secret, secret_of(*place)), sealer.seal(signing_key.private, signing_key_of(*place))
    await store.set_keys(connection, webhook, *sealed)
    return await _announced(connection, webhook, WebhookSaved, actor, differences(None, fields))


async def change(
    connection: Connection,
    place: tuple[int, int],
    patch: dict[str, Any],
    check: UrlCheck,
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
) -> Outcome:
    """The webhook after the change; `place` is its organisation and its id.

    Raises `WebhookNotFound`, `PreconditionFailed` or `ValidationFailed`.
    """
    webhook = await _lock(connection, place, conditions)
    fields = rules.changed_fields(webhook.fields, patch)
    if fields.url != webhook.fields.url:
        check(fields.url)
    return await _save(connection, webhook, fields, actor)


async def enable(
    connection: Connection, place: tuple[int, int], actor: Actor, conditions: Conditions = UNCONDITIONAL
) -> Outcome:
    """What was pending when it was disabled is sent now. Raises `WebhookNotFound` or `PreconditionFailed`."""
    webhook = await _lock(connection, place, conditions)
    return await _save(connection, webhook, webhook.fields.model_copy(update={"status": "enabled"}), actor)


async def rotate(
    connection: Connection,
    place: tuple[int, int],
    secret: str,
    sealer: Sealer,
    actor: Actor,
    *,
    at_once: bool,
    conditions: Conditions = UNCONDITIONAL,
) -> Outcome:
    """The webhook with the new secret; the one before signs as well for a day, or not at all.

    Raises `WebhookNotFound` or `PreconditionFailed`.
    """
    webhook = await _lock(connection, place, conditions)
    signs = timedelta() if at_once else rules.PREVIOUS_SECRET_SIGNS
    changed = await store.rotate(connection, webhook, sealer.seal(secret, secret_of(*place)), signs)
    changes = {"secret_rotated": {"from": None, "to": "at_once" if at_once else "with_the_one_before"}}
    return await _announced(connection, changed, WebhookSaved, actor, changes)


async def remove(
    connection: Connection, place: tuple[int, int], actor: Actor, conditions: Conditions = UNCONDITIONAL
) -> AuditEntry:
    """What is pending is sent no more. Raises `WebhookNotFound` or `PreconditionFailed`."""
    webhook = await _lock(connection, place, conditions)
    await webhook_messages.drop_pending(connection, *place)
    return await _announce(
        connection,
        await store.remove(connection, webhook),
        WebhookRemoved,
        actor,
        differences(webhook.fields, None),
        removed=True,
    )


async def disable(connection: Connection, place: tuple[int, int], reason: DisabledReason) -> AuditEntry | None:
    """One that is gone or has failed for days. Disabled or removed meanwhile, it stays as it is."""
    webhook = await store.lock(connection, *place)
    if webhook is None or webhook.fields.status == "disabled":
        return None
    fields = webhook.fields.model_copy(update={"status": "disabled"})
    changed = await store.change(connection, webhook, fields, reason)
    actor = Actor("delivery", "Delivery", own_trace())
    return await _announce(connection, changed, WebhookDisabled, actor, _changes(webhook, changed))


async def _lock(connection: Connection, place: tuple[int, int], conditions: Conditions) -> Webhook:
    webhook = await store.lock(connection, *place)
    if webhook is None:
        raise WebhookNotFound
    conditions.check(webhook_row(*place), webhook.version)
    return webhook


async def _save(connection: Connection, webhook: Webhook, fields: WebhookFields, actor: Actor) -> Outcome:
    if fields == webhook.fields:
        return Outcome(await _document(connection, webhook), None)
    changed = await store.change(connection, webhook, fields, rules.reason_after(webhook, fields))
    if fields.status == "enabled" != webhook.fields.status:
        await webhook_messages.wake(connection)
    is_disabled = fields.status == "disabled" != webhook.fields.status
    kind = WebhookDisabled if is_disabled else WebhookSaved
    return await _announced(connection, changed, kind, actor, _changes(webhook, changed))


def _changes(before: Webhook, after: Webhook) -> Mapping[str, Any]:
    changes: dict[str, Any] = differences(before.fields, after.fields)
    if before.disabled_reason != after.disabled_reason:
        changes["disabled_reason"] = {"from": before.disabled_reason, "to": after.disabled_reason}
    return changes


async def _announced(
    connection: Connection,
    webhook: Webhook,
    kind: type[Event[WebhookState]],
    actor: Actor,
    changes: Mapping[str, Any],
) -> Outcome:
    entry = await _announce(connection, webhook, kind, actor, changes)
    return Outcome(await _document(connection, webhook), entry)


async def _announce(
    connection: Connection,
    webhook: Webhook,
    kind: type[Event[WebhookState]],
    actor: Actor,
    changes: Mapping[str, Any],
    *,
    removed: bool = False,
) -> AuditEntry:
    event = kind(webhook.organisation_id, rules.state_of(webhook, removed=removed), actor.trace)
    place = (webhook.organisation_id, webhook.id, webhook.version)
    entry = AuditEntry("webhook", *place, kind.type, actor, dict(changes))
    await outbox.add(connection, SOURCE, [event], [entry])
    return entry


async def _document(connection: Connection, webhook: Webhook) -> Document:
    document = await store.detail(connection, webhook.organisation_id, webhook.id)
    if document is None:
        raise WebhookNotFound
    return document
