"""What a service's process puts together: who uses whose connections."""

from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web
from pydantic import SecretStr

from shared.http.server.app import INFORMATION
from shared.metrics.housekeeping import Housekeeping
from shared.metrics.pools import PoolMetrics
from shared.metrics.registry import METRICS, Metrics
from shared.postgres.pool import connected, connection_pool
from shared.service.chassis import HOUSEKEEPING, POOL, POOL_METRICS, relay
from shared.settings import ServiceSettings
from tests.support.broker import Broker
from tests.support.events import enrollment
from tests.support.internal_keys import internal_settings
from tests.support.projections import Database
from tests.support.relays import arrived, commit

SIZE = 2


async def test_events_go_out_while_requests_have_all_connections(database: Database, broker: Broker) -> None:
    settings = ServiceSettings(
        database_url=SecretStr(database.url),
        amqp_url=SecretStr(broker.url),
        **internal_settings("catalog"),
        exchange=broker.exchange.name,
        port=0,
    )
    app, inbox = web.Application(), await broker.inbox()
    async with AsyncExitStack() as exits:
        app[POOL] = pool = await exits.enter_async_context(connection_pool(database.url, name="requests", size=SIZE))
        app[INFORMATION], app[METRICS], app[POOL_METRICS] = {}, Metrics(), PoolMetrics()
        app[HOUSEKEEPING] = Housekeeping()
        for _ in range(SIZE):
            await exits.enter_async_context(connected(pool))
        await exits.enter_async_context(asynccontextmanager(relay)("test", settings, app))
        await commit(database, enrollment(7, 1))
        await arrived(inbox, 1)
