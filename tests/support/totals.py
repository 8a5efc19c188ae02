"""Totals of lists, and changes that are to move them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from shared.postgres.list_totals import Totals, wrong_totals
from shared.postgres.pool import Connection, Pool, connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION

_FUNCTION = "SELECT pg_get_functiondef($1::regproc)"


async def fill(url: str, statements: Sequence[str], *arguments: object) -> None:
    """With the time that many rows take."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for statement in statements:
            await connection.execute(statement, *arguments)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def wrong(pool: Pool, all_totals: Sequence[Totals]) -> list[str]:
    """What `verify` says of them."""
    async with connected(pool) as connection:
        return [sentence for totals in all_totals async for sentence in wrong_totals(connection, totals)]


@asynccontextmanager
async def trigger_without(pool: Pool, function: str, guard: str, instead: str = "") -> AsyncIterator[None]:
    """A trigger's function as it would be without a guard; as it was afterwards. Fails when the guard is not there."""
    async with connected(pool) as connection:
        definition: str = await connection.fetchval(_FUNCTION, function)
        assert definition.count(guard) == 1, definition
        await connection.execute(definition.replace(guard, instead))
    try:
        yield
    finally:
        async with connected(pool) as connection:
            await connection.execute(definition)


@asynccontextmanager
async def under_way(pool: Pool, statement: str, *arguments: object) -> AsyncIterator[Connection]:
    """A transaction that has changed something and is not committed before the block ends."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await connection.execute(statement, *arguments)
        yield connection
