"""Live seats: from the commit of a change until the last of 1,000 who watch the session has it, and what other requests
notice of them.

Everything runs on all cores, as in a small installation; those who watch share them too.
"""

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import asyncpg

from bench.bed import Bed, System
from bench.dataset import ORGANISATION
from bench.errors import NotMeasured
from bench.fairness import OURS
from bench.load import Requests
from bench.open_loop import Latencies, open_loop, percentile
from bench.placement import pinned
from bench.processes import python
from bench.results import Result, Samples, at_most, bounded
from stack.paths import REPOSITORY
from stack.processes.environment import base_environment

WATCHERS = 1000
CHANGES = 100
"""Of one round."""
PAUSE = 0.1
"""Seconds between two changes."""
GOAL = 50.0
RATE, SECONDS = 200, 10
"""GETs a second beside those who watch, and for how long."""
GOAL_BESIDE = 1.25
SCALE = 0.02
PATIENCE = 30.0
_CHANGE = "UPDATE sessions SET seats_max = seats_max + 1 WHERE organisation_id = $1 AND id = $2"
_VERSION = "SELECT seats_version FROM sessions WHERE organisation_id = $1 AND id = $2"
_SESSION = "SELECT max(id) FROM sessions WHERE organisation_id = $1 AND NOT removed"


class Watchers:
    """The process of those who watch, and the changes that it has to hear of."""

    def __init__(self, reader: asyncio.StreamReader, database: asyncpg.Connection, session_id: int) -> None:
        self._reader = reader
        self._database = database
        self._key = ORGANISATION, session_id

    async def heard(self, version: int) -> float:
        """When the last of them had it."""
        async with asyncio.timeout(PATIENCE):
            while line := await self._reader.readline():
                found = json.loads(line)
                if found["version"] == version:
                    return float(found["last"])
        raise NotMeasured("those who watch have ended")

    async def change(self) -> float:
        """Seconds from the commit until the last has heard of it."""
        async with self._database.transaction():
            await self._database.execute(_CHANGE, *self._key)
            version = 1 + await self._database.fetchval(_VERSION, *self._key)
            began = time.monotonic()
        return await self.heard(version) - began


async def results(bed: Bed) -> AsyncIterator[Result]:
    system = await bed.system(SCALE)
    requests = Requests.written(bed, OURS, system.client_bearers)
    alone: list[Latencies] = []
    beside: list[Latencies] = []
    rounds: list[float] = []
    with system.on(bed.placement.all):
        for _ in range(bed.effort.rounds + 1):  # the first one warms up
            alone.append(await _gets(bed, system, requests))
            async with _watching(bed, system) as watchers:
                rounds.append(1000 * percentile([await _changed(watchers) for _ in range(CHANGES)], 0.99))
                beside.append(await _gets(bed, system, requests))
    name, note = f"{WATCHERS} watch a session", f"{CHANGES} changes, one every {PAUSE:g} s"
    yield bounded(f"{name}: p99 from commit to the last", "ms", Samples.of(rounds[1:]), GOAL, note)
    busy, usual = (Samples.of([each.p99 for each in found[1:]]) for found in (beside, alone))
    beside_note = f"{RATE} GETs a second"
    yield at_most(f"{name}: p99 of other GETs", "ms", busy, usual, "without them", GOAL_BESIDE, beside_note)


async def _changed(watchers: Watchers) -> float:
    await asyncio.sleep(PAUSE)
    return await watchers.change()


async def _gets(bed: Bed, system: System, requests: Requests) -> Latencies:
    return await open_loop(bed.placement.load, system.gateway_url, requests.file, rate=RATE, seconds=SECONDS)


@asynccontextmanager
async def _watching(bed: Bed, system: System) -> AsyncIterator[Watchers]:
    """All of them are connected when the block begins."""
    database = await asyncpg.connect(system.installed.owner_urls["enrollment"])
    session_id = await database.fetchval(_SESSION, ORGANISATION)
    requests = _written(bed, session_id, system.client_bearers)
    process = await asyncio.create_subprocess_exec(
        *pinned(python("bench.watchers", system.gateway_url, str(requests)), bed.placement.load),
        cwd=REPOSITORY,
        env=base_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101 - a pipe
    watchers = Watchers(process.stdout, database, session_id)
    try:
        await watchers.heard(0)
        yield watchers
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await database.close()


def _written(bed: Bed, session_id: int, bearers: Sequence[str]) -> Path:
    path = f"/api/v1/training/sessions/{session_id}/live"
    lines = [f"{path}\t{bearers[number % len(bearers)]}\n" for number in range(WATCHERS)]
    with NamedTemporaryFile("w", dir=bed.servers.layout.data, prefix="watchers-", delete=False) as file:
        file.writelines(lines)
    return Path(file.name)
