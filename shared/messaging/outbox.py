"""The outbox: events join the transaction of the change they tell of (architecture, principle 2)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from shared.events.cloudevents import encode
from shared.events.types import Event, State
from shared.postgres import audit_trail
from shared.postgres.audit import AuditEntry
from shared.postgres.pool import Connection

CHANNEL = "outbox"
"""PostgreSQL's notification channel that wakes the relay."""

# The event's `time` is the database's, as `created_at` is: the first member of a body that is stored whole, since a
# relay of another version may publish it.
_ADD = """
WITH added AS (
    INSERT INTO outbox (event_id, organisation_id, routing_key, body, must_route)
    SELECT event_id, organisation_id, routing_key,
        format('{"time": %s, %s', to_json(now()), substr(body, 2)), must_route
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::boolean[])
        AS events (event_id, organisation_id, routing_key, body, must_route)
)
SELECT pg_notify('outbox', '')
"""

# One round trip for both: a change that is told is a change that is in the trail.
_ADD_WITH_TRAIL = f"WITH trail AS ({audit_trail.INSERT.format(entries='$6')}), {_ADD.strip().removeprefix('WITH ')}"

# The relay's transactions begin before there is anything to claim: now() would be too early in them.
_CLAIM = """
SELECT id, event_id, routing_key, body, must_route
FROM outbox
WHERE published_at IS NULL AND (retry_at IS NULL OR retry_at <= statement_timestamp())
ORDER BY id
LIMIT $1
FOR UPDATE SKIP LOCKED
"""

# A mark that a crash of the server takes away publishes once more, as a crash before it would: it waits for no disk.
_MARK_PUBLISHED = """
UPDATE outbox SET published_at = statement_timestamp() FROM set_config('synchronous_commit', 'off', true)
WHERE id = ANY($1::bigint[])
"""

_POSTPONE = "UPDATE outbox SET retry_at = statement_timestamp() + $2::interval WHERE id = ANY($1::bigint[])"

_PRUNE = """
DELETE FROM outbox
WHERE id IN (SELECT id FROM outbox WHERE published_at < now() - interval '24 hours' ORDER BY published_at LIMIT 5000)
"""

# Events are kept for a day after they were published: those of the last 23 hours are all there. One statement sees
# rows and events at one moment, and so nothing that is under way.
_UNTOLD = """
SELECT r.organisation_id, r.id, r.version, told.first, told.last, told.events
FROM (
    SELECT organisation_id, (body::jsonb #>> '{{data,id}}')::bigint AS id, count(DISTINCT version) AS events,
        min(version) AS first, max(version) AS last
    FROM (
        SELECT organisation_id, body, (body::jsonb #>> '{{data,version}}')::integer AS version FROM public.outbox
        WHERE routing_key LIKE '{kind}.%' AND created_at > now() - interval '23 hours'
            AND id > (SELECT max(id) - 1000000 FROM public.outbox)
    ) kept
    GROUP BY 1, 2
) told
JOIN public.{table} r USING (organisation_id, id)
WHERE told.events <= told.last - told.first OR told.last <> r.version
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event that waits to be published; `event_id` is the same at every repetition."""

    id: int
    event_id: UUID
    routing_key: str
    body: str
    must_route: bool


async def add(
    connection: Connection, source: str, events: Sequence[Event[State]], trail: Sequence[AuditEntry] = ()
) -> None:
    """Adds the events to the transaction that `connection` is in; the relay is woken when it commits.

    `trail`: the entries of the audit trail for the same changes.
    """
    if not events:
        return
    encoded = [encode(event, source) for event in events]
    columns = [
        [event_id for event_id, _ in encoded],
        [event.organisation_id for event in events],
        [event.type for event in events],
        [body for _, body in encoded],
        [event.must_route for event in events],
    ]
    if trail:
        await connection.execute(_ADD_WITH_TRAIL, *columns, audit_trail.entries_json(trail))
    else:
        await connection.execute(_ADD, *columns)


async def claim(connection: Connection, limit: int) -> list[OutboxRow]:
    """The oldest rows no other relay holds; they are held until the transaction ends."""
    return [OutboxRow(*row) for row in await connection.fetch(_CLAIM, limit)]


async def mark_published(connection: Connection, ids: Sequence[int]) -> None:
    await connection.execute(_MARK_PUBLISHED, ids)


async def postpone(connection: Connection, ids: Sequence[int], delay: timedelta) -> None:
    """Lets rows that could not be published wait, so that they do not hold up those behind them."""
    await connection.execute(_POSTPONE, ids, delay)


async def prune(connection: Connection) -> None:
    """Deletes up to 5,000 rows that were published more than a day ago."""
    await connection.execute(_PRUNE)


async def changes_without_event(connection: Connection, kind: str, table: str) -> AsyncIterator[str]:
    """A sentence for each row with a version that no event tells of; `kind` begins the events' routing keys.

    Looks at the events of the last 23 hours, a million of them at most.
    """
    for row in await connection.fetch(_UNTOLD.format(kind=kind, table=table)):
        yield (
            f"{table} of organisation {row['organisation_id']}, id {row['id']}: version {row['version']}, with"
            f" {row['events']} events that tell of versions {row['first']} to {row['last']}"
        )
