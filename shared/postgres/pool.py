"""PostgreSQL: bounded pools of connections, and transactions."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from math import ceil
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
from asyncpg import exceptions as postgres

from shared.concurrency.deadline import time_left
from shared.concurrency.fair_semaphore import CHECK_INTERVAL, STALLED_CHECKS, FairSemaphore
from shared.concurrency.fairness import current_organisation
from shared.errors import Unavailable
from shared.metrics.pools import UNWATCHED
from shared.postgres.connection import (
    CONNECT_TIMEOUT,
    DatabaseConnection,
    is_lost,
    outage,
    outages,
    outages_of_opening,
)
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.row_security import NOTHING, scope
from shared.time_spent import spend

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    _AsyncpgPool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    _AsyncpgPool = asyncpg.Pool  # it is generic in its stubs alone

log = logging.getLogger(__name__)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

ACQUIRE_TIMEOUT = 0.25
"""Seconds to wait for a free connection; after that the service is overloaded and refuses (docs/faults.md)."""
_USES = 50_000
"""Statements after which a connection is replaced; asyncpg's default."""
COMMAND_TIMEOUT = 1.6
"""Seconds that the client waits for one statement, since no setting of the server bounds a frozen server. Together with
the wait for a connection it stays below two seconds, within which a service must refuse (docs/faults.md)."""

KEPT_FOR_OTHERS = 5
"""One connection in this many is reserved for organisations that hold none, so that locks on one organisation's rows
block only those who wait for these locks."""
SLOW_SHARE = 10
"""One connection in this many runs slow reads, and one more for another organisation. Each can keep one of the
database's processors busy, which enrollments and short reads have to share with it."""
SLOW_WAIT = COMMAND_TIMEOUT
"""Seconds to wait for one of these connections: no single statement takes longer."""
SLOW_QUEUE = 16
"""Slow reads of one organisation that may wait; each holds a place at the gateway meanwhile."""
SLOW_QUEUES = 48
"""The same for all organisations together; an organisation with none waiting may always have one."""
_FEW = 3
"""A pool of at most this size has one connection for slow reads, for all organisations."""
SLOW_PAUSE = 0.1
"""Seconds after which a slow read that finds the queue full is refused."""
_SLOW_REFUSAL = "Your organisation has reached its limit of concurrent searches and reports. Try again soon."

_PLANNING = {
    "plan_cache_mode": ("force_generic_plan", "auto"),
    "enable_seqscan": ("off", "on"),
    "enable_hashjoin": ("off", "on"),
    "enable_mergejoin": ("off", "on"),
    "seq_page_cost": ("0.1", "1"),
    "random_page_cost": ("0.1", "4"),
}
"""Planner settings: for statements that look up rows by key, and PostgreSQL's defaults."""
BY_KEY = {name: value for name, (value, _) in _PLANNING.items()}
"""Statements find a few rows by an index, whatever their arguments, and mostly in memory. Planning takes longer than
execution, so plans are cached. A plan made when a table was small must not scan all of it once it is large: PostgreSQL
would notice only when it next analyzes the table."""
DEFAULT_PLANNING = "; ".join(
    f"SET LOCAL {name} = {value}"
    for name, value in {
        **{name: default for name, (_, default) in _PLANNING.items()},
        "max_parallel_workers_per_gather": "0",  # a slow read uses one processor
    }.items()
)
"""The commands by which the rest of a transaction is planned as PostgreSQL does by itself."""

SERVER_SETTINGS = {
    "statement_timeout": "1500ms",
    "lock_timeout": "1300ms",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
    "jit": "off",
    **NOTHING,
    **BY_KEY,
}


class Pool(_AsyncpgPool):
    """asyncpg's pool behind fair semaphores: by itself it refuses late, and has to cancel a wait to do so.

    `permits` limits all connections, `slow_permits` those for slow reads; both are shared fairly between organisations.
    `waits` measures how long callers wait (shared/metrics/pools.py).
    """

    __slots__ = ("permits", "slow_permits", "waits")

    def __init__(self, url: str, size: int, **options: Any) -> None:
        super().__init__(
            url,
            min_size=0,
            max_size=size,
            max_queries=_USES,
            max_inactive_connection_lifetime=0,  # reopening an idle one would slow down a burst
            connection_class=DatabaseConnection,
            record_class=asyncpg.Record,
            loop=None,
            **options,
        )
        self.permits = FairSemaphore(
            size, size - size // KEPT_FOR_OTHERS, resource="database connection", stalled_checks=STALLED_CHECKS
        )
        self.slow_permits = slow_permits(size)
        self.waits = UNWATCHED


