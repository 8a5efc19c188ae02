import asyncio
import contextlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aio_pika.abc import DeliveryMode

import shared.messaging.publisher
import shared.messaging.relay
from shared.events.states import EnrollmentStatus
from shared.messaging.outbox import OutboxRow
from shared.messaging.publisher import Outcome, Publisher
from tests.support.broker import TIMEOUT, Broker, Inbox
from tests.support.events import enrollment
from tests.support.eventually import NEVER, eventually
from tests.support.projections import Database
from tests.support.proxy import proxy_for
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
    assert (envelope["organisationid"], envelope["data"]["version"]) == ("7", 2)


async def test_what_was_committed_before_the_relay_began_is_published_batch_by_batch_without_a_pause(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.messaging.relay, "POLL_INTERVAL", NEVER)
    inbox = await broker.inbox()
    await commit(database, *(enrollment(7, number) for number in range(1, 1201)))
    async with running(relay_for(database, broker)):
        await eventually(lambda: everything_is_marked(database))
    await arrived(inbox, *range(1, 1201))
    assert len(inbox) == 1200


async def test_a_notification_wakes_the_relay(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.messaging.relay, "POLL_INTERVAL", NEVER)
    inbox = await broker.inbox()
    async with running(relay_for(database, broker)):
        for number in (1, 2, 3):
            await commit(database, enrollment(7, number))
            await arrived(inbox, number)


async def second_while_the_first_is_stored(database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether an event arrives that was committed while the relay waits for the confirmation of another."""
    publish, stored = Publisher.publish, asyncio.Event()

    async def first_is_stored_late(self: Publisher, rows: Sequence[OutboxRow]) -> list[Outcome]:
        monkeypatch.setattr(Publisher, "publish", publish)
        outcomes = await publish(self, rows)
        await stored.wait()
        return outcomes

    monkeypatch.setattr(Publisher, "publish", first_is_stored_late)
    inbox = await broker.inbox()
    async with running(relay_for(database, broker)):
        await commit(database, enrollment(7, 1))
        await arrived(inbox, 1)
        await commit(database, enrollment(7, 2))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                await arrived(inbox, 2)
        overtaken = ids(inbox) == {1, 2} and await database.value(WAITING) >= 1
        stored.set()
        await eventually(lambda: everything_is_marked(database))
    return overtaken


async def test_events_do_not_wait_while_the_broker_stores_those_before_them(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await second_while_the_first_is_stored(database, broker, monkeypatch)


async def test_control_in_a_single_lane_they_wait(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.messaging.relay, "LANES", 1)
    assert not await second_while_the_first_is_stored(database, broker, monkeypatch)


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
    monkeypatch.setattr(shared.messaging.relay, "POSTPONED_FOR", timedelta(seconds=0.2))
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
    publish = Publisher.publish

    async def publish_and_hope(self: Publisher, rows: Sequence[OutboxRow]) -> list[Outcome]:
        return await publish(self, [replace(row, must_route=False) for row in rows])

    monkeypatch.setattr(Publisher, "publish", publish_and_hope)
    async with running(relay_for(database, broker)):
        await commit(database, enrollment(7, 1))
        await eventually(lambda: everything_is_marked(database))


async def test_a_full_queue_keeps_events_in_the_outbox_until_there_is_room(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.messaging.broker.MAX_QUEUE_LENGTH", 1)
    monkeypatch.setattr(shared.messaging.relay, "POSTPONED_FOR", timedelta(seconds=0.2))
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


async def fates_of_a_mixed_batch(database: Database, broker: Broker) -> dict[str, bool]:
    """Routing key → whether its events are marked, of one batch in which some reach no queue and some a full one."""
    await broker.inbox("enrollment.created")
    await fill(broker, "enrollment.failed")
    statuses: list[EnrollmentStatus] = ["enrolled", "absent", "failed", "enrolled"]
    events = [enrollment(7, number, status=status) for number, status in enumerate(statuses * 50, 1)]
    await commit(database, *events)
    async with running(relay_for(database, broker)):
        await eventually(lambda: everything_is_answered(database))
    rows = await database.pool.fetch(
        "SELECT routing_key, published_at IS NOT NULL AS marked, count(*) FROM outbox GROUP BY 1, 2"
    )
    assert sum(row["count"] for row in rows) == len(events)
    return {row["routing_key"]: row["marked"] for row in rows}


async def fill(broker: Broker, routing_key: str) -> None:
    """A queue that has room for one such event and has got it."""
    full: Any = {"x-max-length": 1, "x-overflow": "reject-publish"}
    queue = await broker.channel.declare_queue(exclusive=True, arguments=full, timeout=TIMEOUT)
    await queue.bind(broker.exchange, routing_key, timeout=TIMEOUT)
    await broker.publish_body(b"{}", routing_key)


async def everything_is_answered(database: Database) -> bool:
    return bool(await database.value(f"{WAITING} AND retry_at IS NULL") == 0)


async def test_of_a_batch_exactly_what_the_broker_took_is_marked(database: Database, broker: Broker) -> None:
    assert await fates_of_a_mixed_batch(database, broker) == {
        "enrollment.created": True,
        "enrollment.absent": False,
        "enrollment.failed": False,
    }


async def test_control_without_regard_to_returns_what_routes_nowhere_is_marked(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forgetful(set[str]):
        def add(self, element: str) -> None:
            return

    make = Publisher.__init__

    def forgetful(self: Publisher, *arguments: Any) -> None:
        make(self, *arguments)
        self._returned = Forgetful()

    monkeypatch.setattr(Publisher, "__init__", forgetful)
    assert (await fates_of_a_mixed_batch(database, broker))["enrollment.absent"]


async def test_control_without_regard_to_refusals_what_a_full_queue_refused_is_marked(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        shared.messaging.publisher, "_OUTCOMES", dict.fromkeys(shared.messaging.publisher._OUTCOMES, Outcome.CONFIRMED)
    )
    assert (await fates_of_a_mixed_batch(database, broker))["enrollment.failed"]


async def test_events_of_any_size_pass_in_pieces_of_any_size(database: Database, broker: Broker) -> None:
    """Larger than a frame of the broker's, over a network that passes on a few bytes at a time."""
    inbox = await broker.inbox()
    feedback = {number: "é" * 100_000 * number for number in range(1, 4)}
    async with proxy_for(broker.url) as (proxy, url):
        proxy.chunk = 997
        async with running(relay_for(database, broker, amqp_url=url)):
            await commit(database, *(enrollment(7, number, feedback=text) for number, text in feedback.items()))
            await arrived(inbox, *feedback)
    bodies = [json.loads(message.body) for message in inbox]
    assert {body["data"]["id"]: body["data"]["feedback"] for body in bodies} == feedback
