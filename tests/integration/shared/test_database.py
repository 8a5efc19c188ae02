import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

import shared.postgres.pool
from shared.concurrency.fair_semaphore import CHECK_INTERVAL
from shared.errors import Overloaded, Unavailable
from shared.http.request import Request
from shared.http.responses import Answer
from shared.http.server.app import READINESS, create_app
from shared.http.server.responder import RESPONDER
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import (
    BY_KEY,
    Pool,
    connected,
    connection_pool,
    is_reachable,
    slow_transaction,
    transaction,
)
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.time_spent import Spent, current_spent
from tests.support.eventually import eventually
from tests.support.projections import Database
from tests.support.proxy import Proxy, proxy_for
from tests.support.stack import serving

BOUND = 15.0
"""Seconds after which a wait counts as one without a bound; the bounds under test are far shorter."""

BOUND_UNDER_TEST = shared.postgres.pool.ACQUIRE_TIMEOUT
BURST = 64

Block = Callable[[Pool], Awaitable[None]]


async def in_a_transaction(pool: Pool) -> None:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await connection.execute("SELECT 1")


async def with_a_connection(pool: Pool) -> None:
    async with connected(pool) as connection:
        await connection.execute("SELECT 1")


@asynccontextmanager
async def exhausted(pool: Pool) -> AsyncIterator[None]:
    """Every connection of the pool is in use."""
    async with AsyncExitStack() as held:
        for _ in range(pool.get_max_size()):
            await held.enter_async_context(connected(pool))
        yield


async def test_a_patient_statement_is_planned_for_its_arguments_and_the_next_one_is_not(catalog: Database) -> None:
    changed = "SELECT array_agg(name) FROM pg_settings WHERE name = ANY($1) AND setting <> boot_val"
    async with connection_pool(catalog.url, name="patient", size=1) as pool:
        async with slow_transaction(pool, EVERY_ORGANISATION) as connection:
            assert await connection.fetchval(changed, list(BY_KEY)) is None
        async with connected(pool) as connection:
            assert set(await connection.fetchval(changed, list(BY_KEY))) == set(BY_KEY)


@pytest.mark.parametrize("block", [in_a_transaction, with_a_connection])
async def test_an_exhausted_pool_is_a_bounded_wait(catalog: Database, block: Block) -> None:
    async with connection_pool(catalog.url, name="small", size=2) as pool:
        async with exhausted(pool), asyncio.timeout(BOUND):
            with pytest.raises(Overloaded):
                await block(pool)
        await block(pool)


async def test_control_without_its_bound_the_wait_for_a_connection_has_no_end(
    catalog: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.postgres.pool, "ACQUIRE_TIMEOUT", BOUND)
    monkeypatch.setattr(shared.postgres.pool, "STALLED_CHECKS", int(BOUND / CHECK_INTERVAL))
    async with connection_pool(catalog.url, name="small", size=1) as pool:
        async with exhausted(pool):
            waiting = asyncio.create_task(in_a_transaction(pool))
            done, _ = await asyncio.wait({waiting}, timeout=2 * BOUND_UNDER_TEST)
            assert not done
        await waiting


