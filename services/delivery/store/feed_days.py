"""SQL that keeps the feed: its days, and what has been taken (decision 24)."""

from datetime import date

from shared.postgres.pool import Connection

KEPT_IDS_DAYS = 31
"""Longer than events are kept: what is delivered again meanwhile is not taken twice."""
PRUNED = 5_000
"""Rows that one statement deletes."""

_PRUNE_IDS = """
DELETE FROM event_ids WHERE (organisation_id, event_id) IN (
    SELECT organisation_id, event_id FROM event_ids
    WHERE received_at < statement_timestamp() - $1 * interval '1 day' ORDER BY received_at LIMIT $2
)
"""


async def prepare(connection: Connection) -> None:
    """Makes the partitions of the next days. Positions go on above all that were given, also after a restore."""
    await connection.execute("SELECT renew_feed_offset()")
    while await connection.fetchval("SELECT make_feed_day()"):
        pass


async def drop_one(connection: Connection) -> date | None:
    """Drops the oldest day of the feed that is kept no longer, if there is one."""
    dropped: date | None = await connection.fetchval("SELECT drop_feed_day()")
    return dropped


async def prune_ids(connection: Connection) -> bool:
    """Forgets some of the events that came long ago; whether there may be more. In a scope of every organisation."""
    status = await connection.execute(_PRUNE_IDS, KEPT_IDS_DAYS, PRUNED)
    return status == f"DELETE {PRUNED}"
