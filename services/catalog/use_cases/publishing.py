"""How every change of the catalog is published: event and audit trail together."""

from typing import Any

from shared.events.types import Event
from shared.messaging import outbox
from shared.postgres.audit import Actor, AuditEntry
from shared.postgres.pool import Connection

SOURCE = "catalog"
Changes = dict[str, dict[str, Any]]


async def publish(connection: Connection, event: Event[Any], changes: Changes, actor: Actor) -> None:
    """The event, and the entry of the audit trail for the same change."""
    kind, _, _ = event.type.partition(".")
    state = event.data
    entry = AuditEntry(kind, event.organisation_id, state.id, state.version, event.type, actor, changes)
    await outbox.add(connection, SOURCE, [event], [entry])
