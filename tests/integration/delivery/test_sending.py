"""Messages reach their endpoints: signed, tried again, and given up (contract, section 9)."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from services.delivery.sending import worker
from services.delivery.sending.schedule import MOST_TRIES
from tests.support.endpoints import endpoint
from tests.support.eventually import eventually
from tests.support.projections import Database
from tests.support.webhooks import SECRET, SIGNING_KEY, Received, Webhooks, event, running, sender_for

DUE = "due_at = statement_timestamp()"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test moves in the database is found soon."""
    monkeypatch.setattr(worker, "POLL_INTERVAL", 0.02)


async def test_a_delivery_is_the_event_and_verifies(database: Database, webhooks: Webhooks) -> None:
    received = Received()
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        (event_id,) = await webhooks.send(webhook)
        async with running(sender_for(database, there)):
            await webhooks.are(webhook, "delivered")
    ((headers, body),) = received.requests
    assert body == event(event_id, webhooks.organisation)
    assert Webhook(SECRET).verify(body, headers) == json.loads(body)
    assert headers["webhook-id"] == event_id
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["user-agent"].startswith("Muster-Webhooks/")
    signature = headers["webhook-signature"].split(" v1a,")[1]
    seed = base64.b64decode(SIGNING_KEY.removeprefix("whsk_"))[:32]
    content = f"{event_id}.{headers['webhook-timestamp']}.{body}".encode()
    Ed25519PrivateKey.from_private_bytes(seed).public_key().verify(base64.b64decode(signature), content)
    assert await webhooks.attempts(webhook) == [(200, None)]


async def test_a_thin_delivery_has_no_data(database: Database, webhooks: Webhooks) -> None:
    received = Received()
    async with endpoint(received) as there:
        webhook = await webhooks.at(there, thin=True)
        (event_id,) = await webhooks.send(webhook)
        async with running(sender_for(database, there)):
            await webhooks.are(webhook, "delivered")
    ((headers, body),) = received.requests
    sent = Webhook(SECRET).verify(body, headers)
    assert sent["id"] == event_id
    assert sent["type"] == "training.course.saved.v1"
    assert "data" not in sent


async def test_the_secret_before_signs_beside_the_new_one_for_a_while(database: Database, webhooks: Webhooks) -> None:
    received, before = Received(), f"whsec_{base64.b64encode(b'before' * 5).decode()}"
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        rotated = f"previous_secret = '{before}'::text::bytea, previous_until = statement_timestamp() + "
        await webhooks.set(rotated + "interval '1 minute'", webhook, table="webhooks")
        async with running(sender_for(database, there)):
            await webhooks.send(webhook)
            await webhooks.are(webhook, "delivered")
            await webhooks.set("previous_until = statement_timestamp()", webhook, table="webhooks")
            await webhooks.send(webhook)
            await webhooks.are(webhook, "delivered")
    (first, body), (second, _) = received.requests
    Webhook(before).verify(body, first)
    Webhook(SECRET).verify(body, first)
    assert [first["webhook-signature"].count("v1,"), second["webhook-signature"].count("v1,")] == [2, 1]


async def test_a_message_of_the_feed_has_the_events_body(database: Database, webhooks: Webhooks) -> None:
    received = Received()
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        kept, gone = await webhooks.send(webhook, 2)
        body = event(kept, webhooks.organisation, 100)
        await database.pool.execute(
            "INSERT INTO events (organisation_id, position, event_id, type, body) VALUES ($1, 5, $2, 'x', $3)",
            webhooks.organisation, kept, body,
        )  # fmt: skip
        found = "SELECT id FROM events WHERE organisation_id = $1"
        place = await database.value(found, webhooks.organisation)
        await webhooks.set(f"body = NULL, feed_position = 5, feed_id = {place}", webhook)
        another = "UPDATE webhook_messages SET feed_id = feed_id + 1 WHERE event_id = $1"
        await database.pool.execute(another, gone)
        async with running(sender_for(database, there)):
            await webhooks.are(webhook, "delivered", "dropped")
    assert [body for _, body in received.requests] == [body]
    assert await webhooks.states(webhook) == ["delivered", "dropped"]


async def test_an_endpoint_down_for_three_days_gets_everything_in_the_end(
    database: Database, webhooks: Webhooks
) -> None:
    """Time passes by moving what is stored back: each pause is over as soon as it has begun."""
    received = Received(status=503)
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        sent = await webhooks.send(webhook, 8)
        async with running(sender_for(database, there)):
            for tries in range(1, MOST_TRIES):
                await _all_tried(webhooks, webhook, tries)
                received.status = 503 if tries < MOST_TRIES - 1 else 200
                await _next_try(webhooks, webhook)
            await webhooks.are(webhook, "delivered")
    passed = await database.value(
        "SELECT statement_timestamp() - min(created_at) FROM webhook_messages WHERE webhook_id = $1", webhook
    )
    assert passed >= timedelta(days=3)
    assert set(received.ids[-8:]) == set(sent)
    assert await _reason(webhooks, webhook) is None
    assert await database.value("SELECT failing_since FROM webhooks WHERE id = $1", webhook) is None


