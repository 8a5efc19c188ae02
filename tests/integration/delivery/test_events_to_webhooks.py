"""From an event of the system to the endpoint of a webhook, through all processes."""

import json

from standardwebhooks import Webhook

from services.delivery.sealing import WEBHOOK_SECRETS, secret_of, signing_key_of
from shared.auth.secrets_at_rest import Sealer
from shared.postgres.pool import connection_pool
from tests.support.client import Client
from tests.support.endpoints import endpoint
from tests.support.eventually import eventually
from tests.support.stack import DELIVERY_SECRET, RECEIVER_PORT, Stack
from tests.support.webhooks import SECRET, SIGNING_KEY, Received
from tests.support.world import new_course

_ADD = """
INSERT INTO webhooks (organisation_id, id, url, types, secret, signing_key, public_key)
OVERRIDING SYSTEM VALUE VALUES ($1, $1, $2, '{training.course.*}', $3, $4, '')
"""


async def test_a_course_is_told_to_a_webhook(stack: Stack, admin: Client, organisation: int) -> None:
    received, sealer = Received(), Sealer(WEBHOOK_SECRETS, DELIVERY_SECRET)
    row = (organisation, organisation)
    sealed = sealer.seal(SECRET, secret_of(*row)), sealer.seal(SIGNING_KEY, signing_key_of(*row))
    async with (
        endpoint(received, port=RECEIVER_PORT),
        connection_pool(stack.database_urls["delivery"], name="test", size=1) as pool,
    ):
        await pool.execute(_ADD, organisation, f"http://localhost:{RECEIVER_PORT}/hook", *sealed)
        course = await new_course(admin)

        async def arrived() -> bool:
            return len(received.requests) == 1

        await eventually(arrived)
        await pool.execute("UPDATE webhooks SET removed = true WHERE id = $1", organisation)
    ((headers, body),) = received.requests
    event = Webhook(SECRET).verify(body, headers)
    assert event == json.loads(body)
    assert (event["type"], event["data"]["id"]) == ("training.course.saved.v1", course)
