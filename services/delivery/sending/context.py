"""Sending beside the other work of a process of delivery."""

from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from services.delivery.metrics import WebhookMetrics
from services.delivery.sealing import sealer_of, secret_of, signing_key_of
from services.delivery.sending.client import EndpointClient
from services.delivery.sending.resolver import name_servers
from services.delivery.sending.signing import Keys
from services.delivery.sending.worker import KeysOf, Sender
from services.delivery.settings import DeliverySettings
from services.delivery.store import sending as store
from services.delivery.store.sending import Claimed, Failing
from services.delivery.use_cases import webhooks as use_cases
from services.delivery.webhooks import DisabledReason
from shared.concurrency.tasks import background
from shared.metrics.registry import METRICS
from shared.postgres.audit import AuditEntry
from shared.postgres.pool import Connection, Pool, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import POOL, POOL_METRICS

_NAME = "delivery sender"


async def sending(settings: DeliverySettings, app: web.Application) -> AsyncIterator[None]:
    """Sends what is due to webhooks, on a connection to the database of its own."""
    url = settings.database_url.get_secret_value()
    async with name_servers() as lookup, connection_pool(url, name=_NAME, size=1) as pool:
        client = EndpointClient(lookup, settings.webhook_private_hosts)
        metrics = WebhookMetrics(app[METRICS].registry)
        app[POOL_METRICS].watch("sender", pool)
        app[METRICS].sample("webhooks", partial(measure_waiting, app[POOL], metrics))
        sender = Sender(pool, url, client, keys_with(settings), disable, name=_NAME, metrics=metrics)
        async with background(sender.run(), name="sender"):
            yield


async def measure_waiting(pool: Pool, metrics: WebhookMetrics) -> None:
    """When the metrics are read, on a connection of the requests."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        waiting, oldest = await store.waiting(connection)
    metrics.waiting.set(waiting)
    metrics.oldest.set(oldest)


async def disable(connection: Connection, failing: Failing, reason: DisabledReason) -> AuditEntry | None:
    """Its organisation gets an event. What is pending stays so, and is sent if the webhook is enabled again."""
    return await use_cases.disable(connection, (failing.organisation_id, failing.webhook_id), reason)


def keys_with(settings: DeliverySettings) -> KeysOf:
    """Decrypts with the installation's secret; raises `SecretWrong` for what was encrypted with another."""
    sealer = sealer_of(settings)

    def keys_of(claimed: Claimed) -> Keys:
        row = (claimed.organisation_id, claimed.webhook_id)
        secrets = [sealed for sealed in (claimed.secret, claimed.previous_secret) if sealed is not None]
        opened = [sealer.open(sealed, secret_of(*row)) for sealed in secrets]
        return Keys(opened, sealer.open(claimed.signing_key, signing_key_of(*row)))

    return keys_of
