"""An organisation with as many webhooks as it may have does not stop the feed, of which everybody's events are."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from services.delivery.feed import FEED, Arrived
from services.delivery.webhooks import MOST_WEBHOOKS
from shared.messaging.consumer import BATCH, Consumer
from shared.postgres.pool import Connection
from tests.support.broker import Broker, own_broker
from tests.support.client import new_organisation
from tests.support.consumers import following
from tests.support.events import enrollment
from tests.support.eventually import eventually
from tests.support.feed import FeedDatabase

_WEBHOOKS = """
INSERT INTO webhooks (organisation_id, url, secret, signing_key, public_key)
SELECT $1, 'https://hooks.invalid/', '', '', '' FROM generate_series(1, $2)
"""
_MESSAGES = "SELECT count(*) FROM webhook_messages WHERE organisation_id = $1"


@dataclass
class HurriedFeed:
    """Takes events in by statements for which the server gives less time than for a whole batch."""

    sizes: list[int] = field(default_factory=list)
    routing_keys: Sequence[str] = field(default=FEED.routing_keys)

    def decode(self, body: bytes) -> Arrived:
        return FEED.decode(body)

    async def apply(self, connection: Connection, messages: Sequence[Arrived]) -> None:
        self.sizes.append(len(messages))
        if len(messages) > BATCH // 4:
            await connection.execute("SET LOCAL statement_timeout = '1ms'")
        await FEED.apply(connection, messages)


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with own_broker("delivery") as broker:
        await broker.declare("#")
        yield broker


async def test_a_batch_for_many_webhooks_is_taken_in_parts(own_delivery: FeedDatabase, broker: Broker) -> None:
    busy, other, feed = new_organisation(), new_organisation(), HurriedFeed()
    await own_delivery.value(_WEBHOOKS, busy, MOST_WEBHOOKS)
    await broker.publish([enrollment(busy, number) for number in range(1, BATCH + 1)])
    await broker.publish([enrollment(other, 1)])
    async with following(Consumer(own_delivery.pool, broker.url, broker.queue, feed)):

        async def are_taken() -> bool:
            return len(await own_delivery.every_event(other)) == 1

        await eventually(are_taken)
    assert len(set(await own_delivery.every_event(busy))) == BATCH
    assert await own_delivery.value(_MESSAGES, busy) == BATCH * MOST_WEBHOOKS
    assert max(feed.sizes) > BATCH // 4
    assert await broker.dead_letters() == []
