"""The separation of organisations inside the database, removed for a control."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from stack.services import SERVICE_NAMES
from tests.security.world import database_url
from tests.support.stack import Stack


@asynccontextmanager
async def without_wall(stack: Stack) -> AsyncIterator[None]:
    """The policies let everything pass."""
    kept: dict[str, str] = {}
    for service in SERVICE_NAMES:
        connection = await asyncpg.connect(database_url(stack, service), timeout=10)
        kept[service] = await connection.fetchval("SELECT pg_get_functiondef('organisations_in_scope'::regproc)")
        await connection.execute(
            "CREATE OR REPLACE FUNCTION organisations_in_scope() RETURNS bigint[]"
            " LANGUAGE sql STABLE PARALLEL SAFE RETURN '{NULL}'::bigint[]"
        )
        await connection.close()
    try:
        yield
    finally:
        for service, definition in kept.items():
            connection = await asyncpg.connect(database_url(stack, service), timeout=10)
            await connection.execute(definition)
            await connection.close()
