"""Clearance: whether somebody may work, of one person, of 500, of a page of all, and the same at ten times the data;
and the compliance matrix."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial

from bench.bed import Bed, System
from bench.clearance_data import require
from bench.comparisons import one_by_one
from bench.load import Requests, wrk
from bench.results import Result, at_most, bounded
from bench.rounds import alternate

TIMES, GOAL = 10, 1.1
CONNECTIONS = 1
"""What is looked at is the answer's own time."""
NOTE = f"p99, wrk, {CONNECTIONS} connection; 50 requirements"
SAMPLES = 3
"""Of each round asked for."""
DIFFERENT, LISTS, ASKED, PER_PAGE = 400, 40, 500, 100
"""People, and lists of people; so few of these that all have been asked about before anything counts."""
PROJECT, *_ = PROJECTS = 7, 8, 9
MATRIX_MS = 1500
"""All people are counted there: it grows with them."""
_CLEARANCE = "/api/v1/training/clearance"
_MATRIX = "/api/v1/training/compliance/matrix"

Ask = Callable[[Bed, System], Requests]


def _of_one(bed: Bed, system: System) -> Requests:
    paths = [f"/api/v1/employees/{each}/clearance?project_id={PROJECT}" for each in _employees(system)]
    return Requests.written(bed, paths, system.internal_bearers("enrollment"))


def _employees(system: System) -> range:
    """The veterans are no staff."""
    return _spread(system.size.veterans, DIFFERENT)


def _spread(last: int, count: int) -> range:
    """So many numbers from 1 to the last."""
    return range(1, last + 1, max(1, last // count))[:count]


def _of_many(bed: Bed, system: System) -> Requests:
    bodies = [
        json.dumps({"employee_ids": [1 + (first + 7919 * place) % system.size.people for place in range(ASKED)],
                    "project_id": PROJECT})
        for first in _spread(system.size.people, LISTS)
    ]  # fmt: skip
    return Requests.posted(bed, _CLEARANCE, bodies, system.internal_bearers("enrollment")[0])


def _of_page(bed: Bed, system: System) -> Requests:
    last = min(10, system.size.people // PER_PAGE)
    paths = [f"{_CLEARANCE}?project_id={PROJECT}&per_page={PER_PAGE}&page={page}" for page in range(1, last + 1)]
    return Requests.written(bed, paths, system.internal_bearers("enrollment"))


def _of_step(bed: Bed, system: System) -> Requests:
    paths = [f"{_CLEARANCE}?project_id={each}&cleared=false&per_page={PER_PAGE}&cursor=" for each in PROJECTS]
    return Requests.written(bed, paths, system.internal_bearers("enrollment"))


def _of_matrix(bed: Bed, system: System) -> Requests:
    paths = [f"{_MATRIX}{by}" for by in ("", "?by=company", "?by=project", "?by=label")]
    return Requests.written(bed, paths, system.internal_bearers("enrollment"))


ASKS: Mapping[str, tuple[Ask, float]] = {
    "one person": (_of_one, 10),
    f"{ASKED} people": (_of_many, 50),
    f"a page of {PER_PAGE}": (_of_page, 50),
    f"{PER_PAGE} who are not cleared": (_of_step, 50),
}
"""What is asked, and in how many milliseconds it should be answered."""


async def results(bed: Bed) -> AsyncIterator[Result]:
    small, large = await bed.system(), await bed.system(bed.effort.scale * TIMES)
    for system in (small, large):
        await require(system.installed.databases["enrollment"].owner, system.size)
    comparisons = {name: partial(_compare, bed, small, large, name) for name in ASKS}
    async for result in one_by_one(bed, comparisons | {"matrix": partial(_matrix, bed, small)}):
        yield result


async def _compare(bed: Bed, small: System, large: System, name: str) -> list[Result]:
    ask, most = ASKS[name]
    before, after = await alternate(
        partial(_p99, bed, small, ask(bed, small)),
        partial(_p99, bed, large, ask(bed, large)),
        rounds=SAMPLES * bed.effort.rounds,
    )
    return [
        bounded(f"clearance: {name}", "ms", before, most, f"{NOTE}; {small.size.people:,} people"),
        at_most(f"growth: clearance, {name}", "ms", after, before, f"a {TIMES}th of the data", GOAL,
                f"{NOTE}; {large.size.people:,} people"),
    ]  # fmt: skip


async def _matrix(bed: Bed, small: System) -> list[Result]:
    [samples] = await alternate(partial(_p99, bed, small, _of_matrix(bed, small)), rounds=bed.effort.rounds)
    return [bounded("compliance matrix", "ms", samples, MATRIX_MS, f"{NOTE}; {small.size.people:,} people")]


async def _p99(bed: Bed, system: System, requests: Requests) -> float:
    return (await wrk(bed, system.url_of("enrollment"), requests, connections=CONNECTIONS)).p99
