"""SQL of the audit trail of accounts: entries without an event of their own."""

from shared.postgres import audit_trail
from shared.postgres.audit import AuditEntry
from shared.postgres.pool import Connection

_ADD = audit_trail.INSERT.format(entries="$1")


async def add(connection: Connection, entry: AuditEntry) -> None:
    """In the transaction of the change."""
    await connection.execute(_ADD, audit_trail.entries_json([entry]))
