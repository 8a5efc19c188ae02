"""What happens in a running system is seen in the metrics of its processes."""

from collections.abc import AsyncIterator

import aio_pika
import pytest
from aiohttp import web
from pydantic import SecretStr

from shared.metrics.registry import METRICS, Metrics
from shared.service.chassis import build_app, service_queue
from tests.support.client import Client
from tests.support.databases import amqp_url
from tests.support.metrics import Reading, read, shows
from tests.support.proxy import proxy_for
from tests.support.services import DECLARED
from tests.support.stack import Stack, running_stack, serving
from tests.support.world import enroll, new_course, new_employee, new_session


@pytest.fixture(scope="module")
async def watched() -> AsyncIterator[Stack]:
    async with running_stack() as stack:
        yield stack


@pytest.fixture
def admin(watched: Stack, organisation: int) -> Client:
    return watched.client(organisation)


async def test_an_enrollment_is_seen_on_its_way_to_the_histories(watched: Stack, admin: Client) -> None:
    before = {name: await read(watched.metrics[name]) for name in ("enrollment", "history", "delivery")}
    await enroll(admin, await new_session(admin, await new_course(admin)), await new_employee(admin))

    def more(name: str, metric: str, **labels: str) -> None:
        assert after[name].total(metric, **labels) > before[name].total(metric, **labels), metric

    def is_applied(now: Reading) -> bool:
        return bool(now.of("muster_consumer_applied_total", event_type="enrollment.created"))

    after = {name: await shows(watched.metrics[name], is_applied) for name in ("history", "delivery")}
    after["enrollment"] = await shows(
        watched.metrics["enrollment"], lambda now: now.total("muster_outbox_waiting") == 0
    )
    more("enrollment", "muster_relay_published_total", lane="direct")
    more("enrollment", "muster_relay_batch_size_count", lane="direct")
    assert after["enrollment"].of("muster_relay_published_total", lane="bulk") == 0
    for name in ("history", "delivery"):
        more(name, "muster_consumer_batch_size_count")
        more(name, "muster_projection_lag_seconds_count")
        assert after[name].of("muster_projection_lag_seconds_bucket", le="60.0") == after[name].of(
            "muster_projection_lag_seconds_count"
        )
        assert (
            after[name].of("muster_consumer_connected") == after[name].of("muster_metrics_sampled", sample="queue") == 1
        )
    assert after["enrollment"].of("muster_relay_connected") == 1
    assert after["enrollment"].of("muster_metrics_sampled", sample="outbox") == 1


async def test_a_dead_letter_is_counted_where_it_lies(watched: Stack) -> None:
    history = watched.metrics["history"]
    queue = service_queue("history", watched.settings["history"])
    connection = await aio_pika.connect(amqp_url(), timeout=10)
    async with connection:
        channel = await connection.channel()
        await channel.default_exchange.publish(aio_pika.Message(b"no event"), queue.name, timeout=10)
    after = await shows(history, lambda now: now.of("muster_dead_letters") == 1)
    assert after.of("muster_consumer_failed_total") == 1
    await shows(history, lambda now: now.of("muster_queue_messages") == 0)


async def test_the_connections_to_the_database_are_counted(watched: Stack, admin: Client) -> None:
    await new_course(admin)
    now = await read(watched.metrics["catalog"])
    size = watched.settings["catalog"].database_pool_size
    assert now.of("muster_pool_limit", pool="requests") == size
    assert now.total("muster_pool_connections", pool="requests") == size
    assert (now.of("muster_pool_connections", pool="relay", state="used") or 0) >= 2  # each lane keeps one
    assert now.total("muster_pool_wait_seconds_count", pool="requests") > 0


async def test_what_the_broker_does_not_take_is_seen_in_the_outbox(organisation: int) -> None:
    async with (
        running_stack(roles={"catalog": "api"}) as stack,
        proxy_for(stack.settings["catalog"].amqp_url.get_secret_value()) as (broker, through_proxy),
    ):
        changed = stack.settings["catalog"].model_copy(update={"amqp_url": SecretStr(through_proxy)})
        worker: web.Application = build_app(DECLARED["catalog"], changed, "worker")
        metrics: Metrics = worker[METRICS]
        async with serving(worker):
            await shows(metrics, lambda now: now.of("muster_relay_connected") == 1)
            await broker.refuse()
            await shows(metrics, lambda now: now.of("muster_relay_connected") == 0)
            course = await new_course(stack.client(organisation))
            assert course
            away = await shows(metrics, lambda now: (now.of("muster_outbox_oldest_seconds", lane="direct") or 0) > 0.1)
            assert away.of("muster_outbox_waiting", lane="direct") == 1
            assert away.of("muster_outbox_waiting", lane="bulk") == 0
            assert away.of("muster_metrics_sampled", sample="queue") == 0
            await broker.accept()
            back = await shows(metrics, lambda now: now.of("muster_outbox_waiting", lane="direct") == 0)
            assert back.of("muster_outbox_oldest_seconds", lane="direct") == 0
            assert back.of("muster_relay_connected") == 1
