"""What is sent to a webhook because somebody asks for it, and what came of it (contract, section 9)."""

from typing import Any
from uuid import uuid4

import pytest

from services.delivery.sending import worker
from services.delivery.store import feed, webhook_messages
from services.delivery.store import webhooks as store
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.client import Client
from tests.support.endpoints import endpoint
from tests.support.eventually import eventually
from tests.support.projections import Database
from tests.support.stack import RECEIVER_PORT
from tests.support.webhooks import Received, Webhooks, event, running, sender_for
from tests.support.world import WEBHOOK_MESSAGES, WEBHOOKS

COURSE = "training.course.saved.v1"
URL = f"http://localhost:{RECEIVER_PORT}/hook"


async def taken(database: Database, organisation: int, count: int) -> list[str]:
    ids = [uuid4() for _ in range(count)]
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        await feed.take(
            connection, [feed.Entry(organisation, each, COURSE, event(str(each), organisation)) for each in ids]
        )
    return [str(each) for each in ids]


async def recovered(database: Database, webhooks: Webhooks, webhook: int, ago: str, most: int = 5000) -> Any:
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        found = await store.lock(connection, webhooks.organisation, webhook)
        assert found is not None
        since = await connection.fetchval(f"SELECT now() - interval '{ago}'")
        return tuple(await webhook_messages.recover(connection, found, since, most))


async def test_a_test_event_goes_to_its_webhook_alone_and_can_be_sent_again(admin: Client) -> None:
    received = Received()
    async with endpoint(received, port=RECEIVER_PORT):
        made = [(await admin.post(WEBHOOKS, {"url": URL, "types": ["training.settings.*"]})) for _ in range(2)]
        paths = [each.headers["Location"] for each in made]
        sent = (await admin.post(f"{paths[0]}/test", None)).data
        assert (sent["type"], sent["status"], sent["tries"]) == ("training.webhook.test.v1", "pending", 0)

        async def delivered(times: int) -> bool:
            attempts = (await admin.get(f"{paths[0]}/attempts", message_id=sent["id"])).data
            return [each["status"] for each in attempts] == [200] * times

        await eventually(lambda: delivered(1))
        assert (await admin.post(f"{WEBHOOK_MESSAGES}/{sent['id']}/resend", None)).data["status"] == "pending"
        await eventually(lambda: delivered(2))
        [message] = (await admin.get(f"{paths[0]}/messages", status="delivered")).data
        assert (message["id"], message["tries"], message["next_try_at"]) == (sent["id"], 1, None)
        assert message["done_at"] is not None
        assert (await admin.get(f"{paths[1]}/messages")).data == []
        assert received.ids == [sent["event_id"]] * 2
        feed_types = [each["type"] for each in (await admin.get("/api/v1/events")).json["data"]]
        assert "training.webhook.test.v1" not in feed_types
        for path in paths:
            await admin.delete(path)
    gone = await admin.post(f"{WEBHOOK_MESSAGES}/{sent['id']}/resend", None)
    assert gone.status == 404


async def test_what_came_while_it_was_disabled_is_recovered_once(database: Database, webhooks: Webhooks) -> None:
    webhook = await webhooks.new("https://a.example/")
    await webhooks.set("status = 'disabled', disabled_reason = 'by_user'", webhook, table="webhooks")
    missed = await taken(database, webhooks.organisation, 3)
    await webhooks.set("status = 'enabled', disabled_reason = NULL", webhook, table="webhooks")
    assert await recovered(database, webhooks, webhook, "0 s") == (0, False)
    assert await recovered(database, webhooks, webhook, "1 hour", most=2) == (2, True)
    assert await recovered(database, webhooks, webhook, "1 hour", most=2) == (1, False)
    assert await recovered(database, webhooks, webhook, "1 hour") == (0, False)
    ids = await database.value(
        "SELECT array_agg(event_id::text ORDER BY id) FROM webhook_messages WHERE webhook_id = $1", webhook
    )
    assert ids == missed


@pytest.mark.parametrize(("status", "again"), [("delivered", 0), ("pending", 0), ("failed", 1), ("dropped", 1)])
async def test_what_it_took_is_not_recovered(database: Database, webhooks: Webhooks, status: str, again: int) -> None:
    webhook = await webhooks.new("https://a.example/")
    await taken(database, webhooks.organisation, 1)
    await webhooks.set(f"status = '{status}', tries = 10", webhook)
    assert await recovered(database, webhooks, webhook, "1 hour") == (again, False)
    assert await webhooks.states(webhook) == ["pending" if again else status]


async def test_types_that_it_does_not_want_are_not_recovered(database: Database, webhooks: Webhooks) -> None:
    webhook = await webhooks.new("https://a.example/")
    await webhooks.set("types = '{training.session.*}'", webhook, table="webhooks")
    await taken(database, webhooks.organisation, 1)
    assert await recovered(database, webhooks, webhook, "1 hour") == (0, False)


async def test_messages_and_attempts_are_kept_for_thirty_days(database: Database, webhooks: Webhooks) -> None:
    webhook = await webhooks.new("https://a.example/")
    await webhooks.send(webhook, 2)
    attempts = "INSERT INTO webhook_attempts (organisation_id, webhook_id, message_id, at, duration_ms) SELECT"
    old = "organisation_id, webhook_id, id, created_at, 5 FROM webhook_messages"
    await database.pool.execute(
        "UPDATE webhook_messages SET created_at = now() - interval '31 days'"
        " WHERE id = (SELECT max(id) FROM webhook_messages)"
    )
    await database.pool.execute(f"{attempts} {old}")
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        assert not await webhook_messages.prune(connection)
    for table in ("webhook_messages", "webhook_attempts"):
        assert await database.value(f"SELECT count(*) FROM {table}") == 1


async def test_one_that_is_gone_is_disabled_with_an_event(
    database: Database, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL_INTERVAL", 0.02)
    async with endpoint(Received(status=410)) as there:
        webhook = await webhooks.at(there)
        await webhooks.send(webhook)
        async with running(sender_for(database, there)):

            async def disabled() -> bool:
                sql = "SELECT status = 'disabled' FROM webhooks WHERE id = $1"
                return bool(await database.value(sql, webhook))

            await eventually(disabled)
    body = "SELECT (body::jsonb -> 'data' ->> 'disabled_reason') FROM outbox WHERE routing_key = 'webhook.disabled'"
    assert await database.value(body) == "gone"
    trail = "SELECT actor_subject || ' ' || version FROM audit_trail WHERE kind = 'webhook' AND id = $1"
    assert await database.value(trail, webhook) == "delivery 2"
