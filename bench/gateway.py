"""The gateway: requests a second against HAProxy with the same policies, and what it adds to a request's time.

Tokens are HS256, which both know and which is HAProxy's cheapest: it verifies each request's token anew.
"""

from collections.abc import AsyncIterator

import aiohttp

from bench.bed import Bed, System
from bench.errors import NotMeasured
from bench.haproxy import haproxy, upstream
from bench.load import Requests, wrk
from bench.open_loop import Latencies, open_loop
from bench.processes import Serving, new_port, python
from bench.results import Result, Samples, at_least, bounded
from bench.rounds import alternate

GOALS = {32: 0.60, 256: 0.75}
"""Connections → of HAProxy's requests a second."""
PATH = "/api/v1/training/courses?per_page=5"
"""Its answer has about 2 kB."""
IN_FLIGHT = 300
"""Of the gateway, at one service: more than there are connections, so that none waits long enough to be refused.
HAProxy refuses nobody either."""
RATE = 1000
P50_MILLISECONDS = 1.0
P99_MILLISECONDS = 10.0


async def results(bed: Bed) -> AsyncIterator[Result]:
    system = await bed.system()
    async for result in _throughput(bed, system):
        yield result
    for result in await _added_time(bed, system):
        yield result


async def _throughput(bed: Bed, system: System) -> AsyncIterator[Result]:
    """Both in front of one upstream that is far faster than they are."""
    fast = await upstream(bed, await _recorded(system))
    peer = await haproxy(bed, fast, system.installed.client_secret)
    ours = await _gateway(bed, system, fast)
    requests = Requests.written(bed, [PATH], system.client_bearers())
    await _require_refusal(ours.url)
    await _require_refusal(peer.url)
    for connections, goal in GOALS.items():

        async def per_second(url: str, connections: int = connections) -> float:
            return (await wrk(bed, url, requests, connections=connections)).per_second

        mine, theirs = await alternate(
            lambda: per_second(ours.url), lambda: per_second(peer.url), rounds=bed.effort.rounds
        )
        note = f"one process each, HS256, {len(system.client_bearers())} users, wrk"
        yield at_least(f"gateway, {connections} connections", "requests/s", mine, theirs, "HAProxy", goal, note)


async def _recorded(system: System) -> bytes:
    """What the catalog answers there."""
    headers = {"Authorization": system.internal_bearers()[0]}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(system.url_of("catalog") + PATH) as response:
        response.raise_for_status()
        return await response.read()


async def _gateway(bed: Bed, system: System, upstream: Serving) -> Serving:
    """One more, in front of the upstream."""
    port = new_port()
    urls = {f"{name}_URL": upstream.url for name in ("CATALOG", "ENROLLMENT", "HISTORY")}
    bounds = {"UPSTREAM_MAX_IN_FLIGHT": str(IN_FLIGHT)}
    environment = {**system.installed.environments["gateway"], "PORT": str(port), **urls, **bounds}
    return await bed.serve("gateway-alone", python("gateway"), environment, port)


async def _require_refusal(url: str) -> None:
    """A token that nobody signed gets nowhere: what is compared does check them."""
    headers = {"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(url + PATH) as response:
        if response.status != 401:
            raise NotMeasured(f"{url} answered {response.status} to a token that nobody signed")


async def _added_time(bed: Bed, system: System) -> list[Result]:
    """At a fixed rate: the gateway in front of the catalog, above the catalog alone in the same round."""
    through = Requests.written(bed, [PATH], system.client_bearers())
    straight = Requests.written(bed, [PATH], system.internal_bearers())
    added: list[Latencies] = []
    for _ in range(bed.effort.rounds + 1):
        alone = await open_loop(bed, system.url_of("catalog"), straight, rate=RATE)
        both = await open_loop(bed, system.gateway_url, through, rate=RATE)
        added.append(Latencies(both.p50 - alone.p50, both.p99 - alone.p99))
    name, note = f"gateway at {RATE} requests/s", "above asking the service; own open-loop generator, warmed up"
    return [
        bounded(f"{name}: p50", "ms", Samples.of([each.p50 for each in added[1:]]), P50_MILLISECONDS, note),
        bounded(f"{name}: p99", "ms", Samples.of([each.p99 for each in added[1:]]), P99_MILLISECONDS, note),
    ]
