"""The consumers of a queue agree on what all of them have applied (decision 27)."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from shared.errors import Unavailable
from shared.events.types import Event
from shared.messaging import followed, roll_call
from shared.messaging.consumer import Consumer
from shared.messaging.outbox import Outbox
from shared.messaging.roll_call import RollCall
from shared.messaging.subscriptions import Subscribed
from shared.postgres.pool import Connection
from tests.support.broker import Broker
from tests.support.client import new_organisation
from tests.support.consumers import following, subscriptions_to
from tests.support.events import enrollment
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.projections import Database, history_database

NOTHING = Outbox(0, None)
pytestmark = pytest.mark.usefixtures("declared_queue")


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_call, "INTERVAL", 0.02)
    monkeypatch.setattr(roll_call, "LONGEST_PAUSE", 0.05)


@pytest.fixture
async def own() -> AsyncIterator[Database]:
    async with history_database() as database:
        yield database


@dataclass
class Places:
    """What delivery and an owner would say."""

    position: int | None = 10
    outbox: Outbox = NOTHING
    asked: int = 0

    async def feed_position(self) -> int:
        self.asked += 1
        if self.position is None:
            raise Unavailable
        return self.position

    async def outboxes(self) -> Mapping[str, Outbox]:
        self.asked += 1
        return {"enrollment": self.outbox}

    async def goes_on(self) -> None:
        """Returns after many rounds."""
        until = self.asked + 20

        async def later() -> bool:
            return self.asked > until

        await eventually(later)


@dataclass(eq=False)
class Applying:
    """A handler that waits for `go` before its transaction commits."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    began: int = 0

    async def __call__(self, connection: Connection, events: Sequence[Event[Any]]) -> None:
        self.began += 1
        await self.go.wait()


def consumer(own: Database, broker: Broker, places: Places, handler: Applying) -> Consumer:
    follower = Subscribed(subscriptions_to(handler))
    return Consumer(own.pool, broker.url, broker.queue, follower, RollCall(own.pool, places))


async def reached(own: Database, position: int | None) -> None:
    async def there() -> bool:
        return await followed.position(own.pool) == position

    await eventually(there)


@asynccontextmanager
async def one_held_of_two(own: Database, broker: Broker, places: Places) -> AsyncIterator[Applying]:
    """Two consumers are at 10; one holds a message that it has not applied, and the feed is at 20."""
    held = Applying()
    async with following(*(consumer(own, broker, places, held) for _ in range(2))):
        await reached(own, 10)
        await broker.publish([enrollment(new_organisation(), 1)])

        async def began() -> bool:
            return held.began == 1

        await eventually(began)
        places.position = 20
        yield held
        held.go.set()


async def test_what_one_consumer_holds_keeps_all_of_them_where_they_are(own: Database, broker: Broker) -> None:
    places = Places()
    async with one_held_of_two(own, broker, places) as held:
        await confirmed_by(own, 1)
        assert await followed.position(own.pool) == 10
        held.go.set()
        await reached(own, 20)


async def test_control_with_one_confirmation_the_message_is_missed(
    own: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(
        monkeypatch,
        followed,
        "_COMPLETE",
        "confirmed IS DISTINCT FROM $1 OR consumers IS DISTINCT FROM (SELECT count(*) FROM followers)",
        "false",
    )
    async with one_held_of_two(own, broker, Places()) as held:
        await reached(own, 20)
        assert not held.go.is_set()


async def confirmed_by(own: Database, consumers: int) -> None:
    async def confirmed() -> bool:
        query = (
            "SELECT count(*) FROM followers WHERE confirmed = (SELECT number FROM followed WHERE candidate IS NOT NULL)"
        )
        return bool(await own.value(query) == consumers)

    await eventually(confirmed)


async def test_an_event_that_a_queue_may_lack_keeps_the_position(own: Database, broker: Broker) -> None:
    places, handler = Places(outbox=Outbox(7, 7)), Applying()
    async with following(consumer(own, broker, places, handler)):
        await places.goes_on()
        assert await followed.position(own.pool) is None
        places.outbox = Outbox(9, 8)
        await reached(own, 10)


async def test_one_that_died_is_waited_for_and_then_forgotten(own: Database, broker: Broker) -> None:
    dead = uuid4()
    await followed.join(own.pool, dead)
    await followed.consume(own.pool, dead)
    places = Places()
    async with following(consumer(own, broker, places, Applying())):
        await confirmed_at(own, 10)
        assert await followed.position(own.pool) is None
        await own.value("UPDATE followers SET seen_at = seen_at - interval '61 s' WHERE channel = $1", dead)
        await reached(own, 10)


async def confirmed_at(own: Database, candidate: int) -> None:
    async def confirmed() -> bool:
        query = "SELECT count(*) FROM followers WHERE confirmed = (SELECT number FROM followed WHERE candidate = $1)"
        return bool(await own.value(query, candidate) == 1)

    await eventually(confirmed)


async def test_a_consumer_that_nobody_knows_keeps_the_position(own: Database, broker: Broker) -> None:
    """One of the version before."""
    places, handler = Places(), Applying()
    stranger = Consumer(own.pool, broker.url, broker.queue, Subscribed(subscriptions_to(handler)))
    async with following(stranger), following(consumer(own, broker, places, handler)):
        await confirmed_at(own, 10)
        assert await followed.position(own.pool) is None


async def test_a_dead_letter_keeps_the_position_until_it_is_gone(own: Database, broker: Broker) -> None:
    places, handler = Places(), Applying()
    async with following(consumer(own, broker, places, handler)):
        await reached(own, 10)
        await broker.publish_body(b"{}", "enrollment.created")

        async def dead() -> bool:
            declared = await broker.channel.declare_queue(broker.queue.dead_letters, passive=True)
            return declared.declaration_result.message_count == 1

        await eventually(dead)
        places.position = 20
        assert await followed.position(own.pool) == 10
        assert len(await broker.dead_letters()) == 1
        await reached(own, 20)


async def test_a_feed_that_is_behind_or_gone(own: Database, broker: Broker) -> None:
    """A lower position is of an older copy of delivery's database: what it said before means nothing in it."""
    places = Places()
    async with following(consumer(own, broker, places, Applying())):
        await reached(own, 10)
        places.position = None
        await places.goes_on()
        assert await followed.position(own.pool) == 10
        places.position = 5
        await reached(own, 5)
        await followed.offer(own.pool, 3)
    async with own.pool.acquire() as connection:
        assert await connection.fetchval("SELECT candidate FROM followed") is None
    await followed.offer(own.pool, 3)
    assert await followed.position(own.pool) is None
