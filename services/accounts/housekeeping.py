"""Deletes what has expired: failed attempts, addresses, refresh tokens, and revocations of tokens that are over."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web
from prometheus_client import Gauge

from services.accounts.settings import AccountsSettings
from services.accounts.store import failures, refresh_tokens, revocations
from shared.concurrency.backoff import Backoff
from shared.concurrency.tasks import background
from shared.messaging.retrying import retry_forever
from shared.metrics.housekeeping import finished
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import HOUSEKEEPING, POOL
from shared.service.housekeeping import INTERVAL


async def pruning(settings: AccountsSettings, app: web.Application) -> AsyncIterator[None]:
    """Runs through any outage of the database."""
    prune = partial(_prune, app[POOL], app[HOUSEKEEPING].task("sign_ins"))
    work = retry_forever(prune, "pruning of failed attempts and tokens", longest_pause=INTERVAL)
    async with background(work, name="pruning of accounts"):
        yield


async def prune_once(pool: Pool) -> None:
    """A few thousand rows of each kind at most, so that nobody waits for it."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await failures.prune(connection)
        await refresh_tokens.prune(connection)
        await revocations.prune(connection)


async def _prune(pool: Pool, task: Gauge, backoff: Backoff) -> None:
    while True:
        await prune_once(pool)
        finished(task)
        backoff.reset()
        await asyncio.sleep(INTERVAL)
