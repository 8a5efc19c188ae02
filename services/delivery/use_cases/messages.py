"""What is sent to a webhook because somebody asks for it: one transaction each."""

import json
from datetime import datetime
from typing import Final

from services.delivery.errors import WebhookDisabled, WebhookMessageNotFound, WebhookNotFound
from services.delivery.store import webhook_messages as store
from services.delivery.store import webhooks
from services.delivery.store.webhook_messages import Recovered
from services.delivery.use_cases.webhooks import SOURCE
from services.delivery.webhooks import Webhook
from shared.observability import Trace, new_uuid
from shared.postgres.pool import Connection

TEST_TYPE: Final = "training.webhook.test.v1"
"""Of no event of the feed: nobody but the webhook gets it, whatever its types are."""
MOST_RECOVERED: Final = 5000
"""At once: they are sent with what is new."""


async def send_test(connection: Connection, place: tuple[int, int], trace: Trace) -> str:
    """The message as JSON text. Raises `WebhookNotFound` or `WebhookDisabled`."""
    webhook = await _enabled(connection, place)
    event_id = new_uuid()
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "type": TEST_TYPE,
        "subject": f"webhooks/{webhook.id}",
        "datacontenttype": "application/json",
        "organisationid": str(webhook.organisation_id),
        "traceparent": trace.traceparent,
        "requestid": trace.request_id,
        "data": {"id": webhook.id, "version": webhook.version},
    }
    body = json.dumps({name: value for name, value in envelope.items() if value})
    message = await store.add(connection, webhook, event_id, TEST_TYPE, body, SOURCE)
    await store.wake(connection)
    return message


async def resend(connection: Connection, organisation_id: int, message_id: int) -> str:
    """The message as JSON text. Raises `WebhookMessageNotFound` or `WebhookDisabled`."""
    message = await store.resend(connection, organisation_id, message_id)
    if message is None:
        status = await store.status_of_webhook(connection, organisation_id, message_id)
        raise WebhookMessageNotFound if status is None else WebhookDisabled
    await store.wake(connection)
    return message


async def recover(connection: Connection, place: tuple[int, int], since: datetime) -> Recovered:
    """Raises `WebhookNotFound` or `WebhookDisabled`."""
    recovered = await store.recover(connection, await _enabled(connection, place), since, MOST_RECOVERED)
    await store.wake(connection)
    return recovered


async def _enabled(connection: Connection, place: tuple[int, int]) -> Webhook:
    webhook = await webhooks.lock(connection, *place)
    if webhook is None:
        raise WebhookNotFound
    if webhook.fields.status == "disabled":
        raise WebhookDisabled
    return webhook
