"""A slow or dead endpoint delays no other, and several processes share the work."""

import asyncio
import tracemalloc
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from services.delivery.sending import client, worker
from services.delivery.sending.turns import AT_ONCE, OF_ENDPOINT
from services.delivery.store import sending
from shared.postgres.pool import Connection, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.client import new_organisation
from tests.support.endpoints import endpoint
from tests.support.eventually import NEVER, eventually
from tests.support.guards import without
from tests.support.projections import Database
from tests.support.webhooks import Received, Webhooks, running, sender_for

MANY = 40


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "POLL_INTERVAL", 0.02)


def frozen() -> Received:
    """It takes requests and answers none."""
    received = Received()
    received.release.clear()
    return received


async def test_a_frozen_endpoint_delays_no_other(database: Database, webhooks: Webhooks) -> None:
    stuck, quick = frozen(), Received()
    async with endpoint(stuck) as slow, endpoint(quick) as fast:
        frozen_one, other = await webhooks.at(slow), await webhooks.at(fast)
        await webhooks.send(frozen_one, MANY)
        await webhooks.send(other, MANY)
        async with running(sender_for(database, slow, fast)):
            await webhooks.are(other, "delivered")
            assert stuck.under_way == stuck.most_under_way == OF_ENDPOINT
            assert await webhooks.attempts(frozen_one) == []
            stuck.release.set()
            await webhooks.are(frozen_one, "delivered")
    assert quick.most_under_way <= OF_ENDPOINT


