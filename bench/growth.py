"""Growth: the 99th percentile of every list and every filter, and enrolling, at ten times the data of the run's own."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from bench.bed import Bed, System
from bench.comparisons import one_by_one
from bench.dataset import Size, today
from bench.enrolling import enrolled
from bench.load import Requests, wrk
from bench.results import Result, at_least, at_most
from bench.rounds import alternate

TIMES = 10
GOAL = 1.3
CONNECTIONS = 8
"""Fewer than a service has connections to its database: what is looked at is the answer's own time."""
SECONDS, ROUNDS = 1, 2
"""Of a sample, and for each round asked for: a machine that does something else spoils one of many short ones."""
PATHS = 200
SESSIONS = 1000
"""Enrolled in, over which the load is spread."""

_TRAINING = "/api/v1/training"

Paths = Callable[[Size], Sequence[str]]


def _each(address: str, last: Callable[[Size], int]) -> Paths:
    """The address with numbers from 1 to `last` of the size, spread evenly, at most `PATHS` of them."""

    def paths(size: Size) -> list[str]:
        numbers = range(1, last(size) + 1, max(1, last(size) // PATHS))
        return [address.format(number) for number in numbers][:PATHS]

    return paths


def _these(address: str, *values: object) -> Paths:
    return lambda size: [address.format(value) for value in values or ("",)]


def _weeks(address: str) -> Paths:
    """Those of the last year."""

    def paths(size: Size) -> list[str]:
        starts = [today() - timedelta(days=7 * weeks) for weeks in range(1, 53)]
        return [address.format(start, start + timedelta(days=7)) for start in starts]

    return paths


def _years(address: str) -> Paths:
    return lambda size: [address.format(today().year - ago) for ago in (0, 1)]


_STATUSES = ("enrolled", "waitlisted", "completed", "failed", "absent", "cancelled")

LISTS: Mapping[str, tuple[str, Paths]] = {
    "courses": ("catalog", _these(f"{_TRAINING}/courses")),
    "courses by category": ("catalog", _these(_TRAINING + "/courses?category={}", "safety", "technical")),
    "courses by mode": ("catalog", _these(_TRAINING + "/courses?delivery_mode={}", "online", "in_person")),
    "courses by text": ("catalog", _these(_TRAINING + "/courses?search={}", "leader", "First", "000012")),
    "sessions": ("catalog", _these(f"{_TRAINING}/sessions")),
    "sessions of a course": ("catalog", _each(_TRAINING + "/sessions?course_id={}", lambda size: size.courses)),
    "sessions by status": ("catalog", _these(_TRAINING + "/sessions?status={}", "scheduled", "completed", "cancelled")),
    "sessions of a week": ("catalog", _weeks(_TRAINING + "/sessions?date_from={:%Y-%m-%d}&date_to={:%Y-%m-%d}")),
    "enrollments": ("enrollment", _these(f"{_TRAINING}/enrollments")),
    "enrollments of a person": (
        "enrollment",
        _each(_TRAINING + "/enrollments?employee_id={}", lambda size: size.people),
    ),
    "enrollments of a session": (
        "enrollment",
        _each(_TRAINING + "/enrollments?session_id={}", lambda size: size.sessions),
    ),
    "enrollments of a course": (
        "enrollment",
        _each(_TRAINING + "/enrollments?course_id={}", lambda size: size.courses),
    ),
    "enrollments by status": ("enrollment", _these(_TRAINING + "/enrollments?status={}", *_STATUSES)),
    "enrollments of a course, completed": (
        "enrollment",
        _each(_TRAINING + "/enrollments?status=completed&course_id={}", lambda size: size.courses),
    ),
    "enrollments of a year": ("enrollment", _years(_TRAINING + "/enrollments?year={}")),
    "employees": ("enrollment", _these("/api/v1/employees")),
    "employees of a company": ("enrollment", _each("/api/v1/employees?company_id={}", lambda size: 40)),
    "employees by text": ("enrollment", _these("/api/v1/employees?search={}", "Rossi", "EMP-0000012", "Grace%20Khan")),
    "staff": ("enrollment", _these("/api/v1/staff")),
    "compliance of a course": ("enrollment", _each(_TRAINING + "/compliance?course_id={}", lambda size: size.courses)),
    "compliance of a course, valid": (
        "enrollment",
        _each(_TRAINING + "/compliance?status=valid&course_id={}", lambda size: size.courses),
    ),
    "compliance of a course, expiring": (
        "enrollment",
        _each(_TRAINING + "/compliance?status=expiring&course_id={}", lambda size: size.courses),
    ),
    "compliance of a course, missing": (
        "enrollment",
        _each(_TRAINING + "/compliance?status=missing&course_id={}", lambda size: size.courses),
    ),
    "history": ("history", _each("/api/v1/employees/{}/training", lambda size: size.veterans)),
    "history, online": ("history", _each("/api/v1/employees/{}/training?type=online", lambda size: size.veterans)),
    "history, completed": (
        "history",
        _each("/api/v1/employees/{}/training?status=completed", lambda size: size.veterans),
    ),
    "history, one project": (
        "history",
        _each("/api/v1/employees/{}/training?project_id=7", lambda size: size.veterans),
    ),
    "history, one label": ("history", _each("/api/v1/employees/{}/training?label_id=7", lambda size: size.veterans)),
}
"""What is asked for → the service that answers, and the paths."""


async def results(bed: Bed) -> AsyncIterator[Result]:
    small, large = await bed.system(), await bed.system(bed.effort.scale * TIMES)
    lists = {name: partial(_compare, bed, small, large, name) for name in LISTS}
    async for result in one_by_one(bed, lists | {"enrolling": partial(_enrolling, bed, small, large)}):
        yield result


async def _enrolling(bed: Bed, small: System, large: System) -> list[Result]:
    with small.on(bed.placement.all), large.on(bed.placement.all):
        after, before = await alternate(
            lambda: enrolled(bed, large, SESSIONS), lambda: enrolled(bed, small, SESSIONS), rounds=bed.effort.rounds
        )
    note = f"over {SESSIONS} sessions; {large.size.enrollments:,} enrollments"
    return [at_least("growth: enrolling", "enrollments/s", after, before, f"a {TIMES}th of the data", 1 / GOAL, note)]


async def _compare(bed: Bed, small: System, large: System, name: str) -> list[Result]:
    service, paths = LISTS[name]

    async def p99(system: System, requests: Requests) -> float:
        load = await wrk(bed, system.url_of(service), requests, connections=CONNECTIONS, seconds=SECONDS)
        return load.p99

    little, much = [Requests.written(bed, paths(each.size), each.internal_bearers(service)) for each in (small, large)]
    before, after = await alternate(
        lambda: p99(small, little), lambda: p99(large, much), rounds=ROUNDS * bed.effort.rounds
    )
    note = f"p99, wrk, {CONNECTIONS} connections; {large.size.enrollments:,} enrollments"
    return [at_most(f"growth: {name}", "ms", after, before, f"a {TIMES}th of the data", GOAL, note)]
