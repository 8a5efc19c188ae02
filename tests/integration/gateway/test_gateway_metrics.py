"""What the gateway counts, as Prometheus reads it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from gateway.upstream.upstream import FAILURES
from stack.config.ports import reserve_port
from tests.integration.gateway.edge import NOWHERE, Edge, OwnRedis, StartGateway, Upstream, new_token
from tests.support.eventually import eventually

COURSES, ENROLLMENTS = "/api/v1/training/courses", "/api/v1/training/enrollments"
CATALOG = {"upstream": "catalog"}
Labels = dict[str, str]


class Read:
    """The metrics of one gateway."""

    def __init__(self, edge: Edge, port: int) -> None:
        self.edge = edge
        self._port = port

    async def value(self, name: str, labels: Labels | None = None) -> float:
        """The sum of all with at least these labels."""
        async with self.edge.http.get(f"http://127.0.0.1:{self._port}/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        assert samples, name
        return sum(each.value for each in samples if (labels or {}).items() <= each.labels.items())


@pytest.fixture
def port() -> int:
    return reserve_port()


@pytest.fixture
async def read(start_gateway: StartGateway, port: int) -> Read:
    return Read(await start_gateway(metrics_port=port), port)


async def test_requests_are_counted_by_the_template_of_their_path(read: Read, token: str) -> None:
    client = read.edge.client(token)
    for path in (f"{COURSES}/7", f"{COURSES}/8", f"{COURSES}/a%41secret", f"{COURSES}/7/none", "/nowhere/secret"):
        await client.get(path)
    name = "http_server_request_duration_seconds_count"
    assert await read.value(name, {"route": f"{COURSES}/{{id}}", "method": "GET", "status": "200"}) == 3
    assert await read.value(name, {"route": f"{COURSES}/**"}) == 1
    assert await read.value(name, {"route": "other", "status": "404"}) == 1


@pytest.mark.parametrize(
    ("path", "template"),
    [
        (f"/calendars/{'a' * 43}.ics", "/calendars/{secret}.ics"),
        ("/verify/ABCDEFGH", "/verify/{code}"),
        ("/credentials/5/did.json", "/credentials/{id}/did.json"),
        ("/credentials/5/status/1", "/credentials/{id}/status/{list}"),
        ("/docs/errors", "/docs/errors"),
        ("/health/ready", "/health/ready"),
    ],
)
async def test_what_needs_no_token_has_templates_too(read: Read, path: str, template: str) -> None:
    await read.edge.client().get(path)
    assert await read.value("http_server_request_duration_seconds_count", {"route": template}) == 1


async def test_what_goes_on_to_a_service_is_timed(read: Read, token: str) -> None:
    for _ in range(3):
        await read.edge.client(token).get(COURSES)
    assert await read.value("muster_upstream_duration_seconds_count", CATALOG) == 3
    assert await read.value("muster_upstream_duration_seconds_count", {"upstream": "history"}) == 0
    assert await read.value("muster_redis_batch_size_sum") == 3
    assert await read.value("muster_redis_duration_seconds_count") == await read.value("muster_redis_batch_size_count")
    assert await read.value("muster_redis_available") == 1
    assert await read.value("muster_redis_failures_total") == 0


async def test_limits_count_whom_they_refuse(start_gateway: StartGateway, port: int, organisation: int) -> None:
    read = Read(await start_gateway(metrics_port=port, address_rate_limit=1, trusted_proxies=1), port)
    token = new_token(organisation, rate_limit=1)
    assert [(await read.edge.client(token).get(COURSES)).status for _ in range(3)] == [200, 429, 429]
    from_one_address = {"X-Forwarded-For": f"2001:db8:{organisation % 65536:x}::1"}
    statuses = []
    for _ in range(3):
        async with read.edge.http.get(f"{read.edge.url}{COURSES}", headers=from_one_address) as answer:
            statuses.append(answer.status)
    assert statuses == [401, 429, 429]
    assert await read.value("muster_rate_limited_total", {"kind": "user"}) == 2
    assert await read.value("muster_rate_limited_total", {"kind": "address"}) == 2


async def test_an_open_circuit_is_seen(start_gateway: StartGateway, port: int, token: str) -> None:
    read = Read(await start_gateway(metrics_port=port, catalog_url=NOWHERE), port)
    assert await read.value("muster_circuit_open") == 0
    for _ in range(FAILURES):
        assert (await read.edge.client(token).get(COURSES)).status == 503
    assert await read.value("muster_circuit_open", CATALOG) == await read.value("muster_circuit_open") == 1


@asynccontextmanager
async def held(upstream: Upstream) -> AsyncIterator[None]:
    """The service answers nothing until the end of the block."""
    released = asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.json_response({"data": []})

    upstream.answer = wait
    try:
        yield
    finally:
        released.set()


async def test_the_bulkhead_is_seen_filling_and_refusing(
    start_gateway: StartGateway, port: int, upstream: Upstream, token: str
) -> None:
    edge = await start_gateway(metrics_port=port, upstream_max_in_flight=2, upstream_max_waiting=16)
    read, client = Read(edge, port), edge.client(token)
    assert await read.value("muster_bulkhead_limit", CATALOG) == 2
    async with held(upstream), asyncio.TaskGroup() as group:
        asked = [group.create_task(client.get(COURSES)) for _ in range(20)]

        async def is_full() -> bool:
            in_flight = await read.value("muster_bulkhead_in_flight", CATALOG)
            waiting = await read.value("muster_bulkhead_waiting", CATALOG)
            return (in_flight, waiting) == (2, 15) and await read.value("muster_shed_total", CATALOG) == 3

        await eventually(is_full)
        assert await read.value("muster_bulkhead_waiting", {"upstream": "enrollment"}) == 0
        for task in asked[2:]:
            task.cancel()
    assert await read.value("muster_bulkhead_in_flight") == 0


async def test_redis_that_is_gone_is_seen(
    start_gateway: StartGateway, own_redis: OwnRedis, port: int, token: str
) -> None:
    read = Read(await start_gateway(metrics_port=port, redis_url=SecretStr(own_redis.url)), port)
    await own_redis.kill()
    assert (await read.edge.client(token).get(COURSES)).status == 200
    assert await read.value("muster_redis_available") == 0
    assert await read.value("muster_redis_failures_total") >= 1


async def checks(edge: Edge) -> dict[str, bool]:
    answer = await edge.client().get("/health/ready")
    assert answer.status == 200, answer.text
    found: dict[str, bool] = answer.json["checks"]
    return found


async def test_health_names_redis_and_each_service_and_needs_none(
    start_gateway: StartGateway, own_redis: OwnRedis, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.upstream.probe.KEPT_FOR", 0.0)
    edge = await start_gateway(redis_url=SecretStr(own_redis.url), history_url=NOWHERE)
    services = ("catalog", "enrollment", "accounts", "delivery")
    found = await checks(edge)
    assert {name: found[name] for name in (*services, "history", "redis")} == {
        **dict.fromkeys(services, True),
        "history": False,
        "redis": True,
    }
    upstream.live = False
    await own_redis.kill()
    found = await checks(edge)
    assert [found[name] for name in ("catalog", "enrollment", "delivery", "redis")] == [False] * 4
    assert found["accounts"]


async def test_however_often_its_health_is_asked_others_are_asked_once(
    start_gateway: StartGateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.upstream.probe.KEPT_FOR", 3600.0)
    edge = await start_gateway()
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(edge.client().get("/health/ready"))
    assert upstream.ready_looks == 4  # catalog, enrollment, history and delivery


async def test_a_frozen_service_holds_no_health_up_for_long(
    start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.upstream.probe.PROBE_TIMEOUT", aiohttp.ClientTimeout(total=0.05))
    silent = await asyncio.start_server(lambda *_: asyncio.sleep(0), "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        found = await checks(await start_gateway(history_url=f"http://127.0.0.1:{port}"))
    assert not found["history"]
