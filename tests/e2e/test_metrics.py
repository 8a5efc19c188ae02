"""What happens in a running system is seen in the metrics of its processes."""

import time
from collections.abc import AsyncIterator

import aio_pika
import pytest
from aiohttp import web
from pydantic import SecretStr

from shared.metrics.registry import METRICS, Metrics
from shared.postgres.pool import connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import build_app, service_queue
from tests.support.client import Client
from tests.support.databases import amqp_url
from tests.support.importing import imported, people, people_file
from tests.support.metrics import Reading, read, shows
from tests.support.proxy import proxy_for
from tests.support.services import DECLARED
from tests.support.stack import RECEIVER_PORT, Stack, running_stack, serving
from tests.support.world import (
    ENROLLMENTS,
    SESSIONS,
    WEBHOOKS,
    ask_to_enroll,
    enroll,
    new_course,
    new_employee,
    new_session,
)


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


async def test_seats_and_refusals_are_counted_by_code(watched: Stack, admin: Client) -> None:
    course = await new_course(admin)
    session = await new_session(admin, course, max_participants=1)
    first, second, third = [await new_employee(admin) for _ in range(3)]
    before = await read(watched.metrics["enrollment"])
    await enroll(admin, session, first)
    waiting = {"session_id": session, "employee_ids": [second], "waitlist": True}
    assert (await admin.post(ENROLLMENTS, waiting)).status == 201
    for refused in ([third], [first], [2**40]):
        assert (await ask_to_enroll(admin, session, *refused)).status == 422
    assert (await admin.patch(f"{ENROLLMENTS}/{2**40}/cancel")).status == 404
    after = await read(watched.metrics["enrollment"])

    def more(name: str, **labels: str) -> float:
        return after.total(name, **labels) - before.total(name, **labels)

    for outcome in ("taken", "waitlisted", "session_full", "already_enrolled", "validation_failed"):
        assert more("muster_seat_decisions_total", outcome=outcome) == 1, outcome
    assert more("muster_seat_batch_size_count") == 5
    for code in ("session_full", "already_enrolled", "validation_failed"):
        assert more("muster_refusals_total", code=code, route=ENROLLMENTS) == 1, code
    assert more("muster_refusals_total", code="not_found", route=f"{ENROLLMENTS}/{{id}}/cancel") == 1
    assert more("http_server_request_duration_seconds_count", method="POST", route=ENROLLMENTS, status="422") == 3


async def test_what_is_sent_to_webhooks_is_counted_by_outcome(watched: Stack, admin: Client) -> None:
    delivery = watched.metrics["delivery"]
    before = await read(delivery)
    statuses = iter((200, 500))

    async def receive(_: web.Request) -> web.Response:
        return web.Response(status=next(statuses, 200))

    app = web.Application()
    app.router.add_post("/", receive)
    async with serving(app, RECEIVER_PORT):
        url = f"http://localhost:{RECEIVER_PORT}/"
        webhook = (await admin.post(WEBHOOKS, {"url": url, "types": ["training.course.saved.v1"]})).data["id"]
        for outcome in ("delivered", "failed"):
            await admin.post(f"{WEBHOOKS}/{webhook}/test", None)

            def is_counted(now: Reading, outcome: str = outcome) -> bool:
                name = "muster_webhook_attempts_total"
                return now.total(name, outcome=outcome) == before.total(name, outcome=outcome) + 1

            after = await shows(delivery, is_counted)
    assert (
        after.total("muster_webhook_duration_seconds_count")
        == before.total("muster_webhook_duration_seconds_count") + 2
    )
    await shows(delivery, lambda now: now.of("muster_webhooks_waiting") == 1)  # the one that failed is tried again
    await admin.delete(f"{WEBHOOKS}/{webhook}")
    rest = await shows(delivery, lambda now: now.of("muster_webhooks_waiting") == 0)
    assert rest.of("muster_webhook_oldest_seconds") == 0


