"""Memory: the resident size of each process after many requests, and whether it still grows."""

from collections.abc import AsyncIterator, Mapping

from bench.bed import Bed, System
from bench.load import Requests, wrk
from bench.results import Result, Samples, at_most, bounded

MEBIBYTES = 120.0
GROWTH = 1.05
"""From a tenth of the requests to all of them."""
CONNECTIONS = 32
SLICE_SECONDS = 10


async def results(bed: Bed) -> AsyncIterator[Result]:
    """Two for each process: its size at the end, and that against its size after a tenth of the requests."""
    system = await bed.system()
    requests = Requests.written(bed, _paths(system), system.client_bearers)
    asked = await _ask(bed, system, requests, bed.effort.requests // 10)
    early = _sizes(system)
    asked += await _ask(bed, system, requests, bed.effort.requests - asked)
    late = _sizes(system)
    note = f"{asked:,} requests through the gateway, to three services in turn"
    for name, size in late.items():
        after, before = Samples.of([size]), Samples.of([early[name]])
        yield bounded(f"memory of {name}", "MiB", after, MEBIBYTES, note)
        yield at_most(f"memory of {name}, growing", "MiB", after, before, "after a tenth", GROWTH, note)


def _paths(system: System) -> list[str]:
    training = "/api/v1/training"
    return [
        path
        for number in range(1, min(system.size.veterans, system.size.courses) + 1)
        for path in (
            f"{training}/courses/{number}",
            f"{training}/enrollments?session_id={number}",
            f"{training}/sessions?course_id={number}",
            f"/api/v1/employees/{number}/training?per_page=10",
        )
    ]


async def _ask(bed: Bed, system: System, requests: Requests, count: int) -> int:
    """At least so many requests; how many it were."""
    asked = 0
    while asked < count:
        load = await wrk(bed, system.gateway_url, requests, connections=CONNECTIONS, seconds=SLICE_SECONDS)
        asked += load.requests
        sizes = ", ".join(f"{name} {size:.1f}" for name, size in _sizes(system).items())
        bed.say(f"  {asked:,} of {count:,} requests; MiB: {sizes}")
    return asked


def _sizes(system: System) -> Mapping[str, float]:
    return {name: process.resident_mebibytes() for name, process in system.processes.items()}
