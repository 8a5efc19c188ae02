"""Asks what waits in the outbox, when the metrics are read."""

from shared.messaging import outbox
from shared.metrics.messaging import OutboxMetrics
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION


async def measure_outbox(pool: Pool, metrics: OutboxMetrics) -> None:
    """In one statement, on a connection of the requests: the relay's are all in use."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        waiting = await outbox.backlog(connection)
    metrics.waiting["direct"].set(waiting.direct)
    metrics.waiting["bulk"].set(waiting.bulk)
    metrics.oldest["direct"].set(waiting.direct_seconds)
    metrics.oldest["bulk"].set(waiting.bulk_seconds)
