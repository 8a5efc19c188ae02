"""The outbox: an event is written in the transaction of the change it announces (architecture, principle 2)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from shared.concurrency.turns import in_turns
from shared.events.cloudevents import encode
from shared.events.states import State
from shared.events.types import Event
from shared.messaging import installation
from shared.postgres import audit_trail
from shared.postgres.audit import AuditEntry
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

CHANNEL = "outbox"
"""PostgreSQL's notification channel that wakes the relay."""
_IN_BULK = "set_config('muster.bulk', 'on', true)"
WITH_MORE_IN_BULK = f"{_IN_BULK}, set_config('muster.more', 'on', true)"
"""SQL of a transaction whose events may come later than others, and which is followed by more of its kind at once:
those of an import (decision 31)."""
BULK_NOTIFICATION = "bulk"
"""The payload for events in bulk."""
MORE_IN_BULK_NOTIFICATION = "bulk, and more"
"""The same where more follow at once."""

_EVENTS = ArrayColumns(
    event_id="uuid", organisation_id="bigint", routing_key="text", body="text", must_route="boolean", source="text"
)

# The event's `time` is the database's, as `created_at` is, and so is the installation it comes from. The body is stored
# whole, because a relay of another version may publish it.
_ADD = f"""
WITH added AS (
    INSERT INTO outbox (event_id, organisation_id, routing_key, body, must_route)
    SELECT event_id, organisation_id, routing_key,
        format('{{"time": %s, "source": "%s", "dataschema": "%s", %s',
            to_json(now()), {installation.SOURCE}, {installation.DATASCHEMA}, substr(body, 2)), must_route
    FROM {_EVENTS.unnest("events")} {installation.BESIDE_EVENTS}
)
SELECT pg_notify('outbox', CASE WHEN current_setting('muster.more', true) = 'on' THEN 'bulk, and more'
    WHEN current_setting('muster.bulk', true) = 'on' THEN 'bulk' ELSE '' END)
"""  # noqa: S608 - of constants alone

# One round trip for both: a change with an event is a change in the audit trail.
_ADD_WITH_TRAIL = f"WITH trail AS ({audit_trail.INSERT.format(entries='$7')}), {_ADD.strip().removeprefix('WITH ')}"

# The relay's transactions begin before there is a row to lock, so now() would be too early in them.
_LOCK_UNPUBLISHED = """
SELECT id, event_id, routing_key, body, must_route
FROM outbox
WHERE published_at IS NULL AND NOT bulk AND (retry_at IS NULL OR retry_at <= statement_timestamp())
ORDER BY id
LIMIT $1
FOR UPDATE SKIP LOCKED
"""

# As many of each organisation that has any, which are found one by one on their index: however much one has imported,
# another's file does not wait for that.
_LOCK_UNPUBLISHED_IN_BULK = """
WITH RECURSIVE organisations AS (
    (SELECT organisation_id FROM outbox WHERE published_at IS NULL AND bulk ORDER BY organisation_id LIMIT 1)
    UNION ALL
    SELECT (SELECT next.organisation_id FROM outbox next WHERE next.published_at IS NULL AND next.bulk
            AND next.organisation_id > before.organisation_id ORDER BY next.organisation_id LIMIT 1)
    FROM organisations before WHERE before.organisation_id IS NOT NULL
)
SELECT waiting.*
FROM organisations CROSS JOIN LATERAL (
    SELECT id, event_id, routing_key, body, must_route
    FROM outbox
    WHERE organisation_id = organisations.organisation_id AND published_at IS NULL AND bulk
        AND (retry_at IS NULL OR retry_at <= statement_timestamp())
    ORDER BY id
    LIMIT greatest($1 / (SELECT count(organisation_id) FROM organisations), 1)
    FOR UPDATE SKIP LOCKED
) waiting
LIMIT $1
"""

# The mark does not wait for the disk: if a crash of the server loses it, the event is published again, as it is after a
# crash before the mark.
_MARK_PUBLISHED = """
UPDATE outbox SET published_at = statement_timestamp() FROM set_config('synchronous_commit', 'off', true)
WHERE id = ANY($1::bigint[])
"""

_POSTPONE = "UPDATE outbox SET retry_at = statement_timestamp() + $2::interval WHERE id = ANY($1::bigint[])"

_ENDS = """
SELECT coalesce((SELECT max(id) FROM outbox), 0) AS last,
    (SELECT min(id) FROM outbox WHERE published_at IS NULL) AS oldest
"""

MOST_COUNTED = 100_000
"""Events that wait and are counted: more of them would take longer than whoever asks waits."""

# Each part walks along the index of its lane. In bulk the oldest event of each organisation is found on its own; of
# organisations whose file has just been applied there are never many.
_BACKLOG = """
WITH RECURSIVE organisations AS (
    (SELECT organisation_id FROM outbox WHERE published_at IS NULL AND bulk ORDER BY organisation_id LIMIT 1)
    UNION ALL
    SELECT (SELECT next.organisation_id FROM outbox next WHERE next.published_at IS NULL AND next.bulk
            AND next.organisation_id > before.organisation_id ORDER BY next.organisation_id LIMIT 1)
    FROM organisations before WHERE before.organisation_id IS NOT NULL
), oldest AS (
    SELECT (SELECT created_at FROM outbox WHERE published_at IS NULL AND NOT bulk ORDER BY id LIMIT 1) AS direct,
        (SELECT min(first.created_at) FROM (SELECT * FROM organisations LIMIT 1000) each CROSS JOIN LATERAL (
            SELECT created_at FROM outbox
            WHERE organisation_id = each.organisation_id AND published_at IS NULL AND bulk ORDER BY id LIMIT 1
        ) first) AS bulk
)
SELECT
    (SELECT count(*) FROM (SELECT FROM outbox WHERE published_at IS NULL AND NOT bulk ORDER BY id LIMIT $1) part),
    (SELECT count(*) FROM (
        SELECT FROM outbox WHERE published_at IS NULL AND bulk ORDER BY organisation_id, id LIMIT $1) part),
    coalesce(extract(epoch FROM statement_timestamp() - direct), 0)::float8,
    coalesce(extract(epoch FROM statement_timestamp() - bulk), 0)::float8
FROM oldest
"""

