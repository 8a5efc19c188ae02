"""Connections to PostgreSQL that tell an outage of the database from a mistake in our code.

asyncpg raises the same `InterfaceError` for a closed connection and for a statement with an argument too many, and a
plain `TimeoutError` for a statement that took too long. Only where the driver is called can they be told apart: an
outage becomes `DatabaseUnavailable` there, and everything else stays what it is.
"""

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
from asyncpg import exceptions as postgres

from shared.postgres.errors import DatabaseUnavailable, LockNotFree, StatementTooSlow, TransactionConflict

if TYPE_CHECKING:
    _AsyncpgConnection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    _AsyncpgConnection = asyncpg.Connection  # it is generic in its stubs alone

CONNECT_TIMEOUT = 2.0
"""Seconds to wait for a new connection."""

_OUTAGES = (
    OSError,  # refused, reset, and the TimeoutError of every wait for the server
    postgres.PostgresConnectionError,
    postgres.OperatorInterventionError,  # shut down by the administrator
    postgres.InsufficientResourcesError,  # too many connections, disk full, out of memory
    postgres.ReadOnlySQLTransactionError,  # a standby, or a server that is being replaced by one
    postgres.IdleInTransactionSessionTimeoutError,
    postgres.OutdatedSchemaCacheError,  # a migration ran; asyncpg has read the schema anew
)
_OUTAGES_WHEN_CLOSED = (
    postgres.InterfaceError,  # "connection is closed", "pool is closing"
    postgres.InternalClientError,
    RuntimeError,  # uvloop, of a transport that is about to be closed
)
"""Mistakes of ours while the connection is open."""


def outage(error: Exception, *, is_closed: bool) -> DatabaseUnavailable | None:
    """What an error of the driver means for its caller; `None` where it is a mistake or a refusal, not an outage."""
    if isinstance(error, postgres.TransactionRollbackError):
        return TransactionConflict(repr(error))
    if isinstance(error, postgres.LockNotAvailableError):
        return LockNotFree(repr(error))
    if isinstance(error, postgres.QueryCanceledError):
        return StatementTooSlow(repr(error))
    if isinstance(error, _OUTAGES) or (is_closed and isinstance(error, _OUTAGES_WHEN_CLOSED)):
        return DatabaseUnavailable(repr(error))
    return None


def is_lost(connection: Any) -> bool:
    """Whether it is closed. The pool takes one back at once that is, which then refuses to answer even that."""
    try:
        return bool(connection.is_closed())
    except postgres.InterfaceError:
        return True


@contextmanager
def outages(is_closed: Callable[[], bool]) -> Iterator[None]:
    """Around calls of the driver: raises `DatabaseUnavailable` where the database is unavailable."""
    try:
        yield
    except Exception as error:
        if (unavailable := outage(error, is_closed=is_closed())) is None:
            raise
        raise unavailable from error


@contextmanager
def outages_of_opening(is_closed: Callable[[], bool]) -> Iterator[None]:
    """Around the opening of a connection, which a server that is shutting down drops half-way."""
    with outages(is_closed):
        try:
            yield
        except postgres.InternalClientError as error:
            raise DatabaseUnavailable(repr(error)) from error


class DatabaseConnection(_AsyncpgConnection):
    """asyncpg's, whose methods raise `DatabaseUnavailable` where the database is unavailable."""

    __slots__ = ()


def _with_outages(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(method)
    async def call(self: DatabaseConnection, *arguments: Any, **options: Any) -> Any:
        try:
            return await method(self, *arguments, **options)
        except Exception as error:
            if (unavailable := outage(error, is_closed=is_lost(self))) is None:
                raise
            raise unavailable from error

    return call


for _name, _method in inspect.getmembers(asyncpg.Connection, inspect.iscoroutinefunction):
    if not _name.startswith("_"):
        setattr(DatabaseConnection, _name, _with_outages(_method))  # all of them, so that none is forgotten


@asynccontextmanager
async def dedicated_connection(
    url: str, *, name: str, command_timeout: float, settings: Mapping[str, str] | None = None
) -> AsyncIterator[DatabaseConnection]:
    """A connection outside of any pool, dropped at the end of the block; `settings` are PostgreSQL's.

    Raises `DatabaseUnavailable`, and asyncpg's errors where the server refuses.
    """
    with outages_of_opening(lambda: False):
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=command_timeout,
            connection_class=DatabaseConnection,
            server_settings={"application_name": name, **(settings or {})},
        )
    try:
        yield connection
    finally:
        connection.terminate()
