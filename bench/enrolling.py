"""Enrolling: through the gateway, against pgbench with a transaction of three statements on the same server.

Ours does more: checks who asks, the course's prerequisites and earlier enrollments, writes an audit trail, and its
events travel on to two projections meanwhile. All processes, the load too, run on all cores: an enrollment is the work
of many.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from math import ceil
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import aiohttp
import asyncpg

from bench.bed import Bed, System
from bench.closed_loop import Crowd, crowd
from bench.comparisons import one_by_one
from bench.dataset import ORGANISATION, today
from bench.errors import NotMeasured
from bench.load import parsed
from bench.peers.seats import SCHEMA, SESSIONS, TRANSACTION
from bench.pgbench import pgbench, written
from bench.programs import output_of
from bench.results import Result, at_least
from bench.rounds import alternate
from shared.concurrency.batcher import each
from stack.paths import REPOSITORY

CLIENTS = 32
GOALS = {1: 9.0, 1000: 1.5}
"""Sessions → of pgbench's transactions a second."""
SCRIPT = REPOSITORY / "bench" / "enrolling.lua"
ENROLLMENTS = "/api/v1/training/enrollments"
PLACES = 100_000
FASTEST = 10_000
"""Enrollments a second that nothing here reaches: so many people are needed to keep one from coming twice."""

VISITORS, REQUESTS, SEATS = 64, 10_000, 200
RUSH_GOAL = 1.0
PATIENCE = 30.0
_TAKEN = "SELECT seats_taken FROM sessions WHERE organisation_id = $1 AND id = $2"
_COPIES = "SELECT count(*) FROM sessions WHERE organisation_id = $1 AND id = ANY($2::bigint[])"
_HOLDERS = "SELECT count(*) FROM enrollments WHERE organisation_id = $1 AND session_id = $2 AND status = 'enrolled'"


async def results(bed: Bed) -> AsyncIterator[Result]:
    system = await bed.system()
    comparisons = {_name(sessions): partial(_against_pgbench, bed, system, sessions) for sessions in GOALS}
    with system.on(bed.placement.all):
        async for result in one_by_one(bed, comparisons | {"rush": partial(_rush, bed, system)}):
            yield result


def _name(sessions: int) -> str:
    return "enrolling, all in one session" if sessions == 1 else f"enrolling, over {sessions} sessions"


async def _against_pgbench(bed: Bed, system: System, sessions: int) -> list[Result]:
    peer = await _peer_database(bed, sessions)
    script = written(bed, TRANSACTION.format(sessions=sessions))
    # Enough sessions for the people there are: in a small data set one session would soon have everybody.
    needed = max(sessions, ceil(FASTEST * bed.effort.seconds / system.size.people))
    ours, theirs = await alternate(
        lambda: enrolled(bed, system, needed),
        lambda: pgbench(bed, peer, [script], connections=CLIENTS, cores=bed.placement.all),
        rounds=bed.effort.rounds,
    )
    note = f"wrk, {CLIENTS} connections, one enrollment a request, {needed} sessions; pgbench -M prepared -c {CLIENTS}"
    return [
        at_least(_name(sessions), "enrollments/s", ours, theirs, "pgbench, three statements", GOALS[sessions], note)
    ]


async def enrolled(bed: Bed, system: System, sessions: int) -> float:
    """Enrollments a second, in new sessions."""
    ids = await _new_sessions(system, sessions, PLACES)
    authorizations = _file(bed, system.client_bearers)
    arguments = [str(authorizations), str(_file(bed, map(str, ids))), str(system.size.people)]
    seconds = bed.effort.seconds
    command = [bed.servers.wrk, "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout=10s", "--latency"]
    command += ["-s", str(SCRIPT), system.gateway_url, "--", *arguments]
    return parsed(await output_of(command, bed.placement.all, seconds=seconds)).per_second


async def _rush(bed: Bed, system: System) -> list[Result]:
    """Refusals a second, of a crowd that comes for the last places, against the pages of a list."""
    ours, lists = await alternate(lambda: _refused(bed, system), lambda: _listed(bed, system), rounds=bed.effort.rounds)
    name = f"rush: {REQUESTS:,} for {SEATS} seats"
    note = f"all answered, exactly {SEATS} enrolled; own closed-loop generator, {VISITORS} connections"
    return [at_least(name, "refusals/s", ours, lists, "enrollment list", RUSH_GOAL, note)]