_PRUNE = """
DELETE FROM outbox
WHERE id IN (SELECT id FROM outbox WHERE published_at < now() - interval '24 hours' ORDER BY published_at LIMIT 5000)
"""

# Published events are kept for a day, so those of the last 23 hours are complete. One statement sees rows and events in
# one snapshot, so changes in progress make no difference.
_WITHOUT_EVENT = """
SELECT r.organisation_id, r.id, r.version, sent.first, sent.last, sent.events
FROM (
    SELECT organisation_id, (body::jsonb #>> '{{data,id}}')::bigint AS id, count(DISTINCT version) AS events,
        min(version) AS first, max(version) AS last
    FROM (
        SELECT organisation_id, body, (body::jsonb #>> '{{data,version}}')::integer AS version FROM public.outbox
        WHERE routing_key LIKE '{kind}.%' AND created_at > now() - interval '23 hours'
            AND id > (SELECT max(id) - 1000000 FROM public.outbox)
    ) kept
    GROUP BY 1, 2
) sent
JOIN public.{table} r USING (organisation_id, id)
WHERE sent.events <= sent.last - sent.first OR sent.last <> r.version
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An unpublished event; `event_id` stays the same when it is published again."""

    id: int
    event_id: UUID
    routing_key: str
    body: str
    must_route: bool


class Outbox(NamedTuple):
    """Ids: of the last event, 0 where there is none, and of the oldest that a queue may lack."""

    last: int
    oldest: int | None


class Backlog(NamedTuple):
    """Events that are not published yet, and seconds for which the oldest has waited: those in bulk, and all others."""

    direct: int
    bulk: int
    direct_seconds: float
    bulk_seconds: float


async def add(
    connection: Connection, source: str, events: Sequence[Event[State]], trail: Sequence[AuditEntry] = ()
) -> None:
    """Adds the events to the transaction that `connection` is in; the relay is woken when it commits.

    `source` is the service that owns the rows. `trail`: the entries of the audit trail for the same changes.
    """
    if not events:
        return
    columns = _EVENTS.arrays(await in_turns(partial(_columns, source), events))
    if trail:
        await connection.execute(_ADD_WITH_TRAIL, *columns, audit_trail.entries_json(trail))
    else:
        await connection.execute(_ADD, *columns)


def _columns(source: str, event: Event[State]) -> dict[str, Any]:
    event_id, body = encode(event)
    return {
        "event_id": event_id,
        "organisation_id": event.organisation_id,
        "routing_key": event.type,
        "body": body,
        "must_route": event.must_route,
        "source": source,
    }


async def put_in_bulk(connection: Connection, *, more: bool = False) -> None:
    """Events of the transaction are in bulk from now on; `more`: other transactions with such follow at once."""
    await connection.execute(f"SELECT {WITH_MORE_IN_BULK if more else _IN_BULK}")


async def lock_unpublished(connection: Connection, limit: int, *, bulk: bool = False) -> list[OutboxRow]:
    """Locks and returns the oldest unpublished rows that no other relay has locked, until the transaction ends: those
    in bulk, or all others."""
    statement = _LOCK_UNPUBLISHED_IN_BULK if bulk else _LOCK_UNPUBLISHED
    return [OutboxRow(*row) for row in await connection.fetch(statement, limit)]


async def mark_published(connection: Connection, ids: Sequence[int]) -> None:
    await connection.execute(_MARK_PUBLISHED, ids)


async def postpone(connection: Connection, ids: Sequence[int], delay: timedelta) -> None:
    """Defers rows that the broker refused, so that they do not block the rows behind them."""
    await connection.execute(_POSTPONE, ids, delay)


async def ends(connection: Connection) -> Outbox:
    [row] = await connection.fetch(_ENDS)
    return Outbox(*row)


async def backlog(connection: Connection) -> Backlog:
    """What waits, counted up to `MOST_COUNTED`."""
    [row] = await connection.fetch(_BACKLOG, MOST_COUNTED)
    return Backlog(*row)


async def prune(connection: Connection) -> None:
    """Deletes up to 5,000 rows that were published more than a day ago."""
    await connection.execute(_PRUNE)


async def changes_without_event(connection: Connection, kind: str, table: str) -> AsyncIterator[str]:
    """A sentence for each row that has a version without an event; `kind` begins the events' routing keys.

    Checks the events of the last 23 hours, the newest million at most.
    """
    for row in await connection.fetch(_WITHOUT_EVENT.format(kind=kind, table=table)):
        yield (
            f"{table} of organisation {row['organisation_id']}, id {row['id']}: version {row['version']}, with"
            f" {row['events']} events for versions {row['first']} to {row['last']}"
        )
