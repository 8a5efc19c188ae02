"""Lists: requests a second of a service, against FastAPI with SQLAlchemy, and against pgbench with the same SQL."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from bench.bed import Bed, System
from bench.comparisons import one_by_one
from bench.dataset import ORGANISATION, Size
from bench.load import Requests, wrk
from bench.mainstream import DIFFERENCES, NAME, mainstream, require_same
from bench.pgbench import pgbench, script, statement_of, written
from bench.processes import Serving
from bench.results import Result, Samples, at_least
from bench.rounds import alternate
from services.catalog.schemas import CourseQuery, SessionQuery
from services.catalog.store import pages as catalog
from services.enrollment.schemas import EnrollmentQuery
from services.enrollment.store import pages as enrollment
from services.history.schemas import EmployeeHistoryQuery
from services.history.store import pages as history
from shared.http.pagination import PagedQuery

CONNECTIONS = 32
AGAINST_FASTAPI = 8.0
AGAINST_PGBENCH = 0.18
PATHS = 400
"""Different ones of each list."""
COMPARED = 20
"""Answers that are held against the peer's before anything is measured."""
PGBENCH = "pgbench -M prepared -c 10 -j 1"


Q = TypeVar("Q", bound=PagedQuery)


@dataclass(frozen=True)
class List:
    """What is asked for; `read` is the store's function for a first one of them, `drawn` which of its SQL's
    parameters differ from request to request, and between which bounds."""

    name: str
    service: str
    paths: Callable[[Size], Sequence[str]]
    read: Callable[[Any], Awaitable[Any]]
    drawn: Callable[[Size], dict[int, tuple[int, int]]]


def _spread(last: int) -> list[int]:
    """Numbers from 1 to `last`, at most `PATHS` of them."""
    return list(range(1, last + 1, max(1, last // PATHS)))[:PATHS]


def _query(model: type[Q], **asked: str) -> Q:
    """As it comes in an address."""
    return model.model_validate(asked)


LISTS = (
    List(
        "course list",
        "catalog",
        lambda size: [f"/api/v1/training/courses?page={page}" for page in _spread(min(10, size.courses // 15))],
        lambda connection: catalog.course_page(ORGANISATION, CourseQuery()).alone(connection),
        lambda size: {},
    ),
    List(
        "session list of a course",
        "catalog",
        lambda size: [f"/api/v1/training/sessions?course_id={course}" for course in _spread(size.courses)],
        lambda connection: catalog.session_page(ORGANISATION, SessionQuery.model_validate({"course_id": "1"})).alone(
            connection
        ),
        lambda size: {2: (1, size.courses)},
    ),
    List(
        "enrollment list of a session",
        "enrollment",
        lambda size: [f"/api/v1/training/enrollments?session_id={session}" for session in _spread(size.sessions)],
        lambda connection: enrollment.enrollment_page(
            ORGANISATION, EnrollmentQuery.model_validate({"session_id": "1"})
        ).alone(connection),
        lambda size: {2: (1, size.sessions)},
    ),
    List(
        "history of 50 records",
        "history",
        lambda size: [f"/api/v1/employees/{person}/training" for person in _veterans(size)],
        lambda connection: history.history_page(ORGANISATION, 1, "employee", EmployeeHistoryQuery(), None).alone(
            connection
        ),
        lambda size: {2: (1, size.veterans)},
    ),
)


def _veterans(size: Size) -> list[int]:
    return list(range(1, size.veterans + 1))[:PATHS]


async def results(bed: Bed) -> AsyncIterator[Result]:
    """Two for each list: against FastAPI, and against pgbench."""
    system = await bed.system()
    peer = await mainstream(bed, system)
    async for result in one_by_one(bed, {each.name: partial(_compare, bed, system, peer, each) for each in LISTS}):
        yield result


async def _compare(bed: Bed, system: System, peer: Serving, each: List) -> list[Result]:
    url, tokens, peer_tokens = system.url_of(each.service), system.internal_bearers(each.service), system.peer_bearers()
    paths = each.paths(system.size)
    await require_same((url, tokens[0]), (peer.url, peer_tokens[0]), paths[:: max(1, len(paths) // COMPARED)])
    requests, of_peer = Requests.written(bed, paths, tokens), Requests.written(bed, paths, peer_tokens)
    sql = written(bed, script(await statement_of(each.read), each.drawn(system.size)))

    async def per_second(at: str, requests: Requests) -> float:
        return (await wrk(bed, at, requests, connections=CONNECTIONS)).per_second

    ours, fastapi, alone = await alternate(
        lambda: per_second(url, requests),
        lambda: per_second(peer.url, of_peer),
        lambda: pgbench(bed, system.installed.databases[each.service].service, [sql]),
        rounds=bed.effort.rounds,
    )
    return _told(each, ours, fastapi, alone)


def _told(each: List, ours: Samples, fastapi: Samples, alone: Samples) -> list[Result]:
    name, unit = each.name, "requests/s"
    load = f"wrk, {CONNECTIONS} connections"
    return [
        at_least(f"{name}: FastAPI", unit, ours, fastapi, NAME, AGAINST_FASTAPI, f"{load}; {DIFFERENCES}"),
        at_least(f"{name}: pgbench", unit, ours, alone, "pgbench, same SQL", AGAINST_PGBENCH, f"{load}; {PGBENCH}"),
    ]
