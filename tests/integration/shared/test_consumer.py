import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aio_pika.abc import AbstractChannel

import services.catalog.handlers
import shared.messaging.consumer
from shared.messaging.consumer import BATCH, Arrivals, Batch, Consumer
from shared.messaging.subscriptions import Subscribed, routing_keys
from shared.postgres.pool import Connection, connection_pool
from tests.support.broker import TIMEOUT, Broker
from tests.support.client import new_organisation
from tests.support.consumers import Recorder, consumer_for, following, subscriptions_to
from tests.support.events import course_counts, enrollment, enrollment_histories, newest, session_counts, shuffled
from tests.support.eventually import NEVER, eventually
from tests.support.projections import Database, counted_of_courses, counted_of_sessions, insert_sessions, table
from tests.support.proxy import proxy_for

pytestmark = pytest.mark.usefixtures("declared_queue")

COURSES = {1: 1, 2: 1, 3: 2}
"""Session → course."""
CATALOG = services.catalog.handlers.SUBSCRIPTIONS


async def test_events_are_applied_and_acknowledged(catalog: Database, broker: Broker) -> None:
    organisation = new_organisation()
    await insert_sessions(catalog, organisation, COURSES)
    events = [enrollment(organisation, number) for number in range(1, 21)]
    async with following(consumer_for(catalog.pool, broker, CATALOG)):
        await broker.publish(events)
        await eventually(lambda: is_counted(catalog, organisation, {1: 20, 2: 0, 3: 0}))
    again = Recorder()
    async with following(consumer_for(catalog.pool, broker, again.subscriptions)):
        await broker.publish([enrollment(organisation, 99)])
        await again.has(99)
    assert again.ids == {99}


async def is_counted(catalog: Database, organisation: int, expected: dict[int, int]) -> bool:
    assert await counted_of_sessions(catalog, organisation) == expected
    return True


async def test_events_of_any_size_arrive_in_pieces_of_any_size(catalog: Database, broker: Broker) -> None:
    """Larger than a frame of the broker's, over a network that passes on a few bytes at a time."""
    recorder = Recorder()
    feedback = {number: "é" * 100_000 * number for number in range(1, 4)}
    async with proxy_for(broker.url) as (proxy, url):
        proxy.chunk = 997
        async with following(consumer_for(catalog.pool, broker, recorder.subscriptions, amqp_url=url)):
            await broker.publish(enrollment(7, number, feedback=text) for number, text in feedback.items())
            await recorder.has(*feedback)
    assert {event.data.id: event.data.feedback for batch in recorder.batches for event in batch} == feedback


class Stuck:
    """A handler that never ends."""

    def __init__(self) -> None:
        self.began = asyncio.Event()

    async def __call__(self, connection: Connection, events: Sequence[Any]) -> None:
        self.began.set()
        await asyncio.Event().wait()


async def applied_after_a_crash(catalog: Database, broker: Broker, consumer_type: type[Consumer]) -> set[int]:
    """Enrollment 1 meets a consumer that dies before its commit; what the next consumer gets to see until 2 comes."""
    stuck = Stuck()
    dying = consumer_type(catalog.pool, broker.url, broker.queue, Subscribed(subscriptions_to(stuck)))
    async with following(dying):
        await broker.publish([enrollment(7, 1)])
        await stuck.began.wait()
    next_one = Recorder()
    async with following(consumer_for(catalog.pool, broker, next_one.subscriptions)):
        await broker.publish([enrollment(7, 2)])
        await next_one.has(2)
    return next_one.ids


async def test_what_a_consumer_had_not_committed_when_it_died_is_delivered_again(
    catalog: Database, broker: Broker
) -> None:
    assert await applied_after_a_crash(catalog, broker, Consumer) == {1, 2}


class HastyConsumer(Consumer):
    """Acknowledges before it has committed."""

    async def _handle(self, channel: AbstractChannel, batch: Batch, arrived: Arrivals) -> None:
        await batch.last.acknowledge_all()
        await super()._handle(channel, batch, arrived)


async def test_control_acknowledged_before_the_commit_it_is_lost(catalog: Database, broker: Broker) -> None:
    assert await applied_after_a_crash(catalog, broker, HastyConsumer) == {2}


