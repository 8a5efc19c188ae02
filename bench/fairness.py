"""Fairness: what an organisation notices of another one that sends as many searches or requests as it can.

The other one has 200,000 courses, and its searches go through all of them. Ours asks for pages and documents at a fixed
rate; its 99th percentile beside the flood is held against that of the same minutes without one. A flood of requests at
another installation, with a gateway, services and databases of its own, shows what the shared processors alone cost.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
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
ELSEWHERE_SCALE = 0.01
"""Of the other installation's data set: what is asked for there is found in it all the same."""
GOAL = 2.0
_COURSES = "/api/v1/training/courses"
OURS = (f"{_COURSES}?per_page=15", f"{_COURSES}/1", "/api/v1/training/sessions?course_id=1", f"{_COURSES}/2")


@dataclass(frozen=True)
class Flood:
    """What the other organisation asks for, and over how many connections."""

    name: str
    paths: Sequence[str]
    connections: int


FLOOD_OF_SEARCHES = Flood("searches", [f"{_COURSES}?search={letter}" for letter in "aeiou"], SEARCHES)
FLOOD_OF_REQUESTS = Flood("requests", OURS, REQUESTS)


@dataclass(frozen=True)
class Clients:
    """Where an organisation asks, and the values of `Authorization` with which it does."""

    url: str
    bearers: Sequence[str]


async def results(bed: Bed) -> AsyncIterator[Result]:
    system, elsewhere = await bed.system(), await bed.system(ELSEWHERE_SCALE)
    await add_courses(system.installed.owner_urls["catalog"], FLOODING, COURSES_OF_THE_OTHER)
    internal = internal_tokens(by_gateway(system.installed.internal_keys), "catalog", FLOODING)
    gateway = Clients(system.gateway_url, system.client_bearers), _flooding_clients(system)
    service = (
        Clients(system.url_of("catalog"), system.internal_bearers("catalog")),
        Clients(system.url_of("catalog"), bearers(internal)),
    )
    another = gateway[0], Clients(elsewhere.gateway_url, elsewhere.client_bearers)
    compare = partial(_compare, bed, (system, elsewhere))
    comparisons = {
        f"{each.name}, {where}": partial(compare, each, where, *at)
        for each, where, at in (
            (FLOOD_OF_SEARCHES, "the gateway", gateway),
            (FLOOD_OF_SEARCHES, "the service", service),
            (FLOOD_OF_REQUESTS, "the gateway", gateway),
            (FLOOD_OF_REQUESTS, "another installation", another),
            (FLOOD_OF_REQUESTS, "the service", service),
        )
    }
    async for result in one_by_one(bed, comparisons):
        yield result


def _flooding_clients(system: System) -> Clients:
    tokens = client_tokens(by_secret(system.installed.client_secret), FLOODING)
    return Clients(system.gateway_url, bearers(tokens))


async def _compare(
    bed: Bed, systems: Sequence[System], each: Flood, where: str, ours: Clients, theirs: Clients
) -> list[Result]:
    mine = Requests.written(bed, OURS, ours.bearers)
    others = Requests.written(bed, each.paths, theirs.bearers)
    seconds = bed.effort.seconds
    look = partial(open_loop, bed.placement.load, ours.url, mine.file, rate=RATE, seconds=seconds, count_refusals=True)
    alone: list[Latencies] = []
    beside: list[Latencies] = []
    with ExitStack() as placed:
        for system in systems:
            placed.enter_context(system.on(bed.placement.all))
        for _ in range(bed.effort.rounds + 1):  # the first one warms up
            alone.append(await look())
            async with flood(bed, theirs.url, others, connections=each.connections, seconds=seconds + 2):
                beside.append(await look())
    name = f"one organisation floods {each.name}, at {where}"
    note = f"{each.connections} connections; another's {RATE} requests/s"
    flooded, usual = (Samples.of([each.p99 for each in rounds[1:]]) for rounds in (beside, alone))
    refused = Samples.of([each.refused for each in beside[1:]])
    return [
        at_most(f"{name}: p99", "ms", flooded, usual, "without the flood", GOAL, note),
        bounded(f"{name}: refused", "requests", refused, 0, note),
    ]
