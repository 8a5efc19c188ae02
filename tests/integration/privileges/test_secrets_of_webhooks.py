"""The secret of a webhook is in its own answers, and nowhere else: no log, event, audit trail or row holds it."""

import logging

import asyncpg
import pytest

from tests.support.client import Client, new_organisation
from tests.support.eventually import eventually
from tests.support.stack import Stack

WEBHOOKS = "/api/v1/webhooks"
ROWS = """
SELECT t::text FROM webhooks AS t WHERE organisation_id = $1
UNION ALL SELECT t::text FROM audit_trail AS t WHERE organisation_id = $1
UNION ALL SELECT t::text FROM events AS t WHERE organisation_id = $1
UNION ALL SELECT t::text FROM idempotency_keys AS t WHERE organisation_id = $1
"""


async def test_a_webhook_s_secrets_are_where_they_belong(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    client = stack.client(organisation := new_organisation())
    with caplog.at_level(logging.DEBUG):
        made = await client.post(WEBHOOKS, {"url": "https://hooks.invalid/"}, **{"Idempotency-Key": "once"})
        path = f"{WEBHOOKS}/{made.data['id']}"
        rotated = await client.post(f"{path}/rotate-secret", {"at_once": False})
        refused = await client.patch(path, {"secret": made.data["secret"]})
        await eventually(lambda: has_events(client, 2))
    found = [made.data["secret"], rotated.data["secret"]]
    assert refused.status == 422
    assert len(set(found)) == 2
    said = [refused.text, caplog.text]
    said += [(await client.get(shown)).text for shown in (path, WEBHOOKS, f"{path}/audit", "/api/v1/events")]
    said += await rows(stack, organisation)
    for secret in found:
        octets = secret.removeprefix("whsec_")
        assert [text for text in said if octets in text or octets.encode().hex() in text] == []
    assert found[1] in (await client.get(f"{path}/secret")).text


async def has_events(client: Client, number: int) -> bool:
    """In the feed; each change of the webhook is one."""
    return len((await client.get("/api/v1/events")).data) >= number


async def rows(stack: Stack, organisation: int) -> list[str]:
    connection = await asyncpg.connect(stack.database_urls["delivery"], timeout=10)
    try:
        return [row[0] for row in await connection.fetch(ROWS, organisation)]
    finally:
        await connection.close()
