"""Clearance: whether somebody may work, of one person, of 500, of a page of all, and the same at ten times the data."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial

import asyncpg

from bench.bed import Bed, System
from bench.comparisons import one_by_one
from bench.dataset import CONNECT_SECONDS, ORGANISATION, WRITING_SECONDS, today
from bench.load import Requests, wrk
from bench.results import Result, at_most, bounded
from bench.rounds import alternate
from bench.rows import HELD, PICK, REQUIREMENTS

TIMES, GOAL = 10, 1.1
CONNECTIONS = 1
"""What is looked at is the answer's own time."""
SAMPLES = 3
"""Of each round asked for."""
DIFFERENT, ASKED, PER_PAGE, PROJECT = 400, 500, 100, 7
_CLEARANCE = "/api/v1/training/clearance"

Ask = Callable[[Bed, System], Requests]


def _numbers(system: System) -> range:
    """People, spread evenly."""
    return range(1, system.size.people + 1, max(1, system.size.people // DIFFERENT))[:DIFFERENT]


def _of_one(bed: Bed, system: System) -> Requests:
    paths = [f"/api/v1/employees/{each}/clearance?project_id={PROJECT}" for each in _employees(system)]
    return Requests.written(bed, paths, system.internal_bearers("enrollment"))


def _employees(system: System) -> range:
    """The veterans are no staff."""
    return range(1, system.size.veterans + 1, max(1, system.size.veterans // DIFFERENT))[:DIFFERENT]


def _of_many(bed: Bed, system: System) -> Requests:
    bodies = [
        json.dumps({"employee_ids": [1 + (first + 7919 * place) % system.size.people for place in range(ASKED)],
                    "project_id": PROJECT})
        for first in _numbers(system)
    ]  # fmt: skip
    return Requests.posted(bed, _CLEARANCE, bodies, system.internal_bearers("enrollment")[0])


def _of_page(bed: Bed, system: System) -> Requests:
    last = min(10, system.size.people // PER_PAGE)
    paths = [f"{_CLEARANCE}?project_id={PROJECT}&per_page={PER_PAGE}&page={page}" for page in range(1, last + 1)]
    return Requests.written(bed, paths, system.internal_bearers("enrollment"))


ASKS: Mapping[str, tuple[Ask, float]] = {
    "one person": (_of_one, 10),
    f"{ASKED} people": (_of_many, 50),
    f"a page of {PER_PAGE}": (_of_page, 50),
}
"""What is asked, and in how many milliseconds it should be answered."""


async def results(bed: Bed) -> AsyncIterator[Result]:
    small, large = await bed.system(), await bed.system(bed.effort.scale * TIMES)
    for system in (small, large):
        await _require(system)
    async for result in one_by_one(bed, {name: partial(_compare, bed, small, large, name) for name in ASKS}):
        yield result


async def _require(system: System) -> None:
    """Written past the service, once the other comparisons are over."""
    connection = await asyncpg.connect(system.installed.databases["enrollment"].owner, timeout=CONNECT_SECONDS)
    try:
        await connection.execute(PICK)
        await connection.execute("SET search_path = public, pg_temp")
        named = HELD.replace("pick(", "pg_temp.pick(")
        await connection.execute(REQUIREMENTS, ORGANISATION, today())
        await connection.execute(named, ORGANISATION, today(), system.size.people, timeout=10 * WRITING_SECONDS)
        await connection.execute("VACUUM (ANALYZE) certifications", timeout=WRITING_SECONDS)
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


async def _compare(bed: Bed, small: System, large: System, name: str) -> list[Result]:
    ask, most = ASKS[name]

    async def p99(system: System, requests: Requests) -> float:
        return (await wrk(bed, system.url_of("enrollment"), requests, connections=CONNECTIONS)).p99

    little, much = ask(bed, small), ask(bed, large)
    before, after = await alternate(
        lambda: p99(small, little), lambda: p99(large, much), rounds=SAMPLES * bed.effort.rounds
    )
    note = f"p99, wrk, {CONNECTIONS} connection; 50 requirements"
    return [
        bounded(f"clearance: {name}", "ms", before, most, f"{note}; {small.size.people:,} people"),
        at_most(f"growth: clearance, {name}", "ms", after, before, f"a {TIMES}th of the data", GOAL,
                f"{note}; {large.size.people:,} people"),
    ]  # fmt: skip
