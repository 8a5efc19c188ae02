"""The secret of a webhook is in its own answers, and nowhere else: no log, event, audit trail or row holds it."""

import logging
from typing import Any, Final

import asyncpg
import pytest

from services.delivery.sending import signing, worker
from services.delivery.webhook_keys import new_signing_key
from tests.support.client import Client, new_organisation
from tests.support.endpoints import Connected, endpoint
from tests.support.eventually import eventually
from tests.support.projections import Database
from tests.support.stack import Stack
from tests.support.webhooks import SECRET, SIGNING_KEY, Received, Webhooks, running, sender_for

WEBHOOKS = "/api/v1/webhooks"
PATH: Final = "T0KEN/of-the-path"
"""Of a URL that is a secret by itself."""
ROWS = """
SELECT t::text FROM webhooks AS t WHERE organisation_id = $1
UNION ALL SELECT t::text FROM audit_trail AS t WHERE organisation_id = $1
UNION ALL SELECT t::text FROM events AS t WHERE organisation_id = $1
UNION ALL SELECT t::text FROM idempotency_keys AS t WHERE organisation_id = $1
UNION ALL SELECT t::text FROM outbox AS t WHERE organisation_id = $1
UNION ALL SELECT t::text FROM webhook_messages AS t WHERE organisation_id = $1
UNION ALL SELECT t::text FROM webhook_attempts AS t WHERE organisation_id = $1
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


def octets_of(secret: str) -> str:
    """What is left of it without its prefix."""
    return secret.partition("_")[2]


async def said_while_sending(
    database: Database, webhooks: Webhooks, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """All that is logged and stored where requests are answered, refused and broken off, and where they cannot be
    signed."""
    monkeypatch.setattr(worker, "POLL_INTERVAL", 0.02)
    with caplog.at_level(logging.DEBUG):
        async with endpoint(Received()) as well, endpoint(Received(status=410)) as gone, endpoint(broken) as broken_off:
            all_of_them = [await webhooks.at(each) for each in (well, gone, broken_off)]
            all_of_them += [await webhooks.new(f"https://10.1.2.3/{PATH}"), await webhooks.at(well)]
            await webhooks.set("signing_key = 'whsk_no key'", all_of_them[-1], table="webhooks")
            sender = sender_for(database, well, gone, broken_off)
            async with running(sender):
                for webhook in all_of_them:
                    await webhooks.send(webhook)

                async def all_are_tried() -> bool:
                    tried = [len(await webhooks.attempts(webhook)) for webhook in all_of_them]
                    return tried == [1, 1, 1, 1, 0] and "was not sent" in caplog.text

                await eventually(all_are_tried)
    sql = "SELECT t::text FROM webhook_attempts t UNION ALL SELECT t::text FROM webhook_messages t"
    rows = await database.pool.fetch(f"{sql} UNION ALL SELECT t::text FROM outbox t")
    return [caplog.text, *(row[0] for row in rows)]


async def broken(connected: Connected) -> None:
    await connected.request()
    await connected.write(b"what is no HTTP\r\n\r\n")


async def test_what_is_sent_with_them_says_none_of_them(
    database: Database, webhooks: Webhooks, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = await said_while_sending(database, webhooks, caplog, monkeypatch)
    for secret in (octets_of(SECRET), octets_of(SIGNING_KEY), PATH):
        assert [text for text in said if secret in text] == []


async def test_control_a_secret_that_is_logged_is_found(
    database: Database, webhooks: Webhooks, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = signing.headers

    def talking(keys: signing.Keys, *rest: Any) -> dict[str, str]:
        logging.getLogger("services.delivery").debug("signs with %s", keys.secrets)
        return headers(keys, *rest)

    monkeypatch.setattr(signing, "headers", talking)
    said = await said_while_sending(database, webhooks, caplog, monkeypatch)
    assert [text for text in said if octets_of(SECRET) in text] != []


def test_what_holds_them_shows_none_of_them() -> None:
    """In a traceback, and in what a debugger or a log makes of it."""
    shown = repr(signing.Keys([SECRET], SIGNING_KEY)) + repr(new_signing_key())
    assert octets_of(SECRET) not in shown
    assert octets_of(SIGNING_KEY) not in shown
    assert "whsk_" not in shown
