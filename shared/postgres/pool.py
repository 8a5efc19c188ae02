"""PostgreSQL: bounded pools of connections, and transactions."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from math import ceil
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
from asyncpg import exceptions as postgres

from shared.concurrency.deadline import time_left
from shared.concurrency.fair_semaphore import CHECK_INTERVAL, STALLED_CHECKS, FairSemaphore
from shared.concurrency.fairness import current_organisation
from shared.errors import Unavailable
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

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    _AsyncpgPool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    _AsyncpgPool = asyncpg.Pool  # it is generic in its stubs alone

log = logging.getLogger(__name__)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

ACQUIRE_TIMEOUT = 0.25
"""Seconds to wait for a free connection, and for a new one to open: past it the service is overloaded and says so
(docs/faults.md)."""
_USES = 50_000
"""Statements of one connection, which then makes room for a new one; asyncpg's own default."""
COMMAND_TIMEOUT = 1.6
"""Seconds the client waits for one statement: it bounds a frozen server, which no server setting can. With the wait for
a connection it leaves room under the two seconds after which a refusal is late (docs/faults.md)."""

KEPT_FOR_OTHERS = 5
"""One connection in so many is kept for organisations that have none of them: locks held in one organisation's rows
hold up those who wait for these alone."""
SLOW_SHARE = 10
"""One connection in so many reads what may take long, and one more for another organisation: each of them can keep a
processor of the database busy, which enrollments and short reads then have to share with it."""
SLOW_WAIT = COMMAND_TIMEOUT
"""Seconds to wait for one of these: no single statement lasts longer."""
SLOW_QUEUE = 16
"""Slow reads of one organisation that wait, and hold a turn of the gateway's for as long."""
SLOW_QUEUES = 48
"""Of all organisations; one of which nobody waits may always have one."""
_FEW = 3
"""Connections, of which slow reads have a single one, whosever they are."""
SLOW_PAUSE = 0.1
"""Seconds after which one more is refused."""
_SLOW_REFUSAL = "Your organisation has reached its limit of concurrent searches and reports. Try again soon."

_PLANNING = {
    "plan_cache_mode": ("force_generic_plan", "auto"),
    "enable_seqscan": ("off", "on"),
    "enable_hashjoin": ("off", "on"),
    "enable_mergejoin": ("off", "on"),
    "seq_page_cost": ("0.1", "1"),
    "random_page_cost": ("0.1", "4"),
}
"""For statements that find by key, and as PostgreSQL has it."""
BY_KEY = {name: value for name, (value, _) in _PLANNING.items()}
"""Statements here find a few rows by an index, whatever their arguments are, in pages that are in memory. Planning them
takes longer than carrying them out, and a plan that is kept from when a table was small must not read all of it once it
is large, which PostgreSQL notices when it takes the statistics anew."""
_ANY_PLAN = "; ".join(
    f"SET LOCAL {name} = {value}"
    for name, value in {
        **{name: default for name, (_, default) in _PLANNING.items()},
        "max_parallel_workers_per_gather": "0",  # a slow read keeps one processor busy, and not several
    }.items()
)

_SERVER_SETTINGS = {
    "statement_timeout": "1500ms",
    "lock_timeout": "1300ms",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
    "jit": "off",
    **NOTHING,
    **BY_KEY,
}


class Pool(_AsyncpgPool):
    """asyncpg's, which refuses late and at the price of a cancelled wait, with `permits` for its connections before it.

    `slow_permits` are for the few of them that may be busy for long, shared between organisations as the others are.
    """

    __slots__ = ("permits", "slow_permits")

    def __init__(self, url: str, size: int, **options: Any) -> None:
        super().__init__(
            url,
            min_size=0,
            max_size=size,
            max_queries=_USES,
            max_inactive_connection_lifetime=0,  # one closed for being idle would have to be opened under load
            connection_class=DatabaseConnection,
            record_class=asyncpg.Record,
            loop=None,
            **options,
        )
        self.permits = FairSemaphore(
            size, size - size // KEPT_FOR_OTHERS, resource="database connection", stalled_checks=STALLED_CHECKS
        )
        self.slow_permits = slow_permits(size)


def slow_permits(size: int) -> FairSemaphore:
    """Those of a pool of `size` connections: fewer than there are, and one more for another organisation."""
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
    """A pool of `size` connections, open from the start if the database is there, else when they are needed.

    `settings`: more of PostgreSQL's, for these connections.
    Closing is bounded: `Pool.close` hangs on a frozen server (MagicStack/asyncpg#1326), so it gets two seconds
    and then the connections are dropped.
    """
    pool = Pool(
        url,
        size,
        timeout=CONNECT_TIMEOUT,
        command_timeout=COMMAND_TIMEOUT,
        reset=_reset,
        server_settings={"application_name": name, **_SERVER_SETTINGS, **(settings or {})},
    )
    await pool
    try:
        await _open_all(pool, size, name)
        yield pool
    finally:
        await _close(pool)


