"""Signing in: what other requests notice of 200 logins at once, at nine o'clock, and how long those take themselves.

Everything runs on all cores, as in a small installation. A login costs some 35 ms of a processor by
design (argon2id); the threads that hash yield to everything else.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

import asyncpg

from bench.bed import Bed, System
from bench.fairness import OURS
from bench.load import Requests
from bench.open_loop import Latencies, open_loop
from bench.results import Result, Samples, at_most, bounded
from bench.rush import Rush, rush
from services.accounts.passwords import LONGEST_WAIT, hash_password

LOGINS = 200
RATE = 200
"""GETs a second beside them."""
SECONDS = 10
"""As long as the logins take, and a little more."""
SCALE = 0.02
"""Of the data set: what is asked for is found in it all the same."""
GOAL = 2.0
"""On two cores any 200 requests of one moment are noticed; hashing must not add to that."""
GOAL_BESIDE_OTHERS = 1.25
ME = "/api/v1/auth/me"
PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
_USERS = """
INSERT INTO users (organisation_id, name, email, email_key, role, password_hash)
SELECT 1, 'User', email, email, 'Employee', $1
FROM (SELECT 'user-' || generate_series(1, $2::int) || '@example.com' AS email) each
"""


async def results(bed: Bed) -> AsyncIterator[Result]:
    system = await bed.system(SCALE)
    await _add_users(system)
    requests = Requests.written(bed, OURS, system.client_bearers)
    logins, cheap = (
        _written(bed, _logins()),
        _written(bed, [f"{ME}\t{each}" for each in system.client_bearers[:LOGINS]]),
    )
    alone: list[Latencies] = []
    beside: list[Latencies] = []
    beside_others: list[Latencies] = []
    rushes: list[Rush] = []
    with system.on(bed.placement.all):
        for _ in range(bed.effort.rounds + 1):  # the first one warms up
            alone.append(await _gets(bed, system, requests))
            latencies, rush = await asyncio.gather(_gets(bed, system, requests), _rush(bed, system, logins))
            beside.append(latencies)
            rushes.append(rush)
            latencies, _ = await asyncio.gather(_gets(bed, system, requests), _rush(bed, system, cheap))
            beside_others.append(latencies)
    name, note = f"{LOGINS} logins at once", f"{RATE} GETs a second"
    busy, usual, others = (Samples.of([each.p99 for each in rounds[1:]]) for rounds in (beside, alone, beside_others))
    yield at_most(f"{name}: p99 of the GETs", "ms", busy, usual, "without the logins", GOAL, note)
    against = f"beside {LOGINS} cheap requests at once"
    yield at_most(f"{name}: p99 of the GETs", "ms", busy, others, against, GOAL_BESIDE_OTHERS, note)
    yield bounded(f"{name}: GETs refused", "requests", Samples.of([each.refused for each in beside[1:]]), 0, note)
    refused = Samples.of([each.refused for each in rushes[1:]])
    yield bounded(f"{name}: told to come again", "logins", refused, LOGINS, f"after {LONGEST_WAIT:g} s of waiting")
    yield bounded(f"{name}: the last one is answered", "s", Samples.of([each.seconds for each in rushes[1:]]), 10)


async def _gets(bed: Bed, system: System, requests: Requests) -> Latencies:
    return await open_loop(
        bed.placement.load, system.gateway_url, requests.file, rate=RATE, seconds=SECONDS, count_refusals=True
    )


async def _rush(bed: Bed, system: System, requests: Path) -> Rush:
    """Everybody asks within the same moment, each over a connection of their own, while the GETs are on their way."""
    return await rush(bed.placement.all, system.gateway_url, requests, after=1)


def _logins() -> list[str]:
    """Of one user each, as lines of a file of requests."""
    bodies = [{"email": f"user-{1 + number}@example.com", "password": PASSWORD} for number in range(LOGINS)]
    return [f"/api/v1/auth/login\t\t{json.dumps(body)}" for body in bodies]


def _written(bed: Bed, lines: Sequence[str]) -> Path:
    with NamedTemporaryFile("w", dir=bed.servers.layout.data, prefix="rush-", delete=False) as file:
        file.writelines(f"{line}\n" for line in lines)
    return Path(file.name)


async def _add_users(system: System) -> None:
    connection = await asyncpg.connect(system.installed.owner_urls["accounts"])
    try:
        await connection.execute("INSERT INTO organisations (organisation_id, name) VALUES (1, 'Bench')")
        await connection.execute(_USERS, hash_password(PASSWORD), LOGINS)
    finally:
        await connection.close()
