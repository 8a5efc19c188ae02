"""The outbox: events join the transaction of the change they tell of (architecture, decision 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from shared.cloudevents import encode
from shared.database import Connection
from shared.events import Event, State

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

_CLAIM = """
SELECT id, event_id, routing_key, body, must_route
FROM outbox
WHERE published_at IS NULL AND (retry_at IS NULL OR retry_at <= now())
ORDER BY id
LIMIT $1
FOR UPDATE SKIP LOCKED
"""

_MARK_PUBLISHED = "UPDATE outbox SET published_at = now() WHERE id = ANY($1::bigint[])"

_POSTPONE = "UPDATE outbox SET retry_at = now() + $2::interval WHERE id = ANY($1::bigint[])"

_PRUNE = """
DELETE FROM outbox
WHERE id IN (SELECT id FROM outbox WHERE published_at < now() - interval '24 hours' ORDER BY published_at LIMIT 5000)
"""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event that waits to be published; `event_id` is the same at every repetition."""

    id: int
    event_id: UUID
    routing_key: str
    body: str
    must_route: bool


async def add(connection: Connection, source: str, events: Sequence[Event[State]]) -> None:
    """Adds the events to the transaction that `connection` is in; the relay is woken when it commits."""
    if not events:
        return
    encoded = [encode(event, source) for event in events]
    await connection.execute(
        _ADD,
        [event_id for event_id, _ in encoded],
        [event.organisation_id for event in events],
        [event.type for event in events],
        [body for _, body in encoded],
        [event.must_route for event in events],
    )


async def claim(connection: Connection, limit: int) -> list[OutboxRow]:
    """The oldest rows no other relay holds; they are held until the transaction ends."""
    return [OutboxRow(**dict(row)) for row in await connection.fetch(_CLAIM, limit)]


async def mark_published(connection: Connection, ids: Sequence[int]) -> None:
    await connection.execute(_MARK_PUBLISHED, ids)


async def postpone(connection: Connection, ids: Sequence[int], delay: timedelta) -> None:
    """Lets rows that could not be published wait, so that they do not hold up those behind them."""
    await connection.execute(_POSTPONE, ids, delay)


async def prune(connection: Connection) -> None:
    """Deletes up to 5,000 rows that were published more than a day ago."""
    await connection.execute(_PRUNE)