@pytest.mark.parametrize("consumers", [1, 2, 3])
async def test_consumers_at_once_count_exactly_what_came_three_times_in_any_order(
    catalog: Database, broker: Broker, consumers: int
) -> None:
    chance, organisation = random.Random(consumers), new_organisation()
    await insert_sessions(catalog, organisation, COURSES)
    events = enrollment_histories(chance, organisation, enrollments=40, versions=12, courses=COURSES)
    await broker.declare(*routing_keys(CATALOG))
    await broker.publish(shuffled(chance, events))
    async with following(*(consumer_for(catalog.pool, broker, CATALOG) for _ in range(consumers))):
        await eventually(lambda: is_at(catalog, organisation, {state.id: state.version for state in newest(events)}))
    await apply_the_rest(catalog, broker)
    assert await counted_of_sessions(catalog, organisation) == session_counts(events, COURSES)
    assert await counted_of_courses(catalog, organisation) == course_counts(events, {1, 2})


async def is_at(catalog: Database, organisation: int, versions: dict[int, int]) -> bool:
    rows = await table(catalog, "enrollments", organisation)
    return {row["id"]: row["version"] for row in rows} == versions


async def apply_the_rest(catalog: Database, broker: Broker) -> None:
    """Returns when nothing is left in the queue: what comes last is applied."""
    last = enrollment(new_organisation(), 1)
    async with following(consumer_for(catalog.pool, broker, CATALOG)):
        await broker.publish([last])
        await eventually(lambda: is_at(catalog, last.organisation_id, {1: 1}))


async def test_more_than_a_batch_is_applied_in_batches(catalog: Database, broker: Broker) -> None:
    recorder = Recorder()
    everyone = range(1, 2 * BATCH + 201)
    await broker.declare(*routing_keys(recorder.subscriptions))
    await broker.publish(enrollment(7, number) for number in everyone)
    async with following(consumer_for(catalog.pool, broker, recorder.subscriptions)):
        await recorder.has(*everyone)
    assert max(map(len, recorder.batches)) <= BATCH
    assert len(recorder.batches) < len(everyone) / 2


