"""How every change of the catalog is published: event and audit trail together."""

from collections.abc import Sequence
from typing import Any

from shared.events.types import Event
from shared.messaging import outbox
from shared.postgres.audit import Actor, AuditEntry
from shared.postgres.pool import Connection

SOURCE = "catalog"
Changes = dict[str, dict[str, Any]]


async def publish(connection: Connection, event: Event[Any], changes: Changes, actor: Actor) -> None:
    """The event, and the entry of the audit trail for the same change."""
    await publish_all(connection, [(event, changes)], actor)


async def publish_all(connection: Connection, changed: Sequence[tuple[Event[Any], Changes]], actor: Actor) -> None:
    """The events, each with the entry of the audit trail for the same change."""
    entries = [_entry(event, changes, actor) for event, changes in changed]
    await outbox.add(connection, SOURCE, [event for event, _ in changed], entries)


def _entry(event: Event[Any], changes: Changes, actor: Actor) -> AuditEntry:
    kind, _, _ = event.type.partition(".")
    state = event.data
    return AuditEntry(kind, event.organisation_id, state.id, state.version, event.type, actor, changes)