async def _all_tried(webhooks: Webhooks, webhook: int, tries: int) -> None:
    sql = "SELECT count(*) FROM webhook_messages WHERE webhook_id = $1 AND tries < $2"

    async def tried() -> bool:
        return bool(await webhooks.database.value(sql, webhook, tries) == 0)

    await eventually(tried)


async def _next_try(webhooks: Webhooks, webhook: int) -> None:
    """The longest pause of any message passes, for all that is stored of the webhook."""
    pause = await webhooks.database.value(
        "SELECT max(due_at) - statement_timestamp() FROM webhook_messages WHERE webhook_id = $1", webhook
    )
    seconds = f"interval '{pause.total_seconds()} seconds'"
    await webhooks.set(f"failing_since = failing_since - {seconds}", webhook, table="webhooks")
    await webhooks.set(f"due_at = due_at - {seconds}, created_at = created_at - {seconds}", webhook)


async def _reason(webhooks: Webhooks, webhook: int) -> str | None:
    """Why it is disabled."""
    sql = "SELECT disabled_reason FROM webhooks WHERE id = $1 AND (disabled_reason IS NULL OR status = 'disabled')"
    reason = await webhooks.database.value(sql, webhook)
    return None if reason is None else str(reason)


async def test_after_ten_tries_a_message_has_failed(database: Database, webhooks: Webhooks) -> None:
    received = Received(status=500)
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        await webhooks.send(webhook)
        await webhooks.set(f"tries = {MOST_TRIES - 2}", webhook)
        async with running(sender_for(database, there)):
            await _all_tried(webhooks, webhook, MOST_TRIES - 1)
            assert await webhooks.states(webhook) == ["pending"]
            await webhooks.set(DUE, webhook)
            await webhooks.are(webhook, "failed")
    assert await webhooks.attempts(webhook) == [(500, None)] * 2


async def test_retry_after_moves_the_next_try(database: Database, webhooks: Webhooks) -> None:
    received = Received(status=429, headers="Retry-After: 7200\r\n")
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        await webhooks.send(webhook)
        async with running(sender_for(database, there)):
            await _all_tried(webhooks, webhook, 1)
    sql = "SELECT due_at - statement_timestamp() FROM webhook_messages WHERE webhook_id = $1"
    pause = (await database.value(sql, webhook)).total_seconds()
    assert 7100 < pause <= 7200 * 1.1


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_failures_alone_are_remembered_until_something_succeeds(
    database: Database, webhooks: Webhooks, status: int
) -> None:
    received = Received(status=status)
    failing = "SELECT failing_since FROM webhooks WHERE id = $1"
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        await webhooks.send(webhook)
        async with running(sender_for(database, there)):
            await _all_tried(webhooks, webhook, 1)
            since = await database.value(failing, webhook)
            assert since is not None
            await webhooks.set(DUE, webhook)
            await _all_tried(webhooks, webhook, 2)
            assert await database.value(failing, webhook) == since
            received.status = 204
            await webhooks.set(DUE, webhook)
            await webhooks.are(webhook, "delivered")
    assert await database.value(failing, webhook) is None


async def test_a_gone_endpoint_is_disabled_at_once(database: Database, webhooks: Webhooks) -> None:
    received = Received(status=410)
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        async with running(sender_for(database, there)):
            await webhooks.send(webhook)
            await _all_tried(webhooks, webhook, 1)
            await webhooks.set(DUE, webhook)
            await webhooks.send(webhook)
        assert await _reason(webhooks, webhook) == "gone"
        assert len(received.requests) == 1


async def test_five_days_of_failures_alone_disable(database: Database, webhooks: Webhooks) -> None:
    received = Received(status=500)
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        async with running(sender_for(database, there)):
            for days, reason in ((4, None), (5, "failing")):
                failing = f"failing_since = statement_timestamp() - interval '{days} days'"
                await webhooks.set(failing, webhook, table="webhooks")
                await webhooks.send(webhook)
                await _all_tried(webhooks, webhook, 1)
                assert await _reason(webhooks, webhook) == reason


@pytest.mark.parametrize("change", ["status = 'disabled', disabled_reason = 'by_user'", "removed = true"])
async def test_a_webhook_that_is_off_gets_nothing(database: Database, webhooks: Webhooks, change: str) -> None:
    received = Received()
    async with endpoint(received) as there:
        off, on = await webhooks.at(there), await webhooks.at(there)
        await webhooks.set(change, off, table="webhooks")
        await webhooks.send(off)
        async with running(sender_for(database, there)):
            await webhooks.send(on)
            await webhooks.are(on, "delivered")
    assert len(received.requests) == 1
    assert await webhooks.states(off) == ["pending"]