async def _open_all(pool: Pool, size: int, name: str) -> None:
    """The wait for a free connection is short, and opening one must not use it up."""
    opened = await asyncio.gather(*(_opened(pool) for _ in range(size)), return_exceptions=True)
    failures = [connection for connection in opened if isinstance(connection, BaseException)]
    for connection in opened:
        if not isinstance(connection, BaseException):
            await pool.release(connection)
    for failure in failures:
        if not isinstance(failure, DatabaseUnavailable):
            raise failure
    if failures:
        log.warning("%s cannot open its connections to the database yet: %s", name, failures[0])


async def _opened(pool: Pool) -> "PoolConnectionProxy[asyncpg.Record]":
    with outages_of_opening(pool.is_closing):
        return await pool.acquire(timeout=CONNECT_TIMEOUT)


async def _close(pool: Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), timeout=2)
    except (DatabaseUnavailable, postgres.PostgresError, OSError):
        pool.terminate()


async def _reset(connection: Any) -> None:
    """No query here leaves session state behind, and asyncpg's own reset costs a round trip for each use."""
    if connection.is_in_transaction():
        await connection.reset()


@asynccontextmanager
async def connected(pool: Pool) -> AsyncIterator[Connection]:
    """A connection for single statements.

    Raises `Overloaded` when none becomes free in time, `DatabaseUnavailable`, or `DeadlinePassed`.
    """
    organisation = current_organisation.get()
    await pool.permits.acquire(time_left(ACQUIRE_TIMEOUT), organisation)
    try:
        with outages_of_opening(pool.is_closing):
            connection = await pool.acquire(timeout=time_left(ACQUIRE_TIMEOUT))
        try:
            yield connection
        except postgres.InterfaceError as error:  # the pool's, where it took back a connection that was lost
            if (unavailable := outage(error, is_closed=is_lost(connection))) is None:
                raise
            raise unavailable from error
        finally:
            with outages(pool.is_closing):
                await pool.release(connection)
    finally:
        pool.permits.release(organisation)


@asynccontextmanager
async def transaction(pool: Pool, organisations: Iterable[int]) -> AsyncIterator[Connection]:
    """One transaction on a connection of its own, committed at the end of the block.

    It sees the rows of these organisations alone, which costs no round trip: it is said with the beginning.
    It is not begun after the deadline (`DeadlinePassed`). Once begun it is finished: cutting it short would save
    little, and leave the client to guess what was stored.
    """
    async with _begun(pool, f"BEGIN; {scope(organisations)}") as connection:
        yield connection


@asynccontextmanager
async def slow_transaction(pool: Pool, organisations: Iterable[int]) -> AsyncIterator[Connection]:
    """A transaction for statements that may read many rows: they are planned for their arguments, by all that is known.

    It is one of those for slow reads. Raises what `connected` does.
    """
    organisation = current_organisation.get()
    await pool.slow_permits.acquire(time_left(SLOW_WAIT), organisation)
    try:
        async with _begun(pool, f"BEGIN; {scope(organisations)}; {_ANY_PLAN}") as connection:
            yield connection
    finally:
        pool.slow_permits.release(organisation)


@asynccontextmanager
async def _begun(pool: Pool, beginning: str) -> AsyncIterator[Connection]:
    async with connected(pool) as connection:
        await connection.execute(beginning)  # outside: a server that is frozen here would be waited for once more
        try:
            yield connection
        except BaseException:
            if not is_lost(connection):
                await connection.execute("ROLLBACK")
            raise
        await connection.execute("COMMIT")


async def is_reachable(pool: Pool) -> bool:
    try:
        async with connected(pool) as connection:
            return bool(await connection.fetchval("SELECT true", timeout=1))
    except Unavailable:
        return False


def where(conditions: Mapping[str, Any], *, first: int = 1) -> tuple[str, list[Any]]:
    """`{"course_id = {}": 7, "status = {}": None}` → `("course_id = $1", [7])`: what was not asked for falls away.

    Written out, so that PostgreSQL plans each combination of filters for itself. Numbers start at `first`.
    """
    asked = {condition: value for condition, value in conditions.items() if value is not None}
    numbered = [condition.format(f"${number}") for number, condition in enumerate(asked, first)]
    return " AND ".join(numbered) or "true", list(asked.values())


def like(text: str) -> str:
    """A pattern for `LIKE` that finds `text` anywhere, with `%` and `_` as plain characters."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
