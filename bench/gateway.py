"""The gateway: requests a second against HAProxy with the same policies, and what it adds to a request's time.

HAProxy verifies each request's token anew, the gateway remembers those it has verified: so it matters how they are
signed. Measured are RS256, which most providers use, and HS256, which is the cheapest there is.
"""

from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path

import aiohttp

from bench.bed import Bed, System
from bench.dataset import ORGANISATION
from bench.errors import NotMeasured
from bench.haproxy import haproxy, upstream
from bench.load import Requests, wrk
from bench.open_loop import Latencies, open_loop
from bench.processes import Serving, python
from bench.results import Result, Samples, at_least, bounded
from bench.rounds import alternate
from bench.signing import Signing, key_pair, shared_secret
from bench.tokens import USERS, bearers, client_tokens
from stack.config.ports import reserve_port
from stack.paths import REPOSITORY

GOALS = {32: 0.60, 256: 0.75}
"""Connections → of HAProxy's requests a second."""
PATH = "/api/v1/training/courses?per_page=5"
"""Its answer has about 2 kB."""
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
    fast = await upstream(bed, await recorded(system))
    for signing in (key_pair(bed), shared_secret(system)):
        ours = await in_front(bed, system, fast, signing, f"gateway-{signing.algorithm}")
        peer = await haproxy(bed, fast, signing)
        await _require_refusal(ours.url)
        await _require_refusal(peer.url)
        requests = Requests.written(bed, [PATH], bearers(client_tokens(signing.sign, ORGANISATION)))
        for connections, goal in GOALS.items():
            yield await _compare(bed, requests, (ours, peer), signing, connections, goal)
        await ours.stop()
        await peer.stop()


async def _compare(
    bed: Bed, requests: Requests, both: tuple[Serving, Serving], signing: Signing, connections: int, goal: float
) -> Result:
    async def per_second(at: Serving) -> float:
        return (await wrk(bed, at.url, requests, connections=connections)).per_second

    mine, theirs = await alternate(*(partial(per_second, each) for each in both), rounds=bed.effort.rounds)
    name = f"gateway, {connections} connections, {signing.algorithm}"
    return at_least(name, "requests/s", mine, theirs, "HAProxy", goal, f"one process each, {USERS} users, wrk")


async def recorded(system: System) -> bytes:
    """What the catalog answers there."""
    headers = {"Authorization": system.internal_bearers("catalog")[0]}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(system.url_of("catalog") + PATH) as response:
        response.raise_for_status()
        return await response.read()


async def in_front(
    bed: Bed,
    system: System,
    upstream: Serving,
    signing: Signing,
    name: str,
    settings: Mapping[str, str] = {},
    directory: Path = REPOSITORY,
) -> Serving:
    """One more gateway, in front of the upstream; from the code in that directory."""
    port = reserve_port()
    urls = {f"{service}_URL": upstream.url for service in ("CATALOG", "ENROLLMENT", "HISTORY")}
    environment = {**system.installed.environments["gateway"], "PORT": str(port), **urls, **signing.gateway, **settings}
    return await bed.serve(name, python("gateway"), environment, port, directory)


async def _require_refusal(url: str) -> None:
    """A token that nobody signed gets nowhere: what is compared does check them."""
    headers = {"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(url + PATH) as response:
        if response.status != 401:
            raise NotMeasured(f"{url} answered {response.status} to a token that nobody signed")


async def _added_time(bed: Bed, system: System) -> list[Result]:
    """At a fixed rate: the gateway in front of the catalog, above the catalog alone in the same round."""
    through = Requests.written(bed, [PATH], system.client_bearers)
    straight = Requests.written(bed, [PATH], system.internal_bearers("catalog"))
    at_rate = partial(open_loop, bed.placement.load, rate=RATE, seconds=bed.effort.seconds)
    added: list[Latencies] = []
    for _ in range(bed.effort.rounds + 1):
        alone = await at_rate(system.url_of("catalog"), straight.file)
        both = await at_rate(system.gateway_url, through.file)
        added.append(Latencies(both.p50 - alone.p50, both.p99 - alone.p99))
    name, note = f"gateway at {RATE} requests/s", "above asking the service; own open-loop generator, warmed up"
    return [
        bounded(f"{name}: p50", "ms", Samples.of([each.p50 for each in added[1:]]), P50_MILLISECONDS, note),
        bounded(f"{name}: p99", "ms", Samples.of([each.p99 for each in added[1:]]), P99_MILLISECONDS, note),
    ]
