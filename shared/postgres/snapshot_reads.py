"""Reads of many statements that see the rows as they were at one moment, on a connection of their own."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from shared.postgres.connection import CONNECT_TIMEOUT, DatabaseConnection, connect
from shared.postgres.pool import DEFAULT_PLANNING, SERVER_SETTINGS, Connection
from shared.postgres.row_security import scope

STATEMENT_SECONDS: Final = 20
"""That one statement may take; the rows it reads are many."""
LONGEST_SECONDS: Final = 600
"""That one moment may be looked at: what is deleted meanwhile is kept for it."""
_SETTINGS: Final = {
    "max_parallel_workers_per_gather": "0",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{LONGEST_SECONDS + 60}s",  # its reader may be slow
}
_BEGIN: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_TODAY: Final = "SELECT (now() AT TIME ZONE 'UTC')::date"


class SnapshotReads:
    """`connection` is in a transaction that writes nothing and sees the rows of these organisations; `day` is that of
    the moment, in UTC."""

    def __init__(self, connection: DatabaseConnection, day: date) -> None:
        self.connection = connection
        self.day = day

    @classmethod
    async def begin(cls, url: str, organisations: Iterable[int], *, name: str) -> "SnapshotReads":
        """Raises `DatabaseUnavailable`."""
        settings = {"application_name": name, **SERVER_SETTINGS, **_SETTINGS}
        connection = await connect(url, command_timeout=STATEMENT_SECONDS + CONNECT_TIMEOUT, settings=settings)
        try:
            await connection.execute(f"{_BEGIN}; {scope(organisations)}")
            return cls(connection, await connection.fetchval(_TODAY))  # the moment is that of the first statement
        except BaseException:
            connection.terminate()
            raise

    async def end(self) -> None:
        """In order, where all was read."""
        await self.connection.close(timeout=CONNECT_TIMEOUT)

    def abandon(self) -> None:
        """At once; may be called whatever has become of it."""
        self.connection.terminate()


async def plan_for_arguments(connection: Connection) -> None:
    """For the rest of the transaction, of a search or a report."""
    await connection.execute(DEFAULT_PLANNING)
