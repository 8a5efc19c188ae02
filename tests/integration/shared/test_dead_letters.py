import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

import services.catalog.handlers
import services.history.handlers
import shared.postgres.connection
from shared.messaging.subscriptions import routing_keys
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Connection
from tests.support.broker import Broker, Inbox
from tests.support.client import new_organisation
from tests.support.consumers import Recorder, consumer_for, following, subscriptions_to
from tests.support.events import encoded, enrollment
from tests.support.eventually import eventually
from tests.support.projections import Database, counted_of_sessions, insert_sessions
from tests.support.proxy import proxy_for

pytestmark = pytest.mark.usefixtures("declared_queue")

CATALOG = services.catalog.handlers.SUBSCRIPTIONS
HISTORY = services.history.handlers.SUBSCRIPTIONS
CREATED = "enrollment.created"


def with_another(event_body: str, old: str, new: str) -> bytes:
    assert old in event_body
    return event_body.replace(old, new).encode()


GOOD = encoded(enrollment(7, 1))[1]


async def dead_letters(broker: Broker, count: int) -> Inbox:
    found: Inbox = []

    async def all_of_them() -> bool:
        found.extend(await broker.dead_letters())
        return len(found) >= count

    await eventually(all_of_them)
    return found


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "EventInvalid: body: Invalid JSON"),
        (b"", "EventInvalid: body: "),
        (b"\xff\xfe", "EventInvalid: body: "),
        (with_another(GOOD, ".created.v1", ".created.v2"), "no event has the type 'training.enrollment.created.v2'"),
        (with_another(GOOD, '"status":"enrolled"', '"status":"dreaming"'), "EventInvalid: status: "),
        (with_another(GOOD, '"version":1', '"version":0'), "EventInvalid: version: "),
        (with_another(GOOD, '"employee_id":1', f'"employee_id":{10**30}'), "EventInvalid: employee_id: "),
        (with_another(GOOD, '"session_id":1', f'"session_id":{10**30}'), "EventInvalid: session_id: "),
        (with_another(GOOD, '"organisationid":"7"', f'"organisationid":"{10**30}"'), "DataError"),
    ],
)
async def test_what_can_never_be_applied_is_set_aside_with_its_reason(
    history: Database, broker: Broker, body: bytes, reason: str
) -> None:
    async with following(consumer_for(history.pool, broker, HISTORY)):
        await broker.publish_body(body, CREATED)
        [letter] = await dead_letters(broker, 1)
    assert letter.body == body
    assert reason in str(letter.headers["x-reason"])
    assert letter.headers["x-routing-key"] == CREATED
    assert letter.headers["x-failed-at"]


async def test_the_neighbours_of_poison_are_applied(catalog: Database, broker: Broker) -> None:
    organisation = new_organisation()
    await insert_sessions(catalog, organisation, {1: 1})
    await broker.declare(*routing_keys(CATALOG))
    for number in range(1, 31):
        await broker.publish([enrollment(organisation, number)])
        if number % 10 == 0:
            await broker.publish_body(b"poison", CREATED)
            await broker.publish([enrollment(10**30, number)])
    async with following(consumer_for(catalog.pool, broker, CATALOG)):
        letters = await dead_letters(broker, 6)

        async def all_counted() -> bool:
            return await counted_of_sessions(catalog, organisation) == {1: 30}

        await eventually(all_counted)
    assert len(letters) == 6


class Mistaken(Recorder):
    """A handler whose statement has an argument too many for one of its events."""

    async def __call__(self, connection: Connection, events: Sequence[Any]) -> None:
        for event in events:
            arguments = [event.data.id] if event.data.id != MISTAKEN else [event.data.id, 2]
            await connection.fetchval("SELECT $1::bigint", *arguments)
        await super().__call__(connection, events)


MISTAKEN = 2


async def test_a_mistake_in_a_handler_is_a_dead_letter_and_its_neighbours_are_applied(
    history: Database, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Mistaken()
    await broker.declare(*routing_keys(handler.subscriptions))
    await broker.publish(enrollment(7, number) for number in (1, MISTAKEN, 3))
    async with following(consumer_for(history.pool, broker, handler.subscriptions)):
        [letter] = await dead_letters(broker, 1)
        await handler.has(1, 3)
    assert handler.ids == {1, 3}
    assert "InterfaceError: the server expects 1 argument" in str(letter.headers["x-reason"])
    [record] = [record for record in caplog.records if "dead-letter queue" in record.message]
    assert record.exc_info is not None


async def test_control_where_it_counts_as_an_outage_it_is_tried_for_ever_and_all_behind_it_waits(
    history: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared.postgres.connection, "outage", lambda error, **_: DatabaseUnavailable(repr(error)))
    handler = Mistaken()
    await broker.declare(*routing_keys(handler.subscriptions))
    await broker.publish(enrollment(7, number) for number in (1, MISTAKEN, 3))

    async def tried_again() -> bool:
        return caplog.text.count("is waiting for the database") > 1

    async with following(consumer_for(history.pool, broker, handler.subscriptions)):
        await eventually(tried_again)
    assert await broker.dead_letters() == []
    assert handler.ids == set()


class Picky(Recorder):
    """A handler with a defect: it raises whenever enrollment 13 is in the batch."""

    async def __call__(self, connection: Connection, events: Sequence[Any]) -> None:
        if any(event.data.id == 13 for event in events):
            raise ZeroDivisionError("thirteen")
        await super().__call__(connection, events)


async def test_an_event_whose_handler_always_raises_is_set_aside_and_its_neighbours_applied(
    catalog: Database, broker: Broker
) -> None:
    picky = Picky()
    await broker.declare(*routing_keys(picky.subscriptions))
    await broker.publish(enrollment(7, number) for number in range(1, 31))
    async with following(consumer_for(catalog.pool, broker, picky.subscriptions)):
        [letter] = await dead_letters(broker, 1)
        await picky.has(*(number for number in range(1, 31) if number != 13))
    assert letter.headers["x-reason"] == "ZeroDivisionError: thirteen"


async def test_an_event_that_nobody_follows_is_passed_over(catalog: Database, broker: Broker) -> None:
    recorder = Recorder()
    async with following(consumer_for(catalog.pool, broker, recorder.subscriptions)):
        await broker.publish_body(GOOD.replace("enrollment.created", "enrollment.checked_in").encode(), CREATED)
        await broker.publish([enrollment(7, 2)])
        await recorder.has(2)
    assert recorder.ids == {2}
    assert await broker.dead_letters() == []


async def test_poison_is_not_lost_when_the_broker_goes_away_before_it_is_set_aside(
    catalog: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.messaging.consumer.WATCH_INTERVAL", 0.2)
    monkeypatch.setattr("shared.messaging.consumer.OPERATION_TIMEOUT", 0.5)
    async with proxy_for(broker.url) as (proxy, url):
        stuck = asyncio.Event()

        async def cut_and_raise(connection: Connection, events: Sequence[Any]) -> None:
            if not stuck.is_set():
                stuck.set()
                proxy.cut()
            raise ZeroDivisionError

        consumer = consumer_for(catalog.pool, broker, subscriptions_to(cut_and_raise), amqp_url=url)
        async with following(consumer):
            await broker.publish([enrollment(7, 1)])
            letters = await dead_letters(broker, 1)
    assert stuck.is_set()
    assert len(letters) >= 1
