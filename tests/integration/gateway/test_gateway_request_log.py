"""The gateway's line for a request that was slow or failed, and how it bounds them."""

import asyncio
import logging

import pytest
from aiohttp import web

from gateway.upstream.upstream import FAILURES
from shared.errors import Overloaded
from shared.http.server.request_log import LINES
from tests.integration.gateway.edge import NOWHERE, Edge, StartGateway, Upstream
from tests.support.eventually import eventually

COURSES = "/api/v1/training/courses"
FAILED, SLOW, LEFT_OUT = (
    "a request failed",
    "a request was slow",
    "requests that failed or were slow have no line",
)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def with_message(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, object]]:
    return [vars(record) for record in caplog.records if record.message == message]


async def test_a_request_that_failed_says_where_and_for_how_long(
    edge: Edge, upstream: Upstream, token: str, lines: pytest.LogCaptureFixture
) -> None:
    async def fail(_: web.Request) -> web.StreamResponse:
        return web.json_response({"code": "internal_error"}, status=500)

    upstream.answer = fail
    answer = await edge.client(token).get(f"{COURSES}/5?secret=x")
    [line] = with_message(lines, FAILED)
    expected = {"method": "GET", "route": f"{COURSES}/{{id}}", "status": 500, "code": "internal_error"}
    assert {name: line[name] for name in expected} == expected
    spent, seconds = line["spent"], line["seconds"]
    assert isinstance(spent, dict)
    assert isinstance(seconds, float)
    assert spent.keys() == {"admission", "upstream"}
    assert 0 < sum(spent.values()) <= seconds
    assert answer.status == 500


async def test_a_slow_request_says_where_its_time_went(
    start_gateway: StartGateway, upstream: Upstream, token: str, lines: pytest.LogCaptureFixture
) -> None:
    edge = await start_gateway(slow_request_seconds=0.05, upstream_max_in_flight=1)

    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.06)
        return web.json_response({"data": []})

    upstream.answer = slow
    await asyncio.gather(*(edge.client(token).get(COURSES) for _ in range(2)))
    found = [line["spent"] for line in with_message(lines, SLOW)]
    assert all(isinstance(spent, dict) and spent["upstream"] >= 0.05 for spent in found)
    assert sorted("turn" in spent for spent in found if isinstance(spent, dict)) == [False, True]
    assert with_message(lines, FAILED) == []


async def test_a_request_that_was_quick_and_good_has_no_line(
    edge: Edge, token: str, lines: pytest.LogCaptureFixture
) -> None:
    assert (await edge.client(token).get(COURSES)).status == 200
    assert (await edge.client(token).get("/nowhere")).status == 404
    assert with_message(lines, FAILED) + with_message(lines, SLOW) == []


async def test_a_flood_of_failures_is_counted(
    start_gateway: StartGateway, token: str, lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.http.server.request_log.WINDOW", 3600.0)
    edge = await start_gateway(catalog_url=NOWHERE)
    for _ in range(FAILURES + LINES + 3):
        assert (await edge.client(token).get(COURSES)).status == 503
    assert len(with_message(lines, FAILED)) == LINES


@pytest.mark.parametrize("path", ["/health/ready", "/health/live"])
async def test_health_has_no_line(start_gateway: StartGateway, lines: pytest.LogCaptureFixture, path: str) -> None:
    await (await start_gateway(accounts_url=NOWHERE)).client().get(path)
    assert with_message(lines, FAILED) == []


async def test_what_is_refused_at_once_for_lack_of_room_is_counted(
    start_gateway: StartGateway,
    upstream: Upstream,
    token: str,
    lines: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.http.server.request_log.WINDOW", 0.05)
    edge, released = await start_gateway(upstream_max_in_flight=1, upstream_max_waiting=0), asyncio.Event()

    async def held(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.json_response({"data": []})

    async def is_held() -> bool:
        return bool(upstream.received)

    upstream.answer = held
    async with asyncio.TaskGroup() as group:
        group.create_task(edge.client(token).get(COURSES))
        await eventually(is_held)

        async def is_counted() -> bool:
            await edge.client(token).get(COURSES)
            return any(line["codes"] == {Overloaded.code: line["count"]} for line in with_message(lines, LEFT_OUT))

        await eventually(is_counted)
        released.set()
    assert with_message(lines, FAILED) == []
