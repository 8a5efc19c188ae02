"""An endpoint, a message or a user in whose way something is holds up nobody else's messages (decision 25)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from services.delivery.sending import worker
from services.delivery.sending.client import EndpointClient, Outcome
from services.delivery.sending.schedule import MOST_TRIES
from services.delivery.sending.settling import Disable, Settled
from services.delivery.store import sending, webhook_messages
from services.delivery.store.sending import Attempt, Failing
from shared.postgres.pool import Connection, transaction
from tests.support.client import new_organisation
from tests.support.endpoints import Connected, endpoint
from tests.support.eventually import eventually
from tests.support.projections import Database
from tests.support.webhooks import Received, Webhooks, running, sender_for

UNREADABLE = "types = '{Of-A-Later-Version}'"
"""A webhook that this version cannot read, and so not disable either."""
_WAITING_FOR_A_LOCK = (
    "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "POLL_INTERVAL", 0.02)


@pytest.fixture
def victim(database: Database) -> Webhooks:
    return Webhooks(database, new_organisation())


@asynccontextmanager
async def being_changed(database: Database, table: str, organisation: int) -> AsyncIterator[None]:
    """Somebody else has its rows locked, and does not go on."""
    connection = await asyncpg.connect(database.url, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute(f"SELECT FROM {table} WHERE organisation_id = $1 FOR NO KEY UPDATE", organisation)
            yield
    finally:
        await connection.close(timeout=10)


async def all_together(connection: Connection, ended: Sequence[Attempt], disable: Disable) -> Settled:
    """In the place of `settle`, for controls."""
    for failing in await sending.settle(connection, ended) if ended else []:
        if failing.gone:
            await disable(connection, failing, "gone")
    return Settled()


async def answered_while_locked(
    database: Database, webhooks: Webhooks, victim: Webhooks, table: str, *, delivered: bool
) -> None:
    failing, quick = Received(status=500), Received()
    failing.release.clear()
    async with endpoint(failing) as there, endpoint(quick) as elsewhere:
        one, other = await webhooks.at(there), await victim.at(elsewhere)
        await webhooks.send(one)
        async with running(sender_for(database, there, elsewhere)):

            async def is_under_way() -> bool:
                return failing.under_way == 1

            await eventually(is_under_way)
            async with being_changed(database, table, webhooks.organisation):
                failing.release.set()
                if delivered:
                    await victim.send(other)
                    await victim.are(other, "delivered")
                else:
                    await eventually(lambda: database.value(_WAITING_FOR_A_LOCK))
                    await victim.send(other)
                    assert await victim.states(other) == ["pending"]
                assert await webhooks.attempts(one) == []

            async def is_stored() -> bool:
                return await webhooks.attempts(one) == [(500, None)]

            await eventually(is_stored)
            await victim.are(other, "delivered")


@pytest.mark.parametrize("table", ["webhooks", "webhook_messages"])
async def test_who_changes_a_webhook_for_long_holds_up_its_own_alone(
    database: Database, webhooks: Webhooks, victim: Webhooks, table: str
) -> None:
    await answered_while_locked(database, webhooks, victim, table, delivered=True)


async def test_control_stored_all_together_everybody_waits_for_it(
    database: Database, webhooks: Webhooks, victim: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "settle", all_together)
    await answered_while_locked(database, webhooks, victim, "webhooks", delivered=False)


async def test_one_that_cannot_be_disabled_holds_up_no_other(
    database: Database, webhooks: Webhooks, victim: Webhooks, caplog: pytest.LogCaptureFixture
) -> None:
    gone, quick = Received(status=410), Received()
    async with endpoint(gone) as there, endpoint(quick) as elsewhere:
        one, other = await webhooks.at(there), await victim.at(elsewhere)
        await webhooks.set(UNREADABLE, one, table="webhooks")
        async with running(sender_for(database, there, elsewhere)):
            await webhooks.send(one)

            async def is_stored() -> bool:
                return await webhooks.attempts(one) == [(410, None)]

            await eventually(is_stored)
            await victim.send(other)
            await victim.are(other, "delivered")
    assert f"webhook {one} of organisation {webhooks.organisation} cannot be disabled" in caplog.text


async def test_control_stored_all_together_it_is_the_end_of_all(
    database: Database, webhooks: Webhooks, victim: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "settle", all_together)
    gone, rounds = Received(status=410), 0

    async with endpoint(gone) as there, endpoint(Received()) as elsewhere:
        one, other = await webhooks.at(there), await victim.at(elsewhere)
        await webhooks.set(UNREADABLE, one, table="webhooks")
        sender = sender_for(database, there, elsewhere)
        disable = sender._disable

        async def counted(connection: Connection, failing: Failing, reason: Any) -> Any:
            nonlocal rounds
            rounds += 1
            return await disable(connection, failing, reason)

        sender._disable = counted
        async with running(sender):
            await webhooks.send(one)

            async def tried() -> bool:
                return rounds > 0

            await eventually(tried)
            await victim.send(other)

            async def tried_again() -> bool:
                return rounds > 2

            await eventually(tried_again)
            assert await victim.states(other) == ["pending"]


async def test_what_cannot_be_stored_of_one_is_stored_of_the_others(
    database: Database, webhooks: Webhooks, victim: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = sending.settle

    async def not_of_one(connection: Connection, attempts: Sequence[Attempt]) -> Sequence[Failing]:
        if any(each.organisation_id == webhooks.organisation for each in attempts):
            raise ValueError("a defect")
        return await settle(connection, attempts)

    monkeypatch.setattr(sending, "settle", not_of_one)
    received = Received()
    received.release.clear()
    async with endpoint(received) as there:
        one, other = await webhooks.at(there), await victim.at(there)
        await webhooks.send(one)
        await victim.send(other)
        async with running(sender_for(database, there)):

            async def are_under_way() -> bool:
                return received.under_way == 2

            await eventually(are_under_way)
            received.release.set()
            await victim.are(other, "delivered")
        assert await webhooks.states(one) == ["pending"]


async def test_a_cancellation_that_is_not_ours_ends_its_message_alone(
    database: Database, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Some libraries let one escape when a connection is lost."""
    post, escaped = EndpointClient.post, list[str]()

    async def escaping_once(client: EndpointClient, url: str, *rest: Any) -> Outcome:
        if not escaped:
            escaped.append(url)
            raise asyncio.CancelledError
        return await post(client, url, *rest)

    monkeypatch.setattr(EndpointClient, "post", escaping_once)
    async with endpoint(Received()) as there:
        webhook = await webhooks.at(there)
        await webhooks.send(webhook)
        sender = sender_for(database, there)
        async with running(sender):

            async def has_escaped() -> bool:
                return bool(escaped) and not sender._tasks

            await eventually(has_escaped)
            await webhooks.set("claimed_until = NULL", webhook)
            await webhooks.are(webhook, "delivered")
    assert "a message of a webhook was not sent" in caplog.text


