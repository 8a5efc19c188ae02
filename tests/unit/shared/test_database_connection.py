import inspect

import asyncpg
import pytest
from asyncpg import exceptions as postgres

from shared.postgres.connection import DatabaseConnection, outage, outages
from shared.postgres.errors import DatabaseUnavailable, LockNotFree, StatementTooSlow, TransactionConflict

METHODS = [
    name
    for name, _ in inspect.getmembers(asyncpg.Connection, inspect.iscoroutinefunction)
    if not name.startswith("_") and name in vars(asyncpg.Connection)
]


def test_every_method_that_talks_to_the_server_tells_outages_from_mistakes() -> None:
    assert {"execute", "executemany", "fetch", "fetchrow", "fetchval", "add_listener"} <= set(METHODS)
    assert [name for name in METHODS if name not in vars(DatabaseConnection)] == []


@pytest.mark.parametrize(
    ("error", "while_open", "once_closed"),
    [
        (ConnectionResetError(), DatabaseUnavailable, DatabaseUnavailable),
        (TimeoutError(), DatabaseUnavailable, DatabaseUnavailable),
        (postgres.ConnectionDoesNotExistError("gone"), DatabaseUnavailable, DatabaseUnavailable),
        (postgres.AdminShutdownError("stop"), DatabaseUnavailable, DatabaseUnavailable),
        (postgres.CannotConnectNowError("starting"), DatabaseUnavailable, DatabaseUnavailable),
        (postgres.QueryCanceledError("late"), StatementTooSlow, StatementTooSlow),
        (postgres.TooManyConnectionsError("many"), DatabaseUnavailable, DatabaseUnavailable),
        (postgres.DiskFullError("full"), DatabaseUnavailable, DatabaseUnavailable),
        (postgres.LockNotAvailableError("locked"), LockNotFree, LockNotFree),
        (postgres.ReadOnlySQLTransactionError("standby"), DatabaseUnavailable, DatabaseUnavailable),
        (postgres.OutdatedSchemaCacheError("migrated"), DatabaseUnavailable, DatabaseUnavailable),
        (postgres.DeadlockDetectedError("dead"), TransactionConflict, TransactionConflict),
        (postgres.SerializationError("again"), TransactionConflict, TransactionConflict),
        (asyncpg.InterfaceError("an argument too many"), type(None), DatabaseUnavailable),
        (asyncpg.InternalClientError("unexpected state"), type(None), DatabaseUnavailable),
        (RuntimeError("the handler is closed"), type(None), DatabaseUnavailable),
        (postgres.UndefinedColumnError("no column"), type(None), type(None)),
        (postgres.UniqueViolationError("twice"), type(None), type(None)),
        (postgres.InvalidPasswordError("wrong"), type(None), type(None)),
        (ValueError("a bug"), type(None), type(None)),
    ],
)
def test_what_an_error_of_the_driver_means(error: Exception, while_open: type, once_closed: type) -> None:
    assert type(outage(error, is_closed=False)) is while_open
    assert type(outage(error, is_closed=True)) is once_closed


@pytest.mark.parametrize(("is_closed", "raised"), [(False, postgres.InterfaceError), (True, DatabaseUnavailable)])
def test_a_connection_that_cannot_be_had_is_an_outage_only_where_it_is_closed(
    is_closed: bool, raised: type[Exception]
) -> None:
    with pytest.raises(raised), outages(lambda: is_closed):
        raise postgres.InterfaceError("another operation is in progress")
