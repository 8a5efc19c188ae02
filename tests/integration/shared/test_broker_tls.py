"""The broker over TLS: what passes aiormq by is read from the same socket (decision 9)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.messaging.broker import connection_to
from shared.messaging.errors import BrokerUnavailable
from tests.support.broker import Broker
from tests.support.consumers import Recorder, consumer_for, following
from tests.support.events import enrollment
from tests.support.projections import Database
from tests.support.proxy import proxy_for
from tests.support.relays import commit, relay_for, running
from tests.support.tls import Tls

MORE_THAN_A_FRAME = "é" * 200_000


@pytest.fixture
async def secure_url(broker: Broker, tls: Tls) -> AsyncIterator[str]:
    """Leads to the broker through a server that speaks TLS."""
    async with proxy_for(broker.url.replace("amqp:", "amqps:"), tls=tls.context) as (_, url):
        yield url


@pytest.mark.usefixtures("declared_queue")
async def test_events_are_published_and_followed_over_tls(
    database: Database, broker: Broker, secure_url: str, tls: Tls
) -> None:
    url, recorder = f"{secure_url}?cafile={tls.trusted}", Recorder()
    events = [enrollment(7, number) for number in range(1, 51)] + [enrollment(7, 99, feedback=MORE_THAN_A_FRAME)]
    async with (
        following(consumer_for(database.pool, broker, recorder.subscriptions, amqp_url=url)),
        running(relay_for(database, broker, amqp_url=url)),
    ):
        await commit(database, *events)
        await recorder.has(*(event.data.id for event in events))
    feedback = [event.data.feedback for batch in recorder.batches for event in batch if event.data.id == 99]
    assert feedback == [MORE_THAN_A_FRAME]


async def test_a_broker_whose_certificate_nobody_trusts_is_not_spoken_to(secure_url: str) -> None:
    with pytest.raises(BrokerUnavailable):
        async with asyncio.timeout(10), connection_to(secure_url, name="test"):
            pass
