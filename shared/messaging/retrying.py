"""Background work that continues through outages of broker and database."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from shared.concurrency.backoff import Backoff
from shared.concurrency.tasks import was_cancelled
from shared.errors import Unavailable
from shared.messaging.errors import BROKER_ERRORS

log = logging.getLogger(__name__)


async def retry_forever(work: Callable[[Backoff], Awaitable[None]], name: str, *, longest_pause: float = 1.0) -> None:
    """Runs `work` until it is cancelled. Whenever it ends, it runs again after a pause, whose growth it may reset.

    aio-pika ends it with a bare CancelledError too when a connection drops (mosquito/aio-pika, heartbeat). A defect
    is logged with its traceback and does not end it either. `longest_pause` is in seconds.
    """
    backoff = Backoff(most=longest_pause)
    while True:
        try:
            await work(backoff)
        except asyncio.CancelledError:
            if was_cancelled():
                raise
            log.warning("%s lost its connection", name)
        except (*BROKER_ERRORS, Unavailable) as error:
            log.warning("%s is waiting for the broker or the database: %r", name, error)
        except Exception:
            log.exception("unhandled exception in %s", name)
        await asyncio.sleep(backoff.next())
