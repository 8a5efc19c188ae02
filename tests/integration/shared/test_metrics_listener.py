"""The metrics of a process are read at an address of their own."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from shared.http.server.app import create_app, publish_metrics
from shared.http.server.listener import listening
from shared.metrics.registry import METRICS
from stack.config.ports import reserve_port


@pytest.fixture
async def answered() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:
        yield session


async def test_they_are_read_beside_what_clients_reach(answered: aiohttp.ClientSession) -> None:
    app, port_of_metrics = create_app(), reserve_port()
    publish_metrics(app, "catalog", "127.0.0.1", port_of_metrics)
    async with listening(app, "127.0.0.1", 0, shutdown_timeout=1) as (host, port):
        async with answered.get(f"http://{host}:{port}/metrics") as refused:
            assert refused.status == 404
        async with answered.get(f"http://127.0.0.1:{port_of_metrics}/metrics") as read:
            text = await read.text()
    assert read.status == 200
    assert 'muster_build_info{process="catalog"' in text
    assert 'http_server_request_duration_seconds_count{method="GET",route="other",status="404"} 1.0' in text


async def test_what_cannot_be_asked_for_is_named_and_the_rest_is_there() -> None:
    metrics = create_app()[METRICS]

    async def fails() -> None:
        raise OSError

    async def works() -> None:
        pass

    metrics.sample("outbox", fails)
    metrics.sample("queue", works)
    text = (await metrics.exposition()).decode()
    assert 'muster_metrics_sampled{sample="outbox"} 0.0' in text
    assert 'muster_metrics_sampled{sample="queue"} 1.0' in text
