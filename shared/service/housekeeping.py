"""Deletes rows that are no longer needed: published events, and the responses kept for idempotency keys."""

import asyncio
from functools import partial

from prometheus_client import Gauge

from shared.concurrency.backoff import Backoff
from shared.messaging import outbox
from shared.messaging.retrying import retry_forever
from shared.metrics.housekeeping import finished
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service import idempotency

INTERVAL = 60.0
"""Seconds between two rounds; each deletes at most a few thousand rows, so that nobody waits for it."""


async def prune_expired(pool: Pool, task: Gauge) -> None:
    """Runs until it is cancelled, through any outage of the database."""
    await retry_forever(partial(_prune, pool, task), "pruning of expired rows", longest_pause=INTERVAL)


async def _prune(pool: Pool, task: Gauge, backoff: Backoff) -> None:
    while True:
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            await outbox.prune(connection)
            await idempotency.prune(connection)
        finished(task)
        backoff.reset()
        await asyncio.sleep(INTERVAL)
