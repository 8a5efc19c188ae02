"""Fairness: what an organisation notices of another one that sends as many searches or requests as it can.

The other one has 200,000 courses, and its searches go through all of them. Ours asks for pages and documents at a fixed
rate; its 99th percentile beside the flood is held against that of the same minutes without one.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from bench.bed import Bed, System
from bench.comparisons import one_by_one
from bench.dataset import add_courses
from bench.load import Requests, flood
from bench.open_loop import Latencies, open_loop
from bench.results import Result, Samples, at_most, bounded
from bench.tokens import bearers, by_gateway, by_secret, client_tokens, internal_tokens

FLOODING = 2
"""The other organisation."""
COURSES_OF_THE_OTHER = 200_000
SEARCHES, REQUESTS = 60, 128
"""Connections of the other organisation, each of which asks again as soon as it is answered."""
RATE = 100
"""Requests a second of ours."""
GOAL = 2.0
_COURSES = "/api/v1/training/courses"
OURS = (f"{_COURSES}?per_page=15", f"{_COURSES}/1", "/api/v1/training/sessions?course_id=1", f"{_COURSES}/2")


@dataclass(frozen=True)
class Flood:
    """What the other organisation asks for, and over how many connections."""

    name: str
    paths: Sequence[str]
    connections: int


FLOODS = (
    Flood("searches", [f"{_COURSES}?search={letter}" for letter in "aeiou"], SEARCHES),
    Flood("requests", OURS, REQUESTS),
)


async def results(bed: Bed) -> AsyncIterator[Result]:
    system = await bed.system()
    await add_courses(system.installed.owner_urls["catalog"], FLOODING, COURSES_OF_THE_OTHER)
    internal = internal_tokens(by_gateway(system.installed.internal_keys), "catalog", FLOODING)
    through = (
        system.gateway_url,
        system.client_bearers,
        bearers(client_tokens(by_secret(system.installed.client_secret), FLOODING)),
    )
    straight = system.url_of("catalog"), system.internal_bearers("catalog"), bearers(internal)
    comparisons = {
        f"{each.name}, {where}": partial(_compare, bed, system, each, where, *at)
        for each in FLOODS
        for where, at in (("gateway", through), ("service", straight))
    }
    async for result in one_by_one(bed, comparisons):
        yield result


async def _compare(
    bed: Bed, system: System, each: Flood, where: str, url: str, ours: Sequence[str], theirs: Sequence[str]
) -> list[Result]:
    mine = Requests.written(bed, OURS, ours)
    others = Requests.written(bed, each.paths, theirs)
    seconds = bed.effort.seconds
    look = partial(open_loop, bed.placement.load, url, mine.file, rate=RATE, seconds=seconds, count_refusals=True)
    alone: list[Latencies] = []
    beside: list[Latencies] = []
    with system.on(bed.placement.all):
        for _ in range(bed.effort.rounds + 1):  # the first one warms up
            alone.append(await look())
            async with flood(bed, url, others, connections=each.connections, seconds=seconds + 2):
                beside.append(await look())
    name = f"one organisation floods {each.name}, at the {where}"
    note = f"{each.connections} connections; another's {RATE} requests/s"
    flooded, usual = (Samples.of([each.p99 for each in rounds[1:]]) for rounds in (beside, alone))
    refused = Samples.of([each.refused for each in beside[1:]])
    return [
        at_most(f"{name}: p99", "ms", flooded, usual, "without the flood", GOAL, note),
        bounded(f"{name}: refused", "requests", refused, 0, note),
    ]
