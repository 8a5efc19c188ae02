"""What keeps the feed, beside taking events in: partitions made ahead and dropped in time (decision 24)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web
from prometheus_client import Gauge

from services.delivery import erasing
from services.delivery.metrics import HorizonMetrics
from services.delivery.settings import DeliverySettings
from services.delivery.store import feed, feed_days, webhook_messages
from shared.concurrency.backoff import Backoff
from shared.concurrency.tasks import background
from shared.messaging.retrying import retry_forever
from shared.metrics.housekeeping import finished
from shared.metrics.registry import METRICS
from shared.postgres.connection import dedicated_connection
from shared.postgres.pool import Pool, connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import HOUSEKEEPING, POOL

log = logging.getLogger(__name__)

INTERVAL = 60.0
"""Seconds between two rounds."""
ERASURE_INTERVAL = 5.0
"""Seconds between two looks for people who were erased."""
ERASURE_PAUSE = 0.05
"""Seconds between two transactions that go through the feed, so that others hardly notice."""
ROUND_SECONDS = 60.0
"""For one statement: finding the last event of a day that is dropped reads its index."""


async def prepare_feed(url: str) -> None:
    """What `migrate` does once the schema is there."""
    async with dedicated_connection(url, name="delivery migrate", command_timeout=ROUND_SECONDS) as connection:
        await feed_days.prepare(connection)


async def keep_feed(settings: DeliverySettings, app: web.Application) -> AsyncIterator[None]:
    """A part of the worker."""
    url = settings.database_url.get_secret_value()
    rounds, pruning = partial(_keep_days, url, app[HOUSEKEEPING].task("feed_days")), partial(_prune_ids, app)
    app[METRICS].sample("feed", partial(_measure_horizon, app[POOL], HorizonMetrics(app[METRICS].registry)))
    messages, erasures = partial(_prune_messages, app), partial(_go_through, app)
    async with (
        background(retry_forever(erasures, "erasing in the feed", longest_pause=INTERVAL), name="feed erasures"),
        background(retry_forever(rounds, "keeping of the feed's days", longest_pause=INTERVAL), name="feed days"),
        background(retry_forever(pruning, "pruning of event ids", longest_pause=INTERVAL), name="feed ids"),
        background(retry_forever(messages, "pruning of messages", longest_pause=INTERVAL), name="webhook messages"),
    ):
        yield


async def _measure_horizon(pool: Pool, metrics: HorizonMetrics) -> None:
    async with connected(pool) as connection:
        metrics.found(*await feed.horizon(connection))


async def _keep_days(url: str, task: Gauge, backoff: Backoff) -> None:
    while True:
        # A connection of its own: the pool's have bounds for requests, and this needs none for a minute.
        async with dedicated_connection(url, name="delivery feed", command_timeout=ROUND_SECONDS) as connection:
            await feed_days.prepare(connection)
            while dropped := await feed_days.drop_one(connection):
                log.info("events of %s are kept no longer", dropped)
        finished(task)
        backoff.reset()
        await asyncio.sleep(INTERVAL)


async def _prune_ids(app: web.Application, backoff: Backoff) -> None:
    more, task = False, app[HOUSEKEEPING].task("feed_event_ids")
    while True:
        if not more:
            await asyncio.sleep(INTERVAL)
        async with transaction(app[POOL], EVERY_ORGANISATION) as connection:
            more = await feed_days.prune_ids(connection)
        finished(task)
        backoff.reset()


async def _go_through(app: web.Application, backoff: Backoff) -> None:
    more = False
    while True:
        await asyncio.sleep(ERASURE_PAUSE if more else ERASURE_INTERVAL)
        async with transaction(app[POOL], EVERY_ORGANISATION) as connection:
            more = await erasing.go_through_some(connection)
        backoff.reset()


async def _prune_messages(app: web.Application, backoff: Backoff) -> None:
    more, task = False, app[HOUSEKEEPING].task("webhook_messages")
    while True:
        if not more:
            await asyncio.sleep(INTERVAL)
        async with transaction(app[POOL], EVERY_ORGANISATION) as connection:
            more = await webhook_messages.prune(connection)
        finished(task)
        backoff.reset()
