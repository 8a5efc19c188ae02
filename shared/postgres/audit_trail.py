"""SQL of the audit trail: its rows join the transaction of their change, and are never updated."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic_core import to_json

from shared.postgres.audit import AuditEntry
from shared.postgres.batched_reads import PageRead, Statement
from shared.postgres.lists import Window, items_of, page_of
from shared.postgres.pool import Connection

INSERT = """
INSERT INTO audit_trail (kind, organisation_id, id, version, action, actor_subject, actor_name, request_id, changes)
SELECT kind, organisation_id, id, version, action, actor_subject, actor_name, request_id, changes
FROM jsonb_to_recordset({entries}::jsonb) AS entry (kind text, organisation_id bigint, id bigint, version integer,
    action text, actor_subject text, actor_name text, request_id text, changes jsonb)
"""
"""With the number of a parameter that holds `entries_json` for `{entries}`."""

_ENTRY = """json_build_object(
    'version', version, 'action', action, 'changed_at', training_timestamp(changed_at),
    'changed_by', json_build_object('subject', actor_subject, 'name', actor_name),
    'request_id', request_id, 'changes', changes)"""


def entries_of(kind: str) -> str:
    """The entries of one row of this kind, for a `Trail`."""
    return f"audit_trail WHERE organisation_id = :organisation_id AND kind = '{kind}' AND id = :id"


@dataclass(frozen=True, slots=True)
class Trail:
    """Where the changes of a kind of rows are: `entries` and `found`, whether there is such a row, are both of one
    `:organisation_id` and `:id`."""

    entries: str
    found: str

    def page(self, organisation_id: int, row_id: int, window: Window, place: tuple[Any, ...], longest: int) -> PageRead:
        """Whether there is such a row, how many of its changes are known, and the page of them as JSON text."""
        return PageRead(_statement(self, window, longest), (organisation_id, row_id, *place))


@cache
def _statement(trail: Trail, window: Window, longest: int) -> Statement:
    entries = trail.entries + window.changed_at("changed_at")
    counted = f"(SELECT count(*) FROM {entries})" if window.is_counted else "NULL::bigint"  # noqa: S608 - constants
    select = f"SELECT * FROM {entries}{window.start('version')}"  # noqa: S608 - of constants
    page = page_of(select, "version", longest, window)
    items = items_of(page=page, joins="", item=_ENTRY, order="version", window=window, key="version")
    text = f"SELECT ({trail.found}) AS found, {counted} AS total, {items}"
    return Statement(text, {"organisation_id": "bigint", "id": "bigint", **window.types})


async def add(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Adds entries of changes that publish no event; `outbox.add` takes the others together with their events."""
    await connection.execute(INSERT.format(entries="$1"), entries_json(entries))


def entries_json(entries: Sequence[AuditEntry]) -> str:
    return to_json([_columns(entry) for entry in entries]).decode()


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
