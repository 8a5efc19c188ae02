"""Work on broker and database that goes on through their outages."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from shared.concurrency.backoff import Backoff
from shared.concurrency.tasks import was_cancelled
from shared.messaging.broker import BROKER_ERRORS
from shared.postgres.pool import is_unavailable

log = logging.getLogger(__name__)


async def through_outages(work: Callable[[Backoff], Awaitable[None]], name: str) -> None:
    """Runs `work` until it is cancelled: whenever it ends, again after a pause, which it may reset.

    aio-pika ends it with a bare CancelledError too when a connection drops (mosquito/aio-pika, heartbeat). A defect
    is logged as one and does not end it either.
    """
    backoff = Backoff()
    while True:
        try:
            await work(backoff)
        except asyncio.CancelledError:
            if was_cancelled():
                raise
            log.warning("%s lost its connection", name)
        except Exception as error:
            if isinstance(error, BROKER_ERRORS) or is_unavailable(error):
                log.warning("%s waits for broker or database: %r", name, error)
            else:
                log.exception("a defect in %s", name)
        await asyncio.sleep(backoff.next())
