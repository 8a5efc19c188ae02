"""What it costs to be seen: the gateway, and enrolling, with metrics that are read and traces, against neither.

Both run from the same code on the same installation, in turn: its processes are started anew for each sample of
enrolling. What is counted is counted either way; a figure of its own says what that takes, and `BENCH_BEFORE`, the
directory of an earlier checkout, has the gateway of that one stand for neither.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path

import aiohttp

from bench.bed import Bed, System
from bench.comparisons import one_by_one
from bench.dataset import ORGANISATION
from bench.enrolling import CLIENTS, FASTEST, enrolled
from bench.errors import NotMeasured
from bench.gateway import PATH, in_front, recorded
from bench.haproxy import upstream
from bench.installation import serving
from bench.load import Requests, wrk
from bench.processes import PROBE, serve
from bench.results import Result, Samples, at_least, bounded
from bench.rounds import alternate
from bench.signing import key_pair
from bench.tokens import bearers, client_tokens
from shared.metrics.requests import RequestDurations
from stack.config.ports import reserve_port
from stack.paths import REPOSITORY

GOAL = 0.97
SAMPLE_RATIO = 0.01
SCRAPE_SECONDS = 5.0
CONNECTIONS = 32
ROUNDS = 2
"""For each round asked for: a difference of three in a hundred needs many."""
COUNTED, COUNTING_MICROSECONDS = 100_000, 2.0
NEITHER: Mapping[str, str] = {"TRACE_SAMPLE_RATIO": "0"}
BEFORE = "BENCH_BEFORE"


@dataclass(frozen=True)
class Seen:
    """A process with metrics and traces."""

    settings: Mapping[str, str]
    metrics_url: str
    spans: Path

    @classmethod
    def of(cls, bed: Bed, name: str) -> "Seen":
        port, spans = reserve_port(), bed.servers.layout.data / f"spans-{name}.jsonl"
        settings = {"METRICS_PORT": str(port), "TRACE_FILE": str(spans), "TRACE_SAMPLE_RATIO": str(SAMPLE_RATIO)}
        return cls(settings, f"http://127.0.0.1:{port}/metrics", spans)


async def results(bed: Bed) -> AsyncIterator[Result]:
    system = await bed.system()
    comparisons = {
        "counting a request": partial(_counting, bed),
        "the gateway, seen": partial(_gateway, bed, system),
        "enrolling, seen": partial(_enrolling, bed, system),
    }
    async for result in one_by_one(bed, comparisons):
        yield result


async def _counting(bed: Bed) -> list[Result]:
    durations = RequestDurations()
    samples = [await asyncio.to_thread(_microseconds, durations) for _ in range(bed.effort.rounds)]
    note = f"one more in the histogram of requests, {COUNTED:,} times"
    return [bounded("counting a request", "µs", Samples.of(samples), COUNTING_MICROSECONDS, note)]


def _microseconds(durations: RequestDurations) -> float:
    observe = durations.observe
    began = time.thread_time()  # of the processor, which others use too
    for _ in range(COUNTED):
        observe("/api/v1/training/courses", "GET", 200, 0.003)
    return (time.thread_time() - began) / COUNTED * 1_000_000


async def _gateway(bed: Bed, system: System) -> list[Result]:
    """Both in front of one upstream that is far faster than they are."""
    fast, signing = await upstream(bed, await recorded(system)), key_pair(bed)
    before = os.environ.get(BEFORE)
    start = partial(in_front, bed, system, fast, signing)
    seen = Seen.of(bed, "gateway-alone")
    with_both = await start("gateway-seen", seen.settings)
    with_neither = await start("gateway-unseen", NEITHER, Path(before) if before else REPOSITORY)
    requests = Requests.written(bed, [PATH], bearers(client_tokens(signing.sign, ORGANISATION)))

    async def per_second(url: str) -> float:
        return (await wrk(bed, url, requests, connections=CONNECTIONS)).per_second

    async with _scraped([seen]):
        measures = (partial(per_second, each.url) for each in (with_both, with_neither))
        mine, theirs = await alternate(*measures, rounds=ROUNDS * bed.effort.rounds)
    require_spans([seen])
    await with_both.stop()
    await with_neither.stop()
    note = f"{CONNECTIONS} connections, {signing.algorithm}; {_note()}"
    peer = "the commit before" if before else "neither"
    return [at_least("gateway, with metrics and traces", "requests/s", mine, theirs, peer, GOAL, note)]


async def _enrolling(bed: Bed, system: System) -> list[Result]:
    sessions = ceil(FASTEST * bed.effort.seconds / system.size.people)
    seen = {name: Seen.of(bed, name) for name in system.processes}

    async def with_both() -> float:
        await _start_anew(bed, system, bed.placement.all, {name: each.settings for name, each in seen.items()})
        async with _scraped([*seen.values()]):
            return await _warm(bed, system, sessions)

    async def with_neither() -> float:
        await _start_anew(bed, system, bed.placement.all, dict.fromkeys(seen, NEITHER))
        return await _warm(bed, system, sessions)

    try:
        mine, theirs = await alternate(with_both, with_neither, rounds=ROUNDS * bed.effort.rounds)
    finally:
        await _start_anew(bed, system, bed.placement.measured, {})
    require_spans([seen["gateway"], seen["enrollment"]])
    note = f"wrk, {CLIENTS} connections, one enrollment a request, {sessions} sessions; {_note()}"
    return [at_least("enrolling, with metrics and traces", "enrollments/s", mine, theirs, "neither", GOAL, note)]


def _note() -> str:
    return f"metrics read every {SCRAPE_SECONDS:g} s, {SAMPLE_RATIO:.0%} of the traces written"


async def _warm(bed: Bed, system: System, sessions: int) -> float:
    await enrolled(bed, system, sessions)
    return await enrolled(bed, system, sessions)


async def _start_anew(
    bed: Bed, system: System, cores: Sequence[int], settings: Mapping[str, Mapping[str, str]]
) -> None:
    """Its processes with these settings beside their usual ones, where they were before."""
    installed = system.installed
    await asyncio.gather(*(process.stop() for process in system.processes.values()))
    await asyncio.gather(
        *(
            serve(
                bed.servers.layout,
                f"{name}-{installed.number}",
                serving(name),
                cores,
                installed.ports[name],
                {**environment, **settings.get(name, {})},
            )
            for name, environment in installed.environments.items()
        )
    )


@asynccontextmanager
async def _scraped(each: Sequence[Seen]) -> AsyncIterator[None]:
    """Reads all metrics every few seconds while the block runs; NotMeasured when one could not be read."""
    async with aiohttp.ClientSession(timeout=PROBE, trust_env=False) as http:
        await _scrape(http, each)
        scraping = asyncio.create_task(_scrape_on(http, each))
        try:
            yield
        finally:
            if not scraping.done():
                scraping.cancel()
            await asyncio.wait([scraping])
        if not scraping.cancelled():
            scraping.result()


async def _scrape_on(http: aiohttp.ClientSession, each: Sequence[Seen]) -> None:
    while True:
        await asyncio.sleep(SCRAPE_SECONDS)
        await _scrape(http, each)


async def _scrape(http: aiohttp.ClientSession, each: Sequence[Seen]) -> None:
    await asyncio.gather(*(_read(http, one.metrics_url) for one in each))


async def _read(http: aiohttp.ClientSession, url: str) -> None:
    try:
        async with http.get(url) as response:
            if response.status != 200 or not await response.read():
                raise NotMeasured(f"{url} answered {response.status}")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise NotMeasured(f"the metrics at {url} could not be read: {error!r}") from None


def require_spans(each: Sequence[Seen]) -> None:
    for one in each:
        if not one.spans.exists() or not one.spans.stat().st_size:
            raise NotMeasured(f"no trace was written to {one.spans}: it was not measured with them")
