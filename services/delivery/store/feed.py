"""SQL of the feed: every event once, in an order that no late commit gets behind.

An event's position is the transaction that took it in. Transactions commit in another order than they begin: a reader
sees the positions below the oldest one that is still running, where nothing can be added any more.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from shared.postgres.batched_reads import PageRead, Statement
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns


class Entry(NamedTuple):
    """`body` is the CloudEvent, byte for byte."""

    organisation_id: int
    event_id: UUID
    type: str
    body: str


_ENTRIES = ArrayColumns(organisation_id="bigint", event_id="uuid", type="text", body="text")

_TAKE = f"""
WITH arrived AS (
    SELECT DISTINCT ON (organisation_id, event_id) * FROM {_ENTRIES.unnest("entry", ordinality="place")}
    ORDER BY organisation_id, event_id, place
), fresh AS (
    INSERT INTO event_ids (organisation_id, event_id) SELECT organisation_id, event_id FROM arrived
    ON CONFLICT DO NOTHING RETURNING organisation_id, event_id
), taken AS (
    INSERT INTO events (organisation_id, position, event_id, type, body)
    SELECT organisation_id, feed_position(pg_current_xact_id()), event_id, type, body
    FROM arrived JOIN fresh USING (organisation_id, event_id)
    ORDER BY place
    RETURNING organisation_id
)
SELECT pg_notify('feed', '') FROM taken LIMIT 1
"""  # noqa: S608 - of constants alone

_PAGE = Statement(
    """
    SELECT coalesce(string_agg(found.body, ', ' ORDER BY found.position, found.id)
            FILTER (WHERE found.place <= :most), '') AS events,
        coalesce(max(found.place), 0) > :most AS has_more,
        (array_agg(found.position ORDER BY found.place DESC) FILTER (WHERE found.place <= :most))[1] AS last_position,
        (array_agg(found.id ORDER BY found.place DESC) FILTER (WHERE found.place <= :most))[1] AS last_id,
        feed_position(pg_snapshot_xmin(pg_current_snapshot())) AS horizon
    FROM (
        SELECT position, id, body, row_number() OVER (ORDER BY position, id) AS place FROM events
        WHERE organisation_id = :organisation_id AND (position, id) > (:after_position, :after_id)
            AND position < feed_position(pg_snapshot_xmin(pg_current_snapshot()))
        ORDER BY position, id LIMIT :most + 1
    ) AS found
    """,
    {"organisation_id": "bigint", "after_position": "bigint", "after_id": "bigint", "most": "integer"},
)


async def take(connection: Connection, entries: Sequence[Entry]) -> None:
    """Adds those that were not taken before."""
    columns = _ENTRIES.arrays(entry._asdict() for entry in entries)
    await connection.execute(_TAKE, *columns)


def page(organisation_id: int, after: tuple[int, int], limit: int) -> PageRead:
    """The events after this place, as JSON text; whether more follow; the last one's position and id, null where there
    are none; and the position below which nothing can be added any more."""
    return PageRead(_PAGE, (organisation_id, *after, limit))
