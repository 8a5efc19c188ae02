"""SQL that makes events of the feed blank where they say who somebody was who is erased (decision 30)."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from shared.events.personal import KINDS
from shared.postgres.pool import Connection

# Whoever takes events about people in waits for those who take an erasure in, and the other way round: what was not in
# the list when an event was taken is there to be found when the erasure is committed.
_LOCK = "SELECT pg_advisory_xact_lock{shared}(hashtextextended('erased people', 0))"

_GO_THROUGH = """
INSERT INTO feed_erasures (organisation_id) SELECT DISTINCT * FROM unnest($1::bigint[]) ORDER BY 1
ON CONFLICT (organisation_id) DO UPDATE SET again = true
"""
_NEXT = """
SELECT organisation_id, after_position, after_id, again FROM feed_erasures
ORDER BY looked_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_EXAMINED = """
SELECT position, id, day, type, body FROM events
WHERE organisation_id = $1 AND (position, id) > ($2, $3) ORDER BY position, id LIMIT $4
"""
_OF_PEOPLE = f"""
SELECT position, id, day, body FROM ({_EXAMINED}) AS event WHERE split_part(type, '.', 2) = ANY($5::text[])
"""  # noqa: S608 - of constants alone
_LAST = f"""
SELECT position, id, count FROM (
    SELECT position, id, count(*) OVER () AS count FROM ({_EXAMINED}) AS event
) AS examined ORDER BY position DESC, id DESC LIMIT 1
"""  # noqa: S608 - of constants alone
_BLANK = """
UPDATE events SET body = new.body
FROM unnest($2::bigint[], $3::bigint[], $4::date[], $5::text[]) AS new (position, id, day, body)
WHERE events.organisation_id = $1 AND events.position = new.position AND events.id = new.id AND events.day = new.day
"""
_GO_ON = """
UPDATE feed_erasures SET after_position = $2, after_id = $3, again = again AND NOT $4, looked_at = clock_timestamp()
WHERE organisation_id = $1
"""
_DONE = "DELETE FROM feed_erasures WHERE organisation_id = $1"


class Walk(NamedTuple):
    """The feed of an organisation behind this place is to be gone through."""

    organisation_id: int
    after_position: int
    after_id: int
    again: bool


class Found(NamedTuple):
    """An event of the feed, and where it is."""

    position: int
    id: int
    day: date
    body: str


async def lock(connection: Connection, *, for_erasure: bool) -> None:
    """Until the transaction ends; before the list of those who were erased is read, or written."""
    await connection.execute(_LOCK.format(shared="" if for_erasure else "_shared"))


async def go_through(connection: Connection, organisations: Iterable[int]) -> None:
    """The feed of these organisations is to be gone through, also where that is under way."""
    await connection.execute(_GO_THROUGH, list(organisations))


async def next_walk(connection: Connection) -> Walk | None:
    """One that nobody else is at, until the transaction ends: that which was looked at the longest ago."""
    row = await connection.fetchrow(_NEXT)
    return None if row is None else Walk(*row)


async def of_people(connection: Connection, walk: Walk, limit: int) -> list[Found]:
    """Among the next so many events, those about people."""
    rows = await connection.fetch(_OF_PEOPLE, *walk[:3], limit, KINDS)
    return [Found(*row) for row in rows]


async def write(connection: Connection, organisation_id: int, events: Sequence[Found]) -> None:
    """Their bodies, at the places where they are."""
    columns = ([each[place] for each in events] for place in range(4))
    await connection.execute(_BLANK, organisation_id, *columns)


async def go_on(connection: Connection, walk: Walk, limit: int) -> None:
    """Behind so many events, or to the end: then from the beginning, where somebody was erased meanwhile."""
    row = await connection.fetchrow(_LAST, *walk[:3], limit)
    if row is not None and row["count"] == limit:
        await connection.execute(_GO_ON, walk.organisation_id, row["position"], row["id"], False)
    elif walk.again:
        await connection.execute(_GO_ON, walk.organisation_id, 0, 0, True)
    else:
        await connection.execute(_DONE, walk.organisation_id)
