"""SQL of the seats that somebody watches; triggers number and send each change (migration 0024)."""

from collections.abc import Sequence
from typing import Final

from services.enrollment.representations import WatchedSeats
from services.enrollment.rules import SessionKey
from shared.postgres.pool import Connection

CHANNEL: Final = "live_seats"

_STATES = """
SELECT to_json(live)::text AS state FROM live_seats live
WHERE (organisation_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
"""
_PING = "SELECT true"


async def states(connection: Connection, keys: Sequence[SessionKey]) -> list[str]:
    """Of those of the sessions that are known here, also where they were removed, as their notifications have them."""
    rows = await connection.fetch(_STATES, [key[0] for key in keys], [key[1] for key in keys])
    return [row["state"] for row in rows]


async def watched_seats(connection: Connection, keys: Sequence[SessionKey]) -> list[WatchedSeats]:
    """The same, read."""
    return [WatchedSeats.read(state) for state in await states(connection, keys)]


async def require_alive(connection: Connection) -> None:
    """Raises `DatabaseUnavailable` where the server of a connection that only waits is gone."""
    await connection.fetchval(_PING)