async def test_a_date_that_nobody_can_read_is_no_reason_to_send_for_ever(
    database: Database, webhooks: Webhooks
) -> None:
    """A `Retry-After` may hold anything: the try counts all the same."""
    strange = f"Retry-After: Mon, 01 Jan {'9' * 20} 00:00:00 GMT\r\n"
    async with endpoint(Received(status=503, headers=strange)) as there:
        webhook = await webhooks.at(there)
        await webhooks.send(webhook)
        async with running(sender_for(database, there)):

            async def is_stored() -> bool:
                return await webhooks.attempts(webhook) == [(503, None)]

            await eventually(is_stored)
    assert await database.value("SELECT tries FROM webhook_messages WHERE webhook_id = $1", webhook) == 1


async def sent_again_under_way(database: Database, webhooks: Webhooks, becomes: str) -> list[int | None]:
    """Somebody sends a message again while its last try is under way, which fails; the statuses of its attempts."""
    answers, began, release = [500, 200], asyncio.Event(), asyncio.Event()

    async def one_after_the_other(connected: Connected) -> None:
        await connected.request()
        began.set()
        await release.wait()
        await connected.write(f"HTTP/1.1 {answers.pop(0)} Answered\r\ncontent-length: 0\r\n\r\n".encode())

    async with endpoint(one_after_the_other) as there:
        webhook = await webhooks.at(there)
        await webhooks.send(webhook)
        await webhooks.set(f"tries = {MOST_TRIES - 1}", webhook)
        async with running(sender_for(database, there)), asyncio.timeout(20):
            await began.wait()
            message = await database.value("SELECT id FROM webhook_messages WHERE webhook_id = $1", webhook)
            async with transaction(database.pool, [webhooks.organisation]) as connection:
                assert await webhook_messages.resend(connection, webhooks.organisation, message) is not None
            release.set()
            await webhooks.are(webhook, becomes)
    return [status for status, _ in await webhooks.attempts(webhook)]


async def test_what_somebody_sends_again_under_way_is_sent_again(database: Database, webhooks: Webhooks) -> None:
    assert await sent_again_under_way(database, webhooks, "delivered") == [500, 200]


async def test_control_without_the_look_at_its_tries_it_has_failed(
    database: Database, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_SETTLE", sending._SETTLE.replace(sending._ASKED_FOR, "false"))
    assert await sent_again_under_way(database, webhooks, "failed") == [500]
