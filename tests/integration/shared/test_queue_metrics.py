"""Who reads how much waits at the broker takes nothing from who consumes it."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from shared.messaging.broker import connection_to
from shared.messaging.queue_watch import QueueWatch
from shared.metrics import registry as metrics_registry
from shared.metrics.messaging import QueueMetrics
from shared.metrics.registry import Metrics
from tests.support.broker import Broker
from tests.support.consumers import Recorder, consumer_for, following
from tests.support.dead_letters import set_aside
from tests.support.eventually import eventually
from tests.support.metrics import shows
from tests.support.projections import Database
from tests.support.proxy import proxy_for

pytestmark = pytest.mark.usefixtures("declared_queue")


async def test_a_broker_that_does_not_answer_costs_the_consumer_nothing(
    catalog: Database, broker: Broker, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_registry, "SAMPLE_TIMEOUT", 0.5)
    await set_aside(broker, organisation, 1, 2)
    metrics = Metrics()
    async with proxy_for(broker.url) as (proxy, url):
        consumer = consumer_for(catalog.pool, broker, Recorder().subscriptions, amqp_url=url)
        gauges = QueueMetrics(metrics.registry)
        metrics.sample("queue", lambda: consumer.measure_queue(gauges))
        async with following(consumer):
            before = await shows(metrics, lambda now: now.of("muster_dead_letters") == 2)
            assert before.of("muster_queue_messages") == 0
            accepted = proxy.accepted
            proxy.freeze()
            await shows(metrics, lambda now: now.of("muster_metrics_sampled", sample="queue") == 0)
            proxy.thaw()
            after = await shows(metrics, lambda now: now.of("muster_metrics_sampled", sample="queue") == 1)
            assert after.of("muster_dead_letters") == 2
            assert await consumer.is_connected()
            assert proxy.accepted == accepted


async def test_what_is_waited_for_no_longer_is_asked_for_anew(broker: Broker) -> None:
    async with proxy_for(broker.url) as (proxy, url), connection_to(url, name="test") as connection:
        watch = QueueWatch(connection, broker.queue)
        assert await watch.counts() == (0, 0)
        proxy.freeze()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await watch.counts()
        proxy.thaw()

        async def answers() -> bool:
            return await watch.counts() == (0, 0)

        assert await eventually(answers)


def test_the_gauges_are_there_before_anybody_asks() -> None:
    registry = CollectorRegistry()
    QueueMetrics(registry)
    assert registry.get_sample_value("muster_dead_letters") == 0
