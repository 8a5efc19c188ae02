import asyncio
import itertools
import json
from datetime import timedelta

import aio_pika
import pytest
from aio_pika.abc import AbstractExchange, DeliveryMode

import shared.relay
from shared.outbox import OutboxRow
from tests.support.broker import Broker, Inbox
from tests.support.events import enrollment
from tests.support.eventually import eventually
from tests.support.projections import Database
from tests.support.relays import WAITING, arrived, commit, everything_is_marked, ids, relay_for, running


async def test_committed_events_are_published_as_persistent_cloudevents(database: Database, broker: Broker) -> None:
    inbox = await broker.inbox("enrollment.completed")
    async with running(relay_for(database, broker)):
        await commit(database, enrollment(7, 301, version=2, status="completed"))
        await arrived(inbox, 301)
        await eventually(lambda: everything_is_marked(database))
    [message] = inbox
    envelope = json.loads(message.body)
    assert message.routing_key == "enrollment.completed"
    assert message.delivery_mode == DeliveryMode.PERSISTENT
    assert message.content_type == "application/cloudevents+json"
    assert message.message_id == envelope["id"] == str(await database.value("SELECT event_id FROM outbox"))
    assert envelope["type"] == "training.enrollment.completed.v1"
    assert (envelope["organisationid"], envelope["data"]["version"]) == (7, 2)


async def test_what_was_committed_before_the_relay_began_is_published(database: Database, broker: Broker) -> None:
    inbox = await broker.inbox()
    await commit(database, *(enrollment(7, number) for number in range(1, 1201)))
    async with running(relay_for(database, broker)):
        await eventually(lambda: everything_is_marked(database))
    await arrived(inbox, *range(1, 1201))
    assert len(inbox) == 1200


async def test_a_notification_wakes_the_relay(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.relay, "POLL_INTERVAL", 3600.0)
    inbox = await broker.inbox()
    async with running(relay_for(database, broker)):
        for number in (1, 2, 3):
            await commit(database, enrollment(7, number))
            await arrived(inbox, number)


async def test_several_relays_leave_nothing_behind(database: Database, broker: Broker) -> None:
    inbox = await broker.inbox()
    everyone = range(1, 2001)
    for start in range(0, 2000, 250):
        await commit(database, *(enrollment(7, number) for number in everyone[start : start + 250]))
    async with running(*(relay_for(database, broker, name=f"test {number}") for number in range(3))):
        await eventually(lambda: everything_is_marked(database))
        await arrived(inbox, *everyone)


async def test_an_event_that_routes_nowhere_stays_and_holds_up_no_other(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.relay, "POSTPONED_FOR", timedelta(seconds=0.2))
    inbox = await broker.inbox("enrollment.created")
    lost = enrollment(7, 1, status="absent")
    async with running(relay_for(database, broker)):
        await commit(database, lost, enrollment(7, 2))
        await commit(database, enrollment(7, 3))
        await arrived(inbox, 2, 3)
        await eventually(lambda: only_waiting(database, lost.type))
        late = await broker.inbox("enrollment.absent")
        await arrived(late, 1)
        await eventually(lambda: everything_is_marked(database))


async def only_waiting(database: Database, routing_key: str) -> bool:
    waiting = await database.pool.fetch("SELECT routing_key, retry_at FROM outbox WHERE published_at IS NULL")
    return [row["routing_key"] for row in waiting] == [routing_key] and waiting[0]["retry_at"] is not None


async def test_control_unless_publishing_is_mandatory_what_routes_nowhere_counts_as_published(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def publish_and_hope(exchange: AbstractExchange, row: OutboxRow) -> None:
        await exchange.publish(aio_pika.Message(row.body.encode()), row.routing_key, mandatory=False)

    monkeypatch.setattr(shared.relay, "_publish", publish_and_hope)
    async with running(relay_for(database, broker)):
        await commit(database, enrollment(7, 1))
        await eventually(lambda: everything_is_marked(database))


async def test_a_full_queue_keeps_events_in_the_outbox_until_there_is_room(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.broker.MAX_QUEUE_LENGTH", 1)
    monkeypatch.setattr(shared.relay, "POSTPONED_FOR", timedelta(seconds=0.2))
    await broker.declare("#")
    committed = itertools.count(1)

    async def one_more_is_refused() -> bool:
        await commit(database, enrollment(7, next(committed)))
        return bool(await database.value(f"{WAITING} AND retry_at IS NOT NULL"))

    received: Inbox = []

    async def everything_arrived() -> bool:
        received.extend(await broker.taken())
        return ids(received) == everyone

    async with running(relay_for(database, broker)):
        await eventually(one_more_is_refused)
        everyone = set(range(1, next(committed)))
        await eventually(everything_arrived)
        await eventually(lambda: everything_is_marked(database))


async def test_the_relay_ends_when_it_is_cancelled(database: Database, broker: Broker) -> None:
    relay = relay_for(database, broker)
    task = asyncio.create_task(relay.run())
    await eventually(relay.is_connected)
    task.cancel()
    await asyncio.wait({task}, timeout=10)
    assert task.cancelled()
    assert not await relay.is_connected()