def slow_permits(size: int) -> FairSemaphore:
    """The semaphore for slow reads in a pool of `size` connections."""
    of_one, others = max(1, size // SLOW_SHARE), int(size > _FEW)
    return FairSemaphore(
        of_one + others,
        of_one,
        resource="database connection for slow reads",
        max_waiting_per_organisation=SLOW_QUEUE,
        max_waiting=SLOW_QUEUES,
        refusal=_SLOW_REFUSAL,
        refusal_delay=SLOW_PAUSE,
        stalled_checks=ceil(SLOW_WAIT / CHECK_INTERVAL),
    )


@asynccontextmanager
async def connection_pool(
    url: str, *, name: str, size: int = 10, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Pool]:
    """A pool of `size` connections, opened at once if the database is available, or else on first use.

    `settings` are further settings of PostgreSQL for these connections. `Pool.close` hangs on a frozen server
    (MagicStack/asyncpg#1326), so after two seconds the connections are dropped.
    """
    pool = Pool(
        url,
        size,
        timeout=CONNECT_TIMEOUT,
        command_timeout=COMMAND_TIMEOUT,
        reset=_reset,
        server_settings={"application_name": name, **SERVER_SETTINGS, **(settings or {})},
    )
    await pool
    try:
        await _open_all(pool, size, name)
        yield pool
    finally:
        await _close(pool)


async def _open_all(pool: Pool, size: int, name: str) -> None:
    """Opens them in advance: opening one takes longer than requests may wait for a free connection."""
    opened = await asyncio.gather(*(_opened(pool) for _ in range(size)), return_exceptions=True)
    failures = [connection for connection in opened if isinstance(connection, BaseException)]
    for connection in opened:
        if not isinstance(connection, BaseException):
            await pool.release(connection)
    for failure in failures:
        if not isinstance(failure, DatabaseUnavailable):
            raise failure
    if failures:
        log.warning("%s: connections to the database cannot be opened yet: %s", name, failures[0])


async def _opened(pool: Pool) -> "PoolConnectionProxy[asyncpg.Record]":
    with outages_of_opening(pool.is_closing):
        return await pool.acquire(timeout=CONNECT_TIMEOUT)


async def _close(pool: Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), timeout=2)
    except (DatabaseUnavailable, postgres.PostgresError, OSError):
        pool.terminate()


async def _reset(connection: Any) -> None:
    """Rolls back an open transaction. Other session state is never set, and a full reset costs a round trip."""
    if connection.is_in_transaction():
        await connection.reset()


@asynccontextmanager
async def connected(pool: Pool) -> AsyncIterator[Connection]:
    """A connection for single statements.

    Raises `Overloaded` when none becomes free in time, `DatabaseUnavailable`, or `DeadlinePassed`.
    """
    organisation = current_organisation.get()
    began = perf_counter()
    try:
        await pool.permits.acquire(time_left(ACQUIRE_TIMEOUT), organisation)
    finally:
        spend("pool", began)
    held = perf_counter()
    try:
        with outages_of_opening(pool.is_closing):
            connection = await pool.acquire(timeout=time_left(ACQUIRE_TIMEOUT))
        pool.waits.observe(perf_counter() - began)
        try:
            yield connection
        except postgres.InterfaceError as error:  # from the pool, which takes a lost connection back at once
            if (unavailable := outage(error, is_closed=is_lost(connection))) is None:
                raise
            raise unavailable from error
        finally:
            with outages(pool.is_closing):
                await pool.release(connection)
    finally:
        pool.permits.release(organisation)
        spend("database", held)


@asynccontextmanager
async def transaction(pool: Pool, organisations: Iterable[int]) -> AsyncIterator[Connection]:
    """A transaction on a connection of its own, committed at the end of the block.

    It sees the rows of these organisations alone, which costs no round trip: the scope is set together with BEGIN.
    After the request's deadline it does not begin (`DeadlinePassed`). Once begun it runs to its end: aborting it would
    save little, and the client would not know what was stored. Raises what `connected` raises.
    """
    async with _begun(pool, f"BEGIN; {scope(organisations)}") as connection:
        yield connection


@asynccontextmanager
async def slow_transaction(pool: Pool, organisations: Iterable[int]) -> AsyncIterator[Connection]:
    """A transaction for statements that may read many rows; PostgreSQL plans them for their arguments.

    Raises what `connected` raises.
    """
    organisation = current_organisation.get()
    await pool.slow_permits.acquire(time_left(SLOW_WAIT), organisation)
    try:
        async with _begun(pool, f"BEGIN; {scope(organisations)}; {DEFAULT_PLANNING}") as connection:
            yield connection
    finally:
        pool.slow_permits.release(organisation)


@asynccontextmanager
async def _begun(pool: Pool, beginning: str) -> AsyncIterator[Connection]:
    async with connected(pool) as connection:
        await connection.execute(beginning)  # outside of try: no ROLLBACK to wait for
        try:
            yield connection
        except BaseException:
            if not is_lost(connection):
                await connection.execute("ROLLBACK")
            raise
        await connection.execute("COMMIT")


@asynccontextmanager
async def savepoint(connection: Connection, *, lock_wait: int) -> AsyncIterator[None]:
    """A part of a transaction, which goes on without it where the block raises.

    Raises `LockNotFree` where a row is locked for longer than `lock_wait` milliseconds.
    """
    await connection.execute(f"SAVEPOINT part; SET LOCAL lock_timeout = {lock_wait}")
    try:
        yield
    except BaseException:
        if not is_lost(connection):
            await connection.execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
        raise
    await connection.execute("RELEASE SAVEPOINT part; SET LOCAL lock_timeout = DEFAULT")


async def plan_anew(connection: Connection) -> None:
    """Has each statement of the transaction planned for the tables as they are now, and still for any argument.

    For work on many rows: an import fills a table before PostgreSQL analyzes it, and plans made when it was empty would
    read all of it, or all of an index. So would plans for the arguments: of an organisation that has come since, the
    statistics say that it has no rows; then any index that begins with the organisation is as good as the right one.
    """
    await connection.execute("DISCARD PLANS")


async def is_reachable(pool: Pool) -> bool:
    try:
        async with connected(pool) as connection:
            return bool(await connection.fetchval("SELECT true", timeout=1))
    except Unavailable:
        return False


def where(conditions: Mapping[str, Any], *, first: int = 1) -> tuple[str, list[Any]]:
    """`{"course_id = {}": 7, "status = {}": None}` → `("course_id = $1", [7])`: filters that are None are left out.

    Each combination of filters is a statement of its own, with a plan of its own. Parameters are numbered from `first`.
    """
    given = {condition: value for condition, value in conditions.items() if value is not None}
    numbered = [condition.format(f"${number}") for number, condition in enumerate(given, first)]
    return " AND ".join(numbered) or "true", list(given.values())
