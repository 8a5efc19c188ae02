"""Deletes rows whose time is over: published events, and the responses kept for idempotency keys."""

import asyncio
import logging

from shared.messaging import outbox
from shared.postgres.pool import Pool, is_unavailable, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service import idempotency

log = logging.getLogger(__name__)

INTERVAL = 60.0
"""Seconds between two rounds; each deletes at most a few thousand rows, so that nobody waits for it."""


async def prune_expired(pool: Pool) -> None:
    """Runs until it is cancelled; while the database is away it tries again."""
    while True:
        try:
            async with transaction(pool, EVERY_ORGANISATION) as connection:
                await outbox.prune(connection)
                await idempotency.prune(connection)
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("pruning published events and idempotency keys: the database is unavailable: %r", error)
        await asyncio.sleep(INTERVAL)
