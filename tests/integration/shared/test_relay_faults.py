import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from shared.messaging import outbox
from shared.messaging.outbox import OutboxRow
from shared.messaging.publisher import Outcome, Publisher
from shared.messaging.relay import Relay
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.broker import Broker, Inbox
from tests.support.events import enrollment
from tests.support.eventually import eventually
from tests.support.projections import Database
from tests.support.proxy import Proxy, proxy_for
from tests.support.relays import arrived, commit, everything_is_marked, ids, relay_for, running

Condition = Callable[[Database], Awaitable[bool]]


async def test_the_relay_goes_on_after_its_broker_connection_is_cut(database: Database, broker: Broker) -> None:
    inbox = await broker.inbox()
    async with proxy_for(broker.url) as (proxy, url), running(relay_for(database, broker, amqp_url=url)):
        for number in range(1, 6):
            await commit(database, enrollment(7, number))
            await arrived(inbox, number)
            proxy.cut()
        await eventually(lambda: everything_is_marked(database))


async def test_an_outage_of_the_broker_loses_nothing_and_postpones_nothing(database: Database, broker: Broker) -> None:
    inbox = await broker.inbox()
    async with proxy_for(broker.url) as (proxy, url), running(relay_for(database, broker, amqp_url=url)):
        await commit(database, enrollment(7, 1))
        await arrived(inbox, 1)
        await proxy.refuse()
        for number in range(2, 200):
            await commit(database, enrollment(7, number))
        await proxy.accept()
        await arrived(inbox, *range(1, 200))
        await eventually(lambda: everything_is_marked(database))
    assert await database.value("SELECT count(*) FROM outbox WHERE retry_at IS NOT NULL") == 0


async def test_the_relay_goes_on_after_its_database_was_away(database: Database, broker: Broker) -> None:
    inbox = await broker.inbox()
    async with proxied_relay(database, broker) as proxy:
        await commit(database, enrollment(7, 1))
        await arrived(inbox, 1)
        await proxy.refuse()
        await commit(database, enrollment(7, 2))
        await proxy.accept()
        await arrived(inbox, 2)
        await eventually(lambda: everything_is_marked(database))


async def test_the_relay_goes_on_after_its_database_was_silent(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.postgres.pool.COMMAND_TIMEOUT", 0.3)
    inbox = await broker.inbox()
    async with proxied_relay(database, broker) as proxy:
        await commit(database, enrollment(7, 1))
        await arrived(inbox, 1)
        proxy.freeze()
        connections = proxy.accepted
        await eventually(lambda: came_back(proxy, connections))
        await commit(database, enrollment(7, 2))
        proxy.thaw()
        await arrived(inbox, 2)


@contextlib.asynccontextmanager
async def proxied_relay(database: Database, broker: Broker) -> AsyncIterator[Proxy]:
    """A relay, and what is between it and its database."""
    async with (
        proxy_for(database.url) as (proxy, url),
        connection_pool(url, name="test") as pool,
        running(Relay(pool, url, broker.url, name="test", exchange=broker.exchange.name)),
    ):
        yield proxy


async def came_back(proxy: Proxy, connections: int) -> bool:
    return proxy.accepted > connections


async def test_the_poll_finds_rows_after_the_listening_connection_was_killed(
    database: Database, broker: Broker
) -> None:
    inbox = await broker.inbox()
    async with running(relay_for(database, broker, name="deaf")):
        await commit(database, enrollment(7, 1))
        await arrived(inbox, 1)
        killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'deaf relay'"
        assert await database.pool.fetch(killed)
        await commit(database, enrollment(7, 2))
        await arrived(inbox, 2)


async def publish_to_a_broker_that_goes_away(database: Database, broker: Broker, *, noticed: Condition) -> Inbox:
    """Event 1 goes to a broker that takes nothing any more, event 2 to a relay that finds all well again."""
    inbox = await broker.inbox()
    async with proxy_for(broker.url) as (proxy, url):
        relay = relay_for(database, broker, amqp_url=url)
        async with running(relay):
            await eventually(relay.is_connected)
            proxy.freeze(to_client=False)
            await commit(database, enrollment(7, 1))
            await eventually(lambda: noticed(database))
            proxy.cut()
    async with running(relay_for(database, broker)):
        await commit(database, enrollment(7, 2))
        await arrived(inbox, 2)
        await eventually(lambda: everything_is_marked(database))
    return inbox


async def everything_is_claimed(database: Database) -> bool:
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        return not await outbox.lock_unpublished(connection, 1)


async def test_nothing_is_marked_that_the_broker_has_not_confirmed(database: Database, broker: Broker) -> None:
    inbox = await publish_to_a_broker_that_goes_away(database, broker, noticed=everything_is_claimed)
    await arrived(inbox, 1, 2)


async def test_control_marked_before_it_is_confirmed_an_event_is_lost(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, unconfirmed = Publisher.publish, set[asyncio.Task[list[Outcome]]]()

    async def do_not_wait(self: Publisher, rows: Sequence[OutboxRow]) -> list[Outcome]:
        unconfirmed.add(asyncio.create_task(publish(self, rows)))
        return [Outcome.CONFIRMED] * len(rows)

    monkeypatch.setattr(Publisher, "publish", do_not_wait)
    inbox = await publish_to_a_broker_that_goes_away(database, broker, noticed=everything_is_marked)
    await asyncio.gather(*unconfirmed, return_exceptions=True)
    assert ids(inbox) == {2}


async def test_a_crash_between_confirmation_and_mark_publishes_again_with_the_same_id(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = outbox.mark_published

    async def crash_once(connection: Any, row_ids: Sequence[int]) -> None:
        monkeypatch.setattr(outbox, "mark_published", mark)
        raise DatabaseUnavailable("the connection was closed")

    monkeypatch.setattr(outbox, "mark_published", crash_once)
    inbox = await broker.inbox()
    async with running(relay_for(database, broker)):
        await commit(database, enrollment(7, 1))
        await eventually(lambda: everything_is_marked(database))

    async def came_again() -> bool:
        return len(inbox) > 1  # thrice where the other lane had taken it up just when the relay ended

    await eventually(came_again)
    assert len({message.message_id for message in inbox}) == 1
