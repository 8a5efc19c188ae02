"""What counts as an outage of the database, and what is a mistake in our own code."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

import shared.postgres.connection
from shared.http.request import Request
from shared.http.responses import Answer
from shared.http.server import request_log
from shared.http.server.app import create_app
from shared.http.server.responder import RESPONDER
from shared.postgres.errors import DatabaseUnavailable, TransactionConflict
from shared.postgres.pool import Connection, Pool, connected, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.integration.shared.test_database import ask
from tests.support.projections import Database
from tests.support.stack import serving

Statements = Callable[[Connection], Awaitable[object]]


async def an_argument_too_many(connection: Connection) -> None:
    await connection.fetchval("SELECT $1::bigint", 1, 2)


async def an_argument_of_another_type(connection: Connection) -> None:
    await connection.fetchval("SELECT $1::bigint", "one")


async def two_statements_at_once(connection: Connection) -> None:
    statements = [connection.fetchval("SELECT 1"), connection.fetchval("SELECT 2")]
    _, error = await asyncio.gather(*statements, return_exceptions=True)
    assert isinstance(error, Exception)
    raise error


async def a_column_that_is_not_there(connection: Connection) -> None:
    await connection.fetchval("SELECT nothing FROM pg_class")


async def a_file_that_is_not_there(_: Connection) -> None:
    Path("/nowhere").read_bytes()  # noqa: ASYNC240 - it ends at once


async def a_wait_for_something_else(_: Connection) -> None:
    async with asyncio.timeout(0):
        await asyncio.Event().wait()


MISTAKES: list[tuple[Statements, type[Exception]]] = [
    (an_argument_too_many, asyncpg.InterfaceError),
    (an_argument_of_another_type, asyncpg.DataError),
    (two_statements_at_once, asyncpg.InterfaceError),
    (a_column_that_is_not_there, asyncpg.UndefinedColumnError),
    (a_file_that_is_not_there, FileNotFoundError),
    (a_wait_for_something_else, TimeoutError),
]


async def its_own_end(connection: Connection) -> None:
    await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


async def a_statement_after_its_end(connection: Connection) -> None:
    with pytest.raises(DatabaseUnavailable):
        await its_own_end(connection)
    await connection.execute("SELECT 1")


async def a_connection_closed_by_us(connection: Connection) -> None:
    connection.terminate()
    await connection.execute("SELECT 1")


async def a_statement_that_takes_too_long(connection: Connection) -> None:
    await connection.execute("SELECT pg_sleep(30)", timeout=0.05)


async def a_statement_cancelled_by_the_server(connection: Connection) -> None:
    await connection.execute("SET LOCAL statement_timeout = 20; SELECT pg_sleep(30)")


async def a_disk_that_is_full(connection: Connection) -> None:
    await connection.execute("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$")


OUTAGES = [
    its_own_end,
    a_statement_after_its_end,
    a_connection_closed_by_us,
    a_statement_that_takes_too_long,
    a_statement_cancelled_by_the_server,
    a_disk_that_is_full,
]


@pytest.fixture
async def small_pool(catalog: Database) -> AsyncIterator[Pool]:
    async with connection_pool(catalog.url, name="small", size=1) as pool:
        yield pool


async def in_a_transaction(pool: Pool, statements: Statements) -> None:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await statements(connection)


async def with_a_connection(pool: Pool, statements: Statements) -> None:
    async with connected(pool) as connection:
        await statements(connection)


@asynccontextmanager
async def served(pool: Pool, statements: Statements) -> AsyncIterator[str]:
    async def answer(_: Request) -> Answer:
        await in_a_transaction(pool, statements)
        return Answer("{}")

    app = create_app()
    app[RESPONDER].handler = answer
    async with serving(app) as url:
        yield url


@pytest.mark.parametrize("block", [in_a_transaction, with_a_connection])
@pytest.mark.parametrize(("mistake", "error"), MISTAKES)
async def test_a_mistake_stays_what_it_is(
    small_pool: Pool, block: Callable[[Pool, Statements], Awaitable[None]], mistake: Statements, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await block(small_pool, mistake)
    await block(small_pool, lambda connection: connection.execute("SELECT 1"))


@pytest.mark.parametrize("block", [in_a_transaction, with_a_connection])
@pytest.mark.parametrize("outage", OUTAGES)
async def test_an_outage_is_one_error_whatever_the_driver_says(
    small_pool: Pool, block: Callable[[Pool, Statements], Awaitable[None]], outage: Statements
) -> None:
    with pytest.raises(DatabaseUnavailable) as raised:
        await block(small_pool, outage)
    assert raised.value.reason in str(raised.value)
    assert raised.value.message == "The service is not available right now. Try again soon."
    await block(small_pool, lambda connection: connection.execute("SELECT 1"))


async def test_a_deadlock_says_that_the_transaction_was_rolled_back(small_pool: Pool) -> None:
    with pytest.raises(TransactionConflict):
        await in_a_transaction(small_pool, lambda c: c.execute("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$"))


async def test_a_pool_that_closes_is_an_outage(catalog: Database) -> None:
    async with connection_pool(catalog.url, name="closing", size=1) as pool:
        await pool.close()
        with pytest.raises(DatabaseUnavailable):
            await with_a_connection(pool, a_file_that_is_not_there)


async def answered(pool: Pool, statements: Statements) -> tuple[int, str]:
    async with served(pool, statements) as url:
        status, _, code = await ask(url)
        return status, code


def about_the_cause(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Warnings and errors, but for the line that every failed request has."""
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [each.message for each in warnings if each.name == request_log.__name__] == ["a request failed"]
    return [each for each in warnings if each.name != request_log.__name__]


@pytest.mark.parametrize("mistake", [mistake for mistake, _ in MISTAKES])
async def test_a_mistake_is_a_500_with_its_traceback_in_the_log(
    small_pool: Pool, caplog: pytest.LogCaptureFixture, mistake: Statements
) -> None:
    assert await answered(small_pool, mistake) == (500, "internal_error")
    [record] = about_the_cause(caplog)
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None


@pytest.mark.parametrize("outage", OUTAGES)
async def test_an_outage_is_a_503_and_a_warning(
    small_pool: Pool, caplog: pytest.LogCaptureFixture, outage: Statements
) -> None:
    assert await answered(small_pool, outage) == (503, "upstream_unavailable")
    assert {record.levelno for record in about_the_cause(caplog)} == {logging.WARNING}


async def test_control_where_every_error_of_the_driver_is_an_outage_a_mistake_is_one(
    small_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.postgres.connection, "outage", lambda error, **_: DatabaseUnavailable(repr(error)))
    assert await answered(small_pool, an_argument_too_many) == (503, "upstream_unavailable")


async def test_control_where_the_closed_connection_is_not_looked_at_an_outage_is_a_defect(
    small_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.postgres.connection, "is_lost", lambda _: False)
    monkeypatch.setattr("shared.postgres.pool.is_lost", lambda _: False)
    assert await answered(small_pool, a_connection_closed_by_us) == (500, "internal_error")