async def test_more_frozen_endpoints_than_turns_delay_no_other(
    monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    """Of many organisations, since none gets more than half of the turns."""
    monkeypatch.setattr(worker, "BUSY_POLL_INTERVAL", 0.02)
    stuck, quick = frozen(), Received()
    async with endpoint(stuck) as slow, endpoint(quick) as fast:
        for _ in range(4):
            organisation = Webhooks(database, new_organisation())
            for _ in range(AT_ONCE // 8):
                await organisation.send(await organisation.at(slow), OF_ENDPOINT)
        victim = Webhooks(database, new_organisation())
        webhook = await victim.at(fast)
        async with running(sender_for(database, slow, fast)):

            async def every_turn_is_taken() -> bool:
                return stuck.under_way >= AT_ONCE

            await eventually(every_turn_is_taken)
            await victim.send(webhook, MANY)
            await victim.are(webhook, "delivered")
            stuck.release.set()


async def test_control_without_an_end_of_turns_others_wait(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    monkeypatch.setattr("services.delivery.sending.turns.TURN_SECONDS", 3600)
    stuck, quick = frozen(), Received()
    async with endpoint(stuck) as slow, endpoint(quick) as fast:
        for _ in range(2):
            organisation = Webhooks(database, new_organisation())
            for _ in range(AT_ONCE // 8):
                await organisation.send(await organisation.at(slow), OF_ENDPOINT)
        victim = Webhooks(database, new_organisation())
        webhook = await victim.at(fast)
        async with running(sender_for(database, slow, fast)):

            async def every_turn_is_taken() -> bool:
                return stuck.under_way >= AT_ONCE

            await eventually(every_turn_is_taken)
            await victim.send(webhook)
            assert await victim.states(webhook) == ["pending"]
            stuck.release.set()
            await victim.are(webhook, "delivered")


async def test_an_endpoint_that_fails_gets_one_request_at_a_time(database: Database, webhooks: Webhooks) -> None:
    failing = Received(status=500)
    async with endpoint(failing) as there:
        webhook = await webhooks.at(there)
        await webhooks.set("failing_since = statement_timestamp()", webhook, table="webhooks")
        await webhooks.send(webhook, 5)
        async with running(sender_for(database, there)):

            async def all_were_tried() -> bool:
                return len(await webhooks.attempts(webhook)) == 5

            await eventually(all_were_tried)
    assert failing.most_under_way == 1


async def test_of_endpoints_those_that_fail_come_last(database: Database, webhooks: Webhooks) -> None:
    failing, well = await webhooks.new("https://a.example/"), await webhooks.new("https://b.example/")
    await webhooks.set("failing_since = statement_timestamp()", failing, table="webhooks")
    await webhooks.send(failing, 3)
    await webhooks.send(well, 3)
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        chosen = await claimed_of(connection, 2)
        assert [each.webhook_id for each in chosen] == [well, well]
        assert [each.webhook_id for each in await claimed_of(connection, 10)] == [failing, well]


async def claimed_of(
    connection: Connection, total: int, *, organisations: dict[int, int] | None = None, of_one: int = 1000
) -> list[sending.Claimed]:
    claimed = await sending.claim(connection, total, organisations or {}, of_one, [], OF_ENDPOINT)
    return sorted(claimed, key=lambda each: (each.webhook_id, each.id))


async def test_endpoints_and_organisations_take_turns(database: Database, webhooks: Webhooks) -> None:
    other = Webhooks(database, new_organisation())
    busy, quiet = await webhooks.new("https://a.example/"), await webhooks.new("https://b.example/")
    of_other = await other.new("https://c.example/")
    for organisation, webhook in ((webhooks, busy), (webhooks, quiet), (other, of_other)):
        await organisation.send(webhook, MANY)
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        first = Counter(each.webhook_id for each in await claimed_of(connection, 6))
        assert first == {busy: 2, quiet: 1, of_other: 3} or first == {busy: 1, quiet: 2, of_other: 3}


async def test_an_organisation_gets_no_more_than_its_share(database: Database, webhooks: Webhooks) -> None:
    other = Webhooks(database, new_organisation())
    for number in range(3):
        await webhooks.send(await webhooks.new(f"https://a{number}.example/"), 4)
    await other.send(await other.new("https://b.example/"), 4)
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        room = {webhooks.organisation: 2}
        claimed = await claimed_of(connection, 100, organisations=room, of_one=3)
    counted = Counter(each.organisation_id for each in claimed)
    assert counted == {webhooks.organisation: 2, other.organisation: 3}


async def test_what_is_under_way_counts(database: Database, webhooks: Webhooks) -> None:
    webhook = await webhooks.new("https://a.example/")
    await webhooks.send(webhook, 10)
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        under_way = [(webhooks.organisation, webhook, OF_ENDPOINT - 1)]
        assert len(await sending.claim(connection, 64, {}, 64, under_way, OF_ENDPOINT)) == 1
        under_way = [(webhooks.organisation, webhook, OF_ENDPOINT)]
        assert await sending.claim(connection, 64, {}, 64, under_way, OF_ENDPOINT) == []


_WAITING_FOR_A_LOCK = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def both_claim(database: Database) -> list[int]:
    """The messages that two processes claim at the same time: the second while the first has not committed."""
    async with transaction(database.pool, EVERY_ORGANISATION) as first:
        claimed = await claimed_of(first, 64)
        second = asyncio.create_task(_claimed_beside(database))

        async def it_has_ended_or_waits_for_a_lock() -> bool:
            return second.done() or bool(await database.value(_WAITING_FOR_A_LOCK))

        await eventually(it_has_ended_or_waits_for_a_lock)
    claimed += await second
    return [each.id for each in claimed]


async def _claimed_beside(database: Database) -> list[sending.Claimed]:
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        return await claimed_of(connection, 64)


async def test_no_message_is_claimed_twice_at_the_same_time(database: Database, webhooks: Webhooks) -> None:
    await webhooks.send(await webhooks.new("https://a.example/"), 3)
    ids = await both_claim(database)
    assert len(ids) == len(set(ids)) == 3


async def test_control_without_the_lock_it_is(
    monkeypatch: pytest.MonkeyPatch, database: Database, webhooks: Webhooks
) -> None:
    without(monkeypatch, sending, "_CLAIM", "FOR UPDATE OF message SKIP LOCKED")
    await webhooks.send(await webhooks.new("https://a.example/"), 3)
    ids = await both_claim(database)
    assert (len(ids), len(set(ids))) == (6, 3)


async def test_two_processes_send_each_message_once(database: Database, webhooks: Webhooks) -> None:
    received = Received()
    async with endpoint(received) as there:
        hooks = [await webhooks.at(there) for _ in range(10)]
        sent = [event_id for webhook in hooks for event_id in await webhooks.send(webhook, 20)]
        async with running(sender_for(database, there), sender_for(database, there)):
            for webhook in hooks:
                await webhooks.are(webhook, "delivered")
    assert Counter(received.ids) == Counter(sent)


async def test_a_notification_wakes_the_sender(
    monkeypatch: pytest.MonkeyPatch, database: Database, webhooks: Webhooks
) -> None:
    monkeypatch.setattr(worker, "POLL_INTERVAL", NEVER)
    received = Received()
    async with endpoint(received) as there:
        webhook = await webhooks.at(there)
        async with running(sender_for(database, there)):
            for channel in sending.CHANNELS:
                await webhooks.send(webhook)

                async def told(channel: str = channel) -> bool:
                    await database.pool.execute(f"NOTIFY {channel}")
                    return set(await webhooks.states(webhook)) == {"delivered"}

                await eventually(told)


async def test_memory_stays_bounded_whatever_waits(database: Database, webhooks: Webhooks) -> None:
    """10,000 messages of 10 kB, ten times what the process may take of memory."""
    size, count = 10_000, 10_000
    stuck = frozen()
    async with AsyncExitStack() as exits:
        there = await exits.enter_async_context(endpoint(stuck))
        hooks = [await webhooks.at(there) for _ in range(10)]
        for webhook in hooks:
            await webhooks.send(webhook, 1)
            await database.pool.execute(
                "INSERT INTO webhook_messages (organisation_id, webhook_id, event_id, type, body, day)"
                " SELECT $1, $2, gen_random_uuid(), type, repeat('x', $3), day FROM webhook_messages,"
                " generate_series(1, $4) WHERE webhook_id = $2",
                webhooks.organisation, webhook, size, count // len(hooks) - 1,
            )  # fmt: skip
        tracemalloc.start()
        exits.callback(tracemalloc.stop)
        async with running(sender_for(database, there)):

            async def all_are_busy() -> bool:
                return stuck.under_way == OF_ENDPOINT * len(hooks)

            await eventually(all_are_busy)
            _, peak = tracemalloc.get_traced_memory()
            stuck.release.set()
    assert peak < size * count / 10
    claimed = "SELECT count(*) FROM webhook_messages WHERE claimed_until > statement_timestamp()"
    assert await database.value(claimed) <= AT_ONCE


def test_a_claim_outlasts_every_request() -> None:
    assert sending.CLAIM.total_seconds() > 2 * (client.REQUEST_TIMEOUT + client.BODY_TIMEOUT)