async def test_events_are_counted_in_the_feed_and_nothing_holds_it_back(watched: Stack, admin: Client) -> None:
    delivery = watched.metrics["delivery"]
    before = await read(delivery)
    await new_course(admin)
    name = "muster_feed_events_total"
    await shows(delivery, lambda now: (now.of(name) or 0) > (before.of(name) or 0))
    await shows(delivery, lambda now: now.of("muster_feed_horizon_seconds") == 0)


async def test_a_transaction_that_holds_back_the_feed_is_seen(watched: Stack) -> None:
    delivery = watched.metrics["delivery"]
    async with (
        connection_pool(watched.database_urls["delivery"], name="test", size=1) as pool,
        transaction(pool, EVERY_ORGANISATION) as connection,
    ):
        await connection.fetchval("SELECT pg_current_xact_id()")
        await shows(delivery, lambda now: (now.of("muster_feed_horizon_seconds") or 0) > 0)
    await shows(delivery, lambda now: now.of("muster_feed_horizon_seconds") == 0)


async def test_an_import_is_counted_by_line(watched: Stack, admin: Client) -> None:
    before = await read(watched.metrics["enrollment"])
    file = people_file(*people(range(1, 4)), ("", "E-9", "Nobody"))
    job = await imported(admin, file)
    assert (job["created"], job["refused"]) == (3, 1)
    after = await read(watched.metrics["enrollment"])
    for outcome, lines in (("created", 3), ("refused", 1), ("changed", 0)):
        labels = {"kind": "people", "outcome": outcome}
        name = "muster_import_lines_total"
        assert after.total(name, **labels) - before.total(name, **labels) == lines, outcome
    assert after.of("muster_imports", kind="people", status="running") == 0
    assert after.of("muster_imports", kind="completions", status="waiting") == 0
    assert (await read(watched.metrics["catalog"])).of("muster_imports", kind="sessions", status="waiting") == 0


async def test_who_follows_seats_is_counted_while_they_do(watched: Stack, admin: Client) -> None:
    session = await new_session(admin, await new_course(admin))
    metrics = watched.metrics["enrollment"]
    async with watched.http.get(
        f"{watched.gateway_url}{SESSIONS}/{session}/live", headers={"Authorization": f"Bearer {admin.token}"}
    ) as stream:
        await stream.content.readuntil(b"\n\n")
        now = await shows(metrics, lambda now: now.of("muster_live_followers") == 1)
        assert (now.of("muster_streams_open") or 0) >= 1
        gateway = await read(watched.metrics["gateway"])
        assert (gateway.of("muster_streams_open") or 0) >= 1
    await shows(metrics, lambda now: now.of("muster_live_followers") == 0)


async def test_what_a_process_does_by_itself_is_seen(watched: Stack) -> None:
    began = time.time()
    tasks = {
        "accounts": {"expired_rows", "sign_ins"},
        "catalog": {"expired_rows", "imports"},
        "enrollment": {"expired_rows", "imports"},
        "delivery": {"expired_rows", "feed_days", "feed_event_ids", "webhook_messages"},
        "history": set(),
    }
    for name, expected in tasks.items():
        now = await read(watched.metrics[name])
        last_runs = {
            dict(labels)["task"]: value
            for (each, labels), value in now.values.items()
            if each == "muster_housekeeping_last_run_seconds"
        }
        assert last_runs.keys() == expected, name
        assert all(began - 600 < value <= time.time() for value in last_runs.values()), name
        in_flight, limit = now.of("muster_requests_in_flight"), now.of("muster_requests_in_flight_limit")
        assert in_flight is not None
        assert limit == watched.settings[name].max_in_flight
        assert now.total("muster_metrics_sampled") == len(now.labels("muster_metrics_sampled")), name
    await shows(watched.metrics["enrollment"], lambda now: now.of("muster_standings_waiting") == 0)