async def test_a_burst_of_many_times_the_pool_is_served(catalog: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """For as long as it gets on, everybody's turn comes."""
    monkeypatch.setattr(shared.postgres.pool, "ACQUIRE_TIMEOUT", BOUND)
    async with connection_pool(catalog.url, name="small", size=2) as pool:
        await asyncio.gather(*(for_a_moment(pool) for _ in range(BURST)))


async def for_a_moment(pool: Pool) -> None:
    async with connected(pool) as connection:
        await connection.execute("SELECT pg_sleep(0.01)")


async def test_an_exhausted_pool_is_a_503_with_retry_after(catalog: Database) -> None:
    async with connection_pool(catalog.url, name="small", size=1) as pool, served(pool) as url:
        async with exhausted(pool):
            status, headers, code = await ask(url)
            assert (status, headers["Retry-After"], code) == (503, "1", "upstream_unavailable")
        assert (await ask(url))[0] == 200


@asynccontextmanager
async def served(pool: Pool) -> AsyncIterator[str]:
    async def answer(_: Request) -> Answer:
        await in_a_transaction(pool)
        return Answer('{"code": "fine"}')

    async def reachable() -> bool:
        return await is_reachable(pool)

    app = create_app()
    app[READINESS]["database"] = reachable
    app[RESPONDER].handler = answer
    async with serving(app) as url:
        yield url


async def ask(url: str, path: str = "/") -> tuple[int, dict[str, str], str]:
    async with aiohttp.ClientSession() as http, http.get(url + path) as response:
        body = await response.json()
        return response.status, dict(response.headers), body.get("code", "")


async def is_answered(url: str, path: str, status: int) -> bool:
    return (await ask(url, path))[0] == status


@asynccontextmanager
async def proxied_pool(catalog: Database) -> AsyncIterator[tuple[Proxy, Pool]]:
    async with proxy_for(catalog.url) as (proxy, url), connection_pool(url, name="proxied", size=2) as pool:
        await in_a_transaction(pool)
        yield proxy, pool


async def refuse(proxy: Proxy) -> None:
    await proxy.refuse()


async def freeze(proxy: Proxy) -> None:
    proxy.freeze()


async def heal(proxy: Proxy) -> None:
    proxy.thaw()
    await proxy.accept()


@pytest.mark.parametrize(("fault", "block"), [(refuse, with_a_connection), (freeze, in_a_transaction)])
async def test_a_database_that_is_away_is_unavailable_within_a_bound(
    catalog: Database, block: Block, fault: Callable[[Proxy], Awaitable[None]]
) -> None:
    async with proxied_pool(catalog) as (proxy, pool):
        await fault(proxy)
        async with asyncio.timeout(BOUND):
            with pytest.raises(Unavailable):
                await block(pool)
        await heal(proxy)
        await eventually(lambda: is_reachable(pool))
        await block(pool)


@pytest.mark.parametrize("fault", [refuse, freeze])
async def test_a_process_says_that_its_database_is_away_and_when_it_is_back(
    catalog: Database, fault: Callable[[Proxy], Awaitable[None]]
) -> None:
    async with proxied_pool(catalog) as (proxy, pool), served(pool) as url:
        await eventually(lambda: is_answered(url, "/health/ready", 200))
        await fault(proxy)
        async with asyncio.timeout(BOUND):
            assert await is_answered(url, "/health/ready", 503)
            assert await is_answered(url, "/", 503)
            assert await is_answered(url, "/health/live", 200)
        await heal(proxy)
        await eventually(lambda: is_answered(url, "/health/ready", 200))


async def test_a_request_knows_how_long_it_waited_for_a_connection_and_what_was_done_on_it(catalog: Database) -> None:
    async with connection_pool(catalog.url, name="test", size=2) as pool:
        spent = Spent()
        token = current_spent.set(spent)
        await in_a_transaction(pool)
        current_spent.reset(token)
        waited = Spent()
        current_spent.set(waited)
        async with connected(pool), connected(pool):
            with pytest.raises(Overloaded):
                await in_a_transaction(pool)
            alone = waited.copy()
        current_spent.set(None)
    assert spent.keys() == {"pool", "database"}
    assert alone.keys() == {"pool"}
    assert alone["pool"] > spent["pool"]


async def test_closing_the_pool_of_a_frozen_database_is_bounded(catalog: Database) -> None:
    async with asyncio.timeout(BOUND), proxied_pool(catalog) as (proxy, _):
        proxy.freeze()


async def test_a_connection_that_was_killed_is_replaced(catalog: Database) -> None:
    async with connection_pool(catalog.url, name="victim", size=1) as pool:
        await in_a_transaction(pool)
        killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'"
        assert await catalog.pool.fetch(killed)
        await eventually(lambda: is_reachable(pool))


async def test_a_transaction_left_by_an_exception_is_rolled_back(catalog: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        await fail_in_a_transaction(catalog.pool)
    assert await catalog.value("SELECT to_regclass('leftover')") is None


async def fail_in_a_transaction(pool: Pool) -> None:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await connection.execute("CREATE TABLE leftover ()")
        raise ZeroDivisionError


async def test_a_statement_that_takes_too_long_is_unavailable(catalog: Database) -> None:
    async with connection_pool(catalog.url, name="slow", size=1) as pool:
        with pytest.raises(DatabaseUnavailable):
            async with transaction(pool, EVERY_ORGANISATION) as connection:
                await connection.execute("SELECT pg_sleep(30)")
        await in_a_transaction(pool)