async def _refused(bed: Bed, system: System) -> float:
    [session] = await _new_sessions(system, 1, SEATS)
    bearers = system.client_bearers
    came = await _crowd(
        bed,
        system,
        [
            f"POST\t{ENROLLMENTS}\t{bearers[number % len(bearers)]}\t{_wish(session, person)}"
            for number, person in enumerate(_people(system))
        ],
    )
    expected = {201: SEATS, 422: REQUESTS - SEATS}
    seats = await _seats(system, session)
    if came.statuses != expected or seats != (SEATS, SEATS):
        raise NotMeasured(f"of a rush for {SEATS} seats came {came.statuses}; taken and held are {seats}")
    return came.per_second(422)


def _wish(session: int, person: int) -> str:
    return f'{{"session_id": {session}, "employee_ids": [{person}]}}'


def _people(system: System) -> list[int]:
    """Another one for each request, or the same again where there are not that many: full is full for all."""
    return [number % system.size.people + 1 for number in range(REQUESTS)]


async def _listed(bed: Bed, system: System) -> float:
    bearers = system.client_bearers
    came = await _crowd(
        bed,
        system,
        [
            f"GET\t{ENROLLMENTS}?session_id={number % system.size.sessions + 1}\t{bearers[number % len(bearers)]}\t"
            for number in range(REQUESTS)
        ],
    )
    if came.statuses != {200: REQUESTS}:
        raise NotMeasured(f"of the pages of a list came {came.statuses}")
    return came.per_second(200)


async def _crowd(bed: Bed, system: System, lines: Sequence[str]) -> Crowd:
    return await crowd(bed, system.gateway_url, _file(bed, lines), connections=VISITORS)


async def _seats(system: System, session: int) -> tuple[int, int]:
    """Seats taken, as the session has them and as its enrollments do."""
    async with _enrollment_database(system) as connection:
        return (
            await connection.fetchval(_TAKEN, ORGANISATION, session),
            await connection.fetchval(_HOLDERS, ORGANISATION, session),
        )


@asynccontextmanager
async def _enrollment_database(system: System) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(system.installed.databases["enrollment"].owner)
    try:
        yield connection
    finally:
        await connection.close()


async def _new_sessions(system: System, count: int, places: int) -> list[int]:
    """Of a new course, made by the API as an administrator makes them."""
    headers = {"Authorization": system.client_bearers[0]}
    async with aiohttp.ClientSession(system.gateway_url, headers=headers) as http:
        course = await _created(http, "courses", COURSE)
        start = today() + timedelta(days=30)
        session = {
            "course_id": course,
            "session_name": "Rush hour",
            "start_date": start.isoformat(),
            "end_date": (start + timedelta(hours=8)).isoformat(),
            "max_participants": places,
        }
        ids = await each(range(count), lambda _: _created(http, "sessions", session), lambda _: None)
    await _known(system, ids)
    return ids


async def _known(system: System, sessions: Sequence[int]) -> None:
    """Returns once enrollment has its copies: before that, the first to enroll in each asks the catalog for it."""
    async with _enrollment_database(system) as connection, asyncio.timeout(PATIENCE):
        while await connection.fetchval(_COPIES, ORGANISATION, sessions) < len(sessions):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _created(http: aiohttp.ClientSession, kind: str, body: dict[str, Any]) -> int:
    async with http.post(f"/api/v1/training/{kind}", json=body) as response:
        answer = await response.json()
        if response.status != 201:
            raise NotMeasured(f"making one of the {kind}: {answer}")
        return int(answer["data"]["id"])


COURSE = {
    "title": "Working at heights",
    "category": "safety",
    "delivery_mode": "in_person",
    "duration_hours": 8,
    "cost_per_participant": 0,
    "provider": "internal",
}


async def _peer_database(bed: Bed, sessions: int) -> str:
    """The address of a new one, with that many sessions."""
    name = f"seats_{sessions}"
    server = await asyncpg.connect(bed.servers.database_url)
    try:
        await server.execute(f"CREATE DATABASE {name}")
    finally:
        await server.close()
    url = f"{bed.servers.database_url.rpartition('/')[0]}/{name}"
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(SCHEMA)
        await connection.execute(SESSIONS.format(sessions=sessions))
    finally:
        await connection.close()
    return url


def _file(bed: Bed, lines: Any) -> Path:
    with NamedTemporaryFile("w", dir=bed.servers.layout.data, prefix="lines-", delete=False) as file:
        file.writelines(f"{line}\n" for line in lines)
    return Path(file.name)
