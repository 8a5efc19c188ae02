"""What is published is in the feed exactly once, however its consumers die and however often the broker delivers it."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from aio_pika.abc import AbstractChannel

from services.delivery.feed import FEED, Arrived
from services.delivery.store import feed
from shared.concurrency.backoff import Backoff
from shared.messaging.consumer import Arrivals, Batch, Consumer
from shared.messaging.follower import Followed
from shared.postgres.pool import Connection
from tests.support.broker import Broker, own_broker
from tests.support.client import new_organisation
from tests.support.consumers import following
from tests.support.events import encoded, enrollment
from tests.support.eventually import eventually
from tests.support.feed import FeedDatabase
from tests.support.guards import without

KILLS = 200
EACH = 5
"""Events that are published between two of them."""
POINTS = ("before the transaction", "before the commit", "after the commit", "after the acknowledgement")


class Killed(BaseException):
    """Nothing in the product survives it."""


@dataclass
class Fate:
    """Where the consumer dies next."""

    point: str = ""

    def reach(self, point: str) -> None:
        if point == self.point:
            raise Killed


@dataclass
class DyingFeed:
    """Takes events in, and dies before the commit."""

    fate: Fate
    routing_keys: Sequence[str] = field(default=FEED.routing_keys)

    def decode(self, body: bytes) -> Arrived:
        return FEED.decode(body)

    async def apply(self, connection: Connection, messages: Sequence[Arrived]) -> None:
        await FEED.apply(connection, messages)
        self.fate.reach("before the commit")


@dataclass(eq=False, repr=False, kw_only=True)
class DyingConsumer(Consumer):
    fate: Fate

    async def _commit(self, messages: Callable[[], Sequence[Followed]]) -> None:
        self.fate.reach("before the transaction")
        await super()._commit(messages)
        self.fate.reach("after the commit")

    async def _handle(self, channel: AbstractChannel, batch: Batch, arrived: Arrivals) -> None:
        await super()._handle(channel, batch, arrived)
        self.fate.reach("after the acknowledgement")

    async def live(self) -> None:
        """Until it dies, with its connection to the broker and its transaction."""
        with pytest.raises(Killed):
            await self._consume(Backoff())


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with own_broker("delivery") as broker:
        await broker.declare("#")
        yield broker


def consumer(delivery: FeedDatabase, broker: Broker) -> Consumer:
    return Consumer(delivery.pool, broker.url, broker.queue, FEED)


async def publish(broker: Broker, organisation: int, count: int) -> list[str]:
    """The ids."""
    bodies = [encoded(enrollment(organisation, number + 1))[1] for number in range(count)]
    await asyncio.gather(*(broker.publish_body(body.encode(), "enrollment.created") for body in bodies))
    return [json.loads(body)["id"] for body in bodies]


async def has_all(delivery: FeedDatabase, organisation: int, published: Sequence[str]) -> Counter[str]:
    """What is in the feed, once all that was published is."""

    async def all_there() -> Counter[str]:
        seen = Counter(await delivery.every_event(organisation))
        assert set(seen) >= set(published)
        return seen

    return await eventually(all_there)


async def killed_again_and_again(delivery: FeedDatabase, broker: Broker, kills: int) -> tuple[list[str], Counter[str]]:
    """What was published, and how often each event is in the feed."""
    organisation, chance, fate = new_organisation(), random.Random(kills), Fate()
    published = list[str]()
    dying = DyingConsumer(delivery.pool, broker.url, broker.queue, DyingFeed(fate), fate=fate)
    for turn in range(kills):
        fate.point = POINTS[turn] if turn < len(POINTS) else chance.choice(POINTS)
        published += await publish(broker, organisation, EACH)
        await dying.live()
    async with following(consumer(delivery, broker)):
        return published, await has_all(delivery, organisation, published)


async def test_a_consumer_that_is_killed_200_times_takes_every_event_exactly_once(
    delivery: FeedDatabase, broker: Broker
) -> None:
    published, seen = await killed_again_and_again(delivery, broker, KILLS)
    assert len(published) == KILLS * EACH
    assert seen == Counter(published)
    assert await broker.dead_letters() == []


async def test_control_without_the_ids_of_events_some_are_there_twice(
    delivery: FeedDatabase, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(
        monkeypatch,
        feed,
        "_TAKE",
        "ON CONFLICT DO NOTHING RETURNING organisation_id, event_id",
        "ON CONFLICT (organisation_id, event_id) DO UPDATE SET received_at = statement_timestamp()"
        " RETURNING organisation_id, event_id",
    )
    published, seen = await killed_again_and_again(delivery, broker, 8)
    assert set(seen) == set(published)
    assert seen.total() > len(published)


async def test_several_consumers_take_every_event_exactly_once(delivery: FeedDatabase, broker: Broker) -> None:
    organisation = new_organisation()
    async with following(*(consumer(delivery, broker) for _ in range(3))):
        published = await publish(broker, organisation, 300)
        published += [each for _ in range(5) for each in await publish(broker, organisation, 20)]
        assert await has_all(delivery, organisation, published) == Counter(published)


async def test_a_database_that_ends_every_connection_loses_nothing(delivery: FeedDatabase, broker: Broker) -> None:
    organisation, published = new_organisation(), list[str]()
    async with following(consumer(delivery, broker)):
        for _ in range(10):
            published += await publish(broker, organisation, 20)
            await delivery.value(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

        async def all_there() -> Any:
            try:
                return await has_all(delivery, organisation, published)
            except Exception as error:
                raise AssertionError from error

        assert await eventually(all_there) == Counter(published)


async def test_an_event_of_a_version_that_is_not_known_here_is_kept_as_it_came(
    delivery: FeedDatabase, broker: Broker
) -> None:
    organisation = new_organisation()
    body = json.loads(encoded(enrollment(organisation, 1))[1])
    body |= {"type": "training.enrollment.signed.v7", "newattribute": "é", "data": {"of": ["another", "shape"]}}
    text = json.dumps(body, indent=3, ensure_ascii=False)
    async with following(consumer(delivery, broker)):
        await broker.publish_body(text.encode(), "enrollment.signed")
        assert await has_all(delivery, organisation, [body["id"]]) == Counter([body["id"]])
    assert (await delivery.step(organisation)).events == text
    assert await broker.dead_letters() == []


@pytest.mark.parametrize("body", [b"no JSON", b"{}", b"\xff\xfe", b'{"id": "\\u0000"}'])
async def test_what_is_no_event_is_set_aside_and_holds_nobody_up(
    delivery: FeedDatabase, broker: Broker, body: bytes
) -> None:
    organisation = new_organisation()
    async with following(consumer(delivery, broker)):
        await broker.publish_body(body, "enrollment.created")
        published = await publish(broker, organisation, 3)
        assert await has_all(delivery, organisation, published) == Counter(published)
        assert len(await eventually(broker.dead_letters)) == 1
