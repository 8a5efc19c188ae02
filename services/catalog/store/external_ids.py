"""SQL of the ids that the organisation's own system gives its courses and sessions; `table` is that of the one kind."""

from collections.abc import Sequence
from typing import Literal

from shared.postgres.pool import Connection

Table = Literal["courses", "sessions"]

# Everyone who takes several locks takes them in the same order.
_LOCK = """
SELECT pg_advisory_xact_lock(key) FROM (
    SELECT DISTINCT hashtextextended(concat_ws(' ', $1::text, $2::bigint, external_id), 3) AS key
    FROM unnest($3::text[]) AS taken (external_id) ORDER BY key
) keys
"""
_HOLDERS = "SELECT external_id, id FROM {table} WHERE organisation_id = $1 AND external_id = ANY($2::text[])"


async def holders(
    connection: Connection, table: Table, organisation_id: int, external_ids: Sequence[str]
) -> dict[str, int]:
    """The ids of the rows that have them."""
    rows = await connection.fetch(_HOLDERS.format(table=table), organisation_id, external_ids)
    return {row["external_id"]: row["id"] for row in rows}


async def lock(
    connection: Connection, table: Table, organisation_id: int, external_ids: Sequence[str]
) -> dict[str, int]:
    """The same; until the transaction ends nobody else can take one of them."""
    await connection.execute(_LOCK, table, organisation_id, external_ids)
    return await holders(connection, table, organisation_id, external_ids)
