"""SQL of the position up to which a service has applied every event (decision 27).

Each change begins with the lock on the one row of `followed`, so that it sees what the one before it did.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from shared.postgres.pool import Connection, Pool, connected, transaction

FORGOTTEN_AFTER = timedelta(seconds=60)
"""Without a sign of life; longer than a consumer takes from its entry to its subscription (`OPERATION_TIMEOUT`)."""

_LOCK = "SELECT FROM followed FOR UPDATE"

_START_AGAIN = "UPDATE followed SET candidate = NULL, number = number + 1"

_JOIN = "INSERT INTO followers (channel) VALUES ($1)"

_CONSUME = """
INSERT INTO followers (channel, consumes) VALUES ($1, true)
ON CONFLICT (channel) DO UPDATE SET consumes = true, seen_at = statement_timestamp()
"""

_LEAVE = "DELETE FROM followers WHERE channel = $1"

_FORGET = "DELETE FROM followers WHERE seen_at < statement_timestamp() - $1::interval RETURNING 1"

_SEE = "UPDATE followers SET seen_at = statement_timestamp() WHERE channel = $1 RETURNING 1"

_ROUND = "SELECT candidate, number FROM followed"

# A lower position than before: delivery's database is an older copy, and what was said before means nothing in it.
_OFFER = """
UPDATE followed SET
    position = CASE WHEN position <= $1 THEN position END,
    candidate = CASE WHEN (SELECT bool_and(consumes) FROM followers) THEN $1 END
WHERE candidate IS NULL
"""

_CONFIRM = """
UPDATE followers SET confirmed = $2, consumers = $3
WHERE channel = $1 AND EXISTS (SELECT FROM followed WHERE number = $2 AND candidate IS NOT NULL)
"""

_COMPLETE = """
UPDATE followed SET position = candidate, candidate = NULL, number = number + 1
WHERE number = $1 AND candidate IS NOT NULL AND NOT EXISTS (
    SELECT FROM followers
    WHERE confirmed IS DISTINCT FROM $1 OR consumers IS DISTINCT FROM (SELECT count(*) FROM followers)
)
"""

_POSITION = "SELECT position FROM followed"


class Round(NamedTuple):
    """What is to be confirmed: every event below `candidate` is applied. None while there is nothing to confirm."""

    candidate: int | None
    number: int


async def join(pool: Pool, channel: UUID) -> None:
    """Before the channel consumes: from then on nothing is complete without it."""
    async with _locked(pool) as connection:
        await connection.execute(_JOIN, channel)
        await connection.execute(_START_AGAIN)


async def consume(pool: Pool, channel: UUID) -> None:
    """Once the channel consumes."""
    async with _locked(pool) as connection:
        await connection.execute(_CONSUME, channel)
        await connection.execute(_START_AGAIN)


async def leave(pool: Pool, channel: UUID) -> None:
    """After the end of the channel: others get the messages that it has not acknowledged."""
    async with _locked(pool) as connection:
        await connection.execute(_LEAVE, channel)
        await connection.execute(_START_AGAIN)


async def current_round(pool: Pool, channel: UUID) -> Round:
    """Tells that the channel is there, and forgets those that have told nothing for `FORGOTTEN_AFTER`."""
    async with _locked(pool) as connection:
        forgotten = await connection.fetch(_FORGET, FORGOTTEN_AFTER)
        known = await connection.fetch(_SEE, channel)
        if not known:
            await connection.execute(_CONSUME, channel)
        if forgotten or not known:
            await connection.execute(_START_AGAIN)
        return await _round(connection)


async def offer(pool: Pool, position: int) -> Round:
    """The position is to be confirmed next, unless another is."""
    async with _locked(pool) as connection:
        await connection.execute(_OFFER, position)
        return await _round(connection)


async def confirm(pool: Pool, channel: UUID, number: int, consumers: int) -> None:
    """The last of all consumers makes the candidate the position."""
    async with _locked(pool) as connection:
        await connection.execute(_CONFIRM, channel, number, consumers)
        await connection.execute(_COMPLETE, number)


async def position(pool: Pool) -> int | None:
    """Every event below it is applied."""
    async with connected(pool) as connection:
        found: int | None = await connection.fetchval(_POSITION)
        return found


@asynccontextmanager
async def _locked(pool: Pool) -> AsyncIterator[Connection]:
    async with transaction(pool, ()) as connection:
        await connection.execute(_LOCK)
        yield connection


async def _round(connection: Connection) -> Round:
    [row] = await connection.fetch(_ROUND)
    return Round(*row)
