"""Asks how many people a worker has to look at, when the metrics are read."""

from prometheus_client import CollectorRegistry, Gauge

from services.enrollment.store import standings
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION


def waiting_gauge(registry: CollectorRegistry | None = None) -> Gauge:
    return Gauge(
        "muster_standings_waiting",
        "People of whom is still to be worked out whether they are cleared; counted up to a hundred thousand.",
        registry=registry,
    )


async def measure_waiting(pool: Pool, waiting: Gauge) -> None:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        waiting.set(await standings.count_waiting(connection))
