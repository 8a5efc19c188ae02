"""Whenever a sender ends, its messages are sent: again, where nobody knows whether they were."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest

from services.delivery.sending import worker
from services.delivery.sending.client import Outcome
from services.delivery.store import sending
from services.delivery.store.sending import Attempt, Failing
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Connection, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.endpoints import endpoint
from tests.support.eventually import eventually
from tests.support.projections import Database
from tests.support.webhooks import Received, Webhooks, running, sender_for

CLAIMS_ARE_OVER = "claimed_until = statement_timestamp()"
CLAIMED = "SELECT count(*) FROM webhook_messages WHERE webhook_id = $1 AND claimed_until IS NOT NULL"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "POLL_INTERVAL", 0.02)
    monkeypatch.setattr(worker, "DRAIN_TIMEOUT", 0.5)


async def test_killed_before_it_is_sent_a_message_is_sent_by_another(database: Database, webhooks: Webhooks) -> None:
    received = Received()
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        sent = await webhooks.send(webhook)
        async with transaction(database.pool, EVERY_ORGANISATION) as connection:
            assert len(await sending.claim(connection, 64, {}, 64, [], 4)) == 1
        async with running(sender_for(database, there)):
            assert await webhooks.states(webhook) == ["pending"]
            await webhooks.set(CLAIMS_ARE_OVER, webhook)
            await webhooks.are(webhook, "delivered")
    assert received.ids == sent


async def test_killed_between_sending_and_marking_it_is_sent_again_with_the_same_id(
    monkeypatch: pytest.MonkeyPatch, database: Database, webhooks: Webhooks
) -> None:
    received = Received()
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        (event_id,) = await webhooks.send(webhook)

        async def never(_: Connection, __: Sequence[Attempt]) -> list[Failing]:
            raise DatabaseUnavailable("killed")

        async def arrived() -> bool:
            return received.ids == [event_id]

        with monkeypatch.context() as killed:
            killed.setattr(sending, "settle", never)
            async with running(sender_for(database, there)):
                await eventually(arrived)
        assert await webhooks.states(webhook) == ["pending"]
        await webhooks.set(CLAIMS_ARE_OVER, webhook)
        async with running(sender_for(database, there)):
            await webhooks.are(webhook, "delivered")
    assert received.ids == [event_id] * 2
    assert await webhooks.attempts(webhook) == [(200, None)]


async def test_an_outage_of_the_database_between_sending_and_marking_is_waited_out(
    monkeypatch: pytest.MonkeyPatch, database: Database, webhooks: Webhooks
) -> None:
    received, failures = Received(), 3
    settle = sending.settle

    async def later(connection: Connection, attempts: Sequence[Attempt]) -> list[Failing]:
        nonlocal failures
        if failures:
            failures -= 1
            raise DatabaseUnavailable("for a while")
        return await settle(connection, attempts)

    monkeypatch.setattr(sending, "settle", later)
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        sent = await webhooks.send(webhook)
        async with running(sender_for(database, there)):
            await webhooks.are(webhook, "delivered")
    assert (received.ids, failures) == (sent, 0)


async def test_a_process_that_ends_lets_requests_end(database: Database, webhooks: Webhooks) -> None:
    received = Received()
    received.release.clear()
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        sent = await webhooks.send(webhook)
        async with running(sender_for(database, there)):
            await eventually(_under_way(received))
            received.release.set()
        assert await webhooks.states(webhook) == ["delivered"]
    assert received.ids == sent


async def test_what_it_had_to_cut_is_sent_by_another_at_once(database: Database, webhooks: Webhooks) -> None:
    received = Received()
    received.release.clear()
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        (event_id,) = await webhooks.send(webhook)
        async with running(sender_for(database, there)):
            await eventually(_under_way(received))
        assert await database.value(CLAIMED, webhook) == 0
        received.release.set()
        async with running(sender_for(database, there)):
            await webhooks.are(webhook, "delivered")
    assert received.ids == [event_id] * 2


def _under_way(received: Received) -> Callable[[], Awaitable[bool]]:
    async def is_under_way() -> bool:
        return received.under_way == 1

    return is_under_way


async def test_an_answer_that_comes_after_its_claim_was_over_changes_nothing(
    database: Database, webhooks: Webhooks
) -> None:
    webhook = await webhooks.new("https://a.example/")
    await webhooks.send(webhook)
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        (claimed,) = await sending.claim(connection, 64, {}, 64, [], 4)
        await _claims_are_over(connection)
        (again,) = await sending.claim(connection, 64, {}, 64, [], 4)
        assert again.claimed_until != claimed.claimed_until
        late = worker._attempt_of(claimed, Outcome(status=500), "failed", timedelta(), 1)
        assert await sending.settle(connection, [late]) == []
    assert await webhooks.states(webhook) == ["pending"]
    assert await database.value("SELECT failing_since FROM webhooks WHERE id = $1", webhook) is None


async def _claims_are_over(connection: Connection) -> None:
    await connection.execute("UPDATE webhook_messages SET claimed_until = statement_timestamp() - interval '1 second'")


async def test_a_message_that_cannot_be_signed_stays_and_others_go_on(
    database: Database, webhooks: Webhooks, caplog: pytest.LogCaptureFixture
) -> None:
    received = Received()
    async with endpoint(received) as there:
        broken, well = await webhooks.at(there), await webhooks.at(there)
        await webhooks.set("signing_key = 'whsk_'", broken, table="webhooks")
        await webhooks.send(broken)
        async with running(sender_for(database, there)):
            await webhooks.send(well)
            await webhooks.are(well, "delivered")
    assert await webhooks.states(broken) == ["pending"]
    assert "was not sent" in caplog.text
