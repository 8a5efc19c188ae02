"""SQL of the audit trail: its rows join the transaction of their change, and are never updated."""

import json
from collections.abc import Sequence
from typing import Any

from shared.postgres.audit import AuditEntry
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped

INSERT = """
INSERT INTO audit_trail (kind, organisation_id, id, version, action, actor_subject, actor_name, request_id, changes)
SELECT kind, organisation_id, id, version, action, actor_subject, actor_name, request_id, changes
FROM jsonb_to_recordset({entries}::jsonb) AS entry (kind text, organisation_id bigint, id bigint, version integer,
    action text, actor_subject text, actor_name text, request_id text, changes jsonb)
"""
"""With the number of a parameter that holds `entries_json` for `{entries}`."""

_PAGE = """
SELECT ({found}) AS found, (SELECT count(*) FROM {entries}) AS total,
    coalesce((SELECT json_agg(json_build_object('version', version, 'action', action,
        'changed_at', training_timestamp(changed_at),
        'changed_by', json_build_object('subject', actor_subject, 'name', actor_name),
        'request_id', request_id, 'changes', changes) ORDER BY version) FROM (
            SELECT * FROM {entries} ORDER BY version LIMIT $3 OFFSET $4
        ) entry), '[]')::text AS items
"""


def entries_of(kind: str) -> str:
    """The entries of one row of this kind, for `page_sql`."""
    return f"audit_trail WHERE organisation_id = $1 AND kind = '{kind}' AND id = $2"


def page_sql(entries: str, found: str) -> str:
    """A statement for `page`. `entries` and `found`, whether there is such a row, are of its organisation and id."""
    return scoped(_PAGE.format(entries=entries, found=found), ("bigint",) * 4)


async def page(
    connection: Connection, sql: str, organisation_id: int, row_id: int, limit: int, offset: int
) -> tuple[bool, int, str]:
    """Whether there is such a row, how many of its changes are known, and the page of them as JSON text."""
    [row] = await connection.fetch(sql, organisation_id, row_id, limit, offset)
    return row["found"], row["total"], row["items"]


async def add(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Adds entries of changes that publish no event; `outbox.add` takes the others together with their events."""
    await connection.execute(INSERT.format(entries="$1"), entries_json(entries))


def entries_json(entries: Sequence[AuditEntry]) -> str:
    return json.dumps([_columns(entry) for entry in entries])


def _columns(entry: AuditEntry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "organisation_id": entry.organisation_id,
        "id": entry.id,
        "version": entry.version,
        "action": entry.action,
        "actor_subject": entry.actor.subject,
        "actor_name": entry.actor.name,
        "request_id": entry.actor.trace.request_id,
        "changes": entry.changes,
    }
