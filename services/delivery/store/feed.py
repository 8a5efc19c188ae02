"""SQL of the feed: every event once, in an order that no late commit gets behind (decision 24).

An event's position is the transaction that took it in. Transactions commit in another order than they begin: a reader
sees the positions below the oldest one that is still running, where nothing can be added any more.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from services.delivery.event_types import Wanted
from services.delivery.store.fan_out import FAN_OUT
from shared.postgres.batched_reads import PageRead, Statement
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

CHANNEL: Final = "feed"
"""Its notifications are `position:organisation,organisation,…`; without organisations, where they are too many."""
MAX_BODIES: Final = 4 * 1024 * 1024
"""Bytes of events in an answer; a single one may be longer."""
EXAMINED: Final = 10_000
"""Events that a read with a filter looks at; where more follow, the next one goes on after them."""


class Entry(NamedTuple):
    """`body` is the CloudEvent, byte for byte."""

    organisation_id: int
    event_id: UUID
    type: str
    body: str


class Page(NamedTuple):
    """`events` is JSON text. `reached` is null where nothing follows below the horizon."""

    events: str
    shown: int
    reached_position: int | None
    reached_id: int | None
    horizon: int
    floor_position: int
    floor_id: int


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
    SELECT organisation_id, (SELECT next_feed_position()), event_id, type, body
    FROM arrived JOIN fresh USING (organisation_id, event_id)
    ORDER BY place
    RETURNING organisation_id, day, position, id, event_id, type
), sent AS ({FAN_OUT}), whose AS (
    SELECT position, string_agg(DISTINCT organisation_id::text, ',') AS organisations FROM taken GROUP BY position
)
SELECT pg_notify('{CHANNEL}', position || ':' || CASE WHEN length(organisations) < 7000 THEN organisations ELSE '' END),
    (SELECT count(*) FROM taken)
FROM whose
"""  # noqa: S608 - of constants alone

_PAGE = Statement(
    f"""
    WITH bounds AS (
        SELECT feed_position(pg_snapshot_xmin(pg_current_snapshot())) AS horizon, floor_position, floor_id,
            (SELECT coalesce(max(day) - 1, '-infinity') FROM feed_days WHERE position <= :after_position) AS first_day
        FROM feed_state
    ), examined AS (
        SELECT event.*, row_number() OVER (ORDER BY event.position, event.id) AS place
        FROM bounds CROSS JOIN LATERAL (
            SELECT position, id, day, type FROM events
            WHERE organisation_id = :organisation_id AND (position, id) > (:after_position, :after_id)
                AND position < bounds.horizon AND day >= bounds.first_day
            ORDER BY position, id LIMIT :examined + 1
        ) AS event
    ), wanted AS (
        SELECT position, id, day, place FROM examined
        WHERE place <= :examined
            AND (:types || :beginnings = '{{}}{{}}' OR type = ANY (:types::text[]) OR type ^@ ANY (:beginnings::text[]))
        ORDER BY place LIMIT :most + 1
    ), found AS (
        SELECT wanted.*, body, row_number() OVER places AS nth, sum(octet_length(body)) OVER places AS bytes
        FROM wanted JOIN events USING (position, id, day) WHERE events.organisation_id = :organisation_id
        WINDOW places AS (ORDER BY wanted.place)
    ), shown AS (
        SELECT * FROM found WHERE nth <= :most AND (bytes <= {MAX_BODIES} OR nth = 1)
    ), reached AS (
        -- The last that is shown where it is not the last that was found, or else the last that was looked at.
        SELECT position, id FROM shown
        WHERE (SELECT count(*) FROM shown) < (SELECT count(*) FROM found)
        UNION ALL
        SELECT position, id FROM examined
        WHERE place = :examined AND (SELECT count(*) FROM shown) = (SELECT count(*) FROM found)
            AND (SELECT count(*) FROM examined) > :examined
        ORDER BY position DESC, id DESC LIMIT 1
    )
    SELECT coalesce((SELECT string_agg(body, ', ' ORDER BY nth) FROM shown), '') AS events,
        (SELECT count(*) FROM shown) AS shown, reached.position, reached.id,
        bounds.horizon, bounds.floor_position, bounds.floor_id
    FROM bounds LEFT JOIN reached ON true
    """,  # noqa: S608 - of constants alone
    {
        "organisation_id": "bigint",
        "after_position": "bigint",
        "after_id": "bigint",
        "types": "text",
        "beginnings": "text",
        "examined": "integer",
        "most": "integer",
    },
)

_HORIZON = """
SELECT feed_position(pg_snapshot_xmin(here)) AS horizon, feed_position(pg_snapshot_xmax(here)) AS above
FROM pg_current_snapshot() AS here
"""


async def take(connection: Connection, entries: Sequence[Entry]) -> int:
    """Adds those that were not taken before, and wakes who waits for them once they are committed; returns how many."""
    columns = _ENTRIES.arrays(entry._asdict() for entry in entries)
    rows = await connection.fetch(_TAKE, *columns)
    return rows[0]["count"] if rows else 0


def page(organisation_id: int, after: tuple[int, int], wanted: Wanted, limit: int) -> PageRead:
    """The next events after this place; its row is a `Page`."""
    types, beginnings = (f"{{{','.join(names)}}}" for names in wanted)
    examined = EXAMINED if any(wanted) else limit
    return PageRead(_PAGE, (organisation_id, *after, types, beginnings, examined, limit))


async def horizon(connection: Connection) -> tuple[int, int]:
    """The position below which nothing can be added any more, and one above all that is there."""
    [row] = await connection.fetch(_HORIZON)
    return row["horizon"], row["above"]