async def test_what_arrives_before_the_transaction_has_begun_goes_along(
    catalog: Database, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()

    async def consumer_waits() -> bool:
        return "is waiting for the database" in caplog.text

    async with (
        connection_pool(catalog.url, name="test", size=1) as pool,
        following(consumer_for(pool, broker, recorder.subscriptions)),
    ):
        async with pool.acquire():
            await broker.publish([enrollment(7, 1)])
            await eventually(consumer_waits)
            await broker.publish([enrollment(7, 2)])
            await eventually(broker.is_delivered)
        await recorder.has(1, 2)
    assert len(recorder.batches) == 1


async def test_the_same_row_in_one_batch_is_handled_once_in_its_newest_version(
    catalog: Database, broker: Broker
) -> None:
    recorder = Recorder()
    await broker.declare(*routing_keys(recorder.subscriptions))
    await broker.publish([enrollment(7, 1, version) for version in (3, 1, 4, 2)])
    async with following(consumer_for(catalog.pool, broker, recorder.subscriptions)):
        await eventually(lambda: has_version(recorder, 4))
    assert {len(batch) for batch in recorder.batches} == {1}


async def has_version(recorder: Recorder, version: int) -> bool:
    return any(event.data.version == version for batch in recorder.batches for event in batch)


async def refused(proxy: Any) -> None:
    await proxy.refuse()


async def silent(proxy: Any) -> None:
    proxy.freeze()


@pytest.mark.parametrize("fault", [refused, silent])
async def test_nothing_is_lost_or_set_aside_while_the_database_is_away(
    catalog: Database,
    broker: Broker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: Callable[[Any], Any],
) -> None:
    monkeypatch.setattr("shared.postgres.pool.COMMAND_TIMEOUT", 0.3)
    organisation = new_organisation()
    await insert_sessions(catalog, organisation, COURSES)

    async def consumer_waits() -> bool:
        return "is waiting for the database" in caplog.text

    async with (
        proxy_for(catalog.url) as (proxy, url),
        connection_pool(url, name="test") as pool,
        following(consumer_for(pool, broker, CATALOG)),
    ):
        await broker.publish([enrollment(organisation, 1)])
        await eventually(lambda: is_counted(catalog, organisation, {1: 1, 2: 0, 3: 0}))
        await fault(proxy)
        await broker.publish([enrollment(organisation, number) for number in range(2, 11)])
        await eventually(consumer_waits)
        proxy.thaw()
        await proxy.accept()
        await eventually(lambda: is_counted(catalog, organisation, {1: 10, 2: 0, 3: 0}))
    assert await broker.dead_letters() == []


async def test_the_consumer_goes_on_after_its_broker_connection_was_cut(
    catalog: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.messaging.consumer, "WATCH_INTERVAL", NEVER)
    recorder = Recorder()
    async with (
        proxy_for(broker.url) as (proxy, url),
        following(consumer_for(catalog.pool, broker, recorder.subscriptions, amqp_url=url)),
    ):
        for number in range(1, 4):
            await broker.publish([enrollment(7, number)])
            await recorder.has(number)
            proxy.cut()
        await proxy.refuse()
        await broker.publish([enrollment(7, 4)])
        await proxy.accept()
        await recorder.has(4)


async def test_control_without_notice_of_the_cut_it_waits_for_the_next_check(
    catalog: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def notice_nothing(channel: AbstractChannel, arrived: Arrivals) -> None:
        return

    monkeypatch.setattr(shared.messaging.consumer, "WATCH_INTERVAL", NEVER)
    monkeypatch.setattr(shared.messaging.consumer, "_notice_end", notice_nothing)
    recorder = Recorder()
    async with (
        proxy_for(broker.url) as (proxy, url),
        following(consumer_for(catalog.pool, broker, recorder.subscriptions, amqp_url=url)),
    ):
        proxy.cut()
        await broker.publish([enrollment(7, 1)])
        with pytest.raises(AssertionError):
            await recorder.has(1, deadline=1)


async def test_the_consumer_goes_on_after_the_broker_was_silent(
    catalog: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.messaging.consumer, "WATCH_INTERVAL", 0.2)
    monkeypatch.setattr(shared.messaging.consumer, "OPERATION_TIMEOUT", 0.5)
    monkeypatch.setattr("shared.messaging.broker.OPERATION_TIMEOUT", 0.5)
    recorder = Recorder()
    async with proxy_for(broker.url) as (proxy, url):
        consumer = consumer_for(catalog.pool, broker, recorder.subscriptions, amqp_url=url)
        async with following(consumer):
            proxy.freeze()
            await eventually(lambda: has_noticed(consumer))
            proxy.thaw()
            await broker.publish([enrollment(7, 1)])
            await recorder.has(1)


async def test_a_consumer_whose_queue_was_deleted_goes_on_once_it_is_declared_again(
    catalog: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.messaging.consumer, "WATCH_INTERVAL", NEVER)
    recorder = Recorder()
    consumer = consumer_for(catalog.pool, broker, recorder.subscriptions)
    async with following(consumer):
        await broker.delete_queue()
        await eventually(lambda: has_noticed(consumer))
        await broker.declare(*routing_keys(recorder.subscriptions))
        await eventually(broker.consumers)
        await broker.publish([enrollment(7, 1)])
        await recorder.has(1)


async def has_noticed(consumer: Consumer) -> bool:
    return not await consumer.is_connected()


class Droppable(Consumer):
    """A consumer that the broker forgets on command."""

    channel: AbstractChannel

    async def _next_batch(self, channel: AbstractChannel, arrived: Arrivals) -> Batch:
        self.channel = channel
        return await super()._next_batch(channel, arrived)

    async def drop(self) -> None:
        underlay: Any = await self.channel.get_underlay_channel()
        for consumer_tag in list(underlay.consumers):
            await underlay.basic_cancel(consumer_tag, timeout=TIMEOUT)


async def received_after_a_drop(catalog: Database, broker: Broker, *, deadline: float) -> bool:
    recorder = Recorder()
    consumer = Droppable(catalog.pool, broker.url, broker.queue, Subscribed(recorder.subscriptions))
    async with following(consumer):
        await broker.publish([enrollment(7, 1)])
        await recorder.has(1)
        await consumer.drop()
        await broker.publish([enrollment(7, 2)])
        with contextlib.suppress(AssertionError):
            await recorder.has(2, deadline=deadline)
    return 2 in recorder.ids


async def test_a_consumer_that_the_broker_dropped_without_a_word_comes_back(
    catalog: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.messaging.consumer, "WATCH_INTERVAL", 0.2)
    assert await received_after_a_drop(catalog, broker, deadline=TIMEOUT)


async def test_control_without_the_watch_it_stays_deaf(
    catalog: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.messaging.consumer, "WATCH_INTERVAL", NEVER)
    assert not await received_after_a_drop(catalog, broker, deadline=1)


async def test_the_consumer_ends_when_it_is_cancelled(catalog: Database, broker: Broker) -> None:
    consumer = consumer_for(catalog.pool, broker, Recorder().subscriptions)
    async with following(consumer) as [task]:
        task.cancel()
        await asyncio.wait({task}, timeout=10)
        assert task.cancelled()
        assert not await consumer.is_connected()
