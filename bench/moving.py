"""Data in and out: 100,000 people from a file, what other requests notice of it, when every service has them, and a
list of a million rows as a file.

Everything runs on all cores, as in a small installation, and each service is one process.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg

from bench.bed import Bed, System
from bench.dataset import ORGANISATION
from bench.errors import NotMeasured
from bench.fairness import OURS
from bench.load import Requests
from bench.open_loop import open_loop
from bench.results import Result, Samples, at_most, bounded
from bench.tokens import bearers, by_secret, client_tokens

PEOPLE = 100_000
IMPORTED, FOLLOWED = 15.0, 60.0
"""Goals in seconds: until the job has ended, and until the other services have what it did after that."""
RATE, SECONDS = 200, 10
"""GETs a second beside the import, and for how long: the people are being written all that time."""
GOAL_BESIDE = 2.0
GROWTH = 64.0
"""MiB that a process may grow by meanwhile."""
EXPORTED = 120.0
"""Seconds for a million rows."""
PATIENCE = 240.0
SCALE = 0.02
_IMPORTS = "/api/v1/imports"
_ENROLLMENTS = "/api/v1/training/enrollments"
_COPIED = {
    "history": "SELECT count(*) FROM people WHERE organisation_id = $1",
    "delivery": "SELECT count(*) FROM events WHERE organisation_id = $1",
}


@dataclass
class Clients:
    """Somebody of an organisation of their own, who may manage training."""

    system: System
    organisation: int
    http: aiohttp.ClientSession

    async def post_people(self, count: int) -> str:
        """Sends the file; the path of the job."""
        query = {"kind": "people"}
        async with self.http.post(
            self.system.gateway_url + _IMPORTS, params=query, data=people_file(count), headers=self._headers("text/csv")
        ) as answer:
            if answer.status != 202:
                raise NotMeasured(f"the import was refused: {await answer.text()}")
            return f"{_IMPORTS}/people/{(await answer.json())['data']['id']}"

    async def ended(self, path: str) -> dict[str, Any]:
        """The job, once it has completed; raises `NotMeasured` where it ends in another way."""
        async with asyncio.timeout(PATIENCE):
            while (job := await self._job(path))["status"] in ("receiving", "waiting", "running"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        if job["status"] != "completed" or job["refused"]:
            raise NotMeasured(f"the import has ended as {job}")
        return job

    async def _job(self, path: str) -> dict[str, Any]:
        async with self.http.get(self.system.gateway_url + path, headers=self._headers()) as answer:
            job: dict[str, Any] = (await answer.json())["data"]
            return job

    async def exported(self, path: str, accept: str) -> tuple[int, float]:
        """How many lines the file has, and the seconds until its end."""
        began, lines = time.perf_counter(), 0
        headers = self._headers() | {"Accept": accept}
        async with self.http.get(self.system.gateway_url + path, headers=headers) as answer:
            async for piece in answer.content.iter_any():
                lines += piece.count(b"\n")
        return lines, time.perf_counter() - began

    def _headers(self, content_type: str | None = None) -> dict[str, str]:
        [bearer] = bearers(client_tokens(by_secret(self.system.installed.client_secret), self.organisation, 1))
        return {"Authorization": bearer} | ({"Content-Type": content_type} if content_type else {})


@dataclass
class Peaks:
    """The most that each process had in memory meanwhile, beyond what it had before, in MiB."""

    grown: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Round:
    imported: float
    again: float
    followed: float
    beside: float
    alone: float
    grown: float


async def results(bed: Bed) -> AsyncIterator[Result]:
    system = await bed.system(SCALE)
    requests = Requests.written(bed, OURS, system.client_bearers)
    rounds = [await _import(bed, system, requests, 1000 + number) for number in range(min(bed.effort.rounds, 3))]
    name, note = f"import of {PEOPLE:,} people", "from the first byte of the file until the job has ended"
    yield bounded(name, "s", _samples(rounds, "imported"), IMPORTED, note)
    yield bounded(f"{name}: the same file again", "s", _samples(rounds, "again"), IMPORTED, "nothing changes")
    yield bounded(f"{name}: history and feed have them", "s", _samples(rounds, "followed"), FOLLOWED, "after its end")
    beside, alone = _samples(rounds, "beside"), _samples(rounds, "alone")
    yield at_most(f"{name}: p99 of others' GETs", "ms", beside, alone, "without", GOAL_BESIDE, f"{RATE} a second")
    yield bounded(
        f"{name}: a process grows by", "MiB", _samples(rounds, "grown"), GROWTH, "of all the one that grew most"
    )
    async for result in _exports(await bed.system()):
        yield result


def _samples(rounds: Sequence[Round], name: str) -> Samples:
    return Samples.of([getattr(each, name) for each in rounds])


async def _import(bed: Bed, system: System, requests: Requests, organisation: int) -> Round:
    """One import alone, again, and then another one beside the GETs of somebody else."""
    with system.on(bed.placement.all):
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE)) as http:
            clients = Clients(system, organisation, http)
            async with _peaks(system) as peaks:
                imported = await _timed(clients)
            followed = await _until_copied(system, organisation)
            again = await _timed(clients)
            alone = await _gets(bed, system, requests)
            path = await Clients(system, organisation + 500, http).post_people(PEOPLE)
            beside = await _gets(bed, system, requests)
            await Clients(system, organisation + 500, http).ended(path)
            await _until_copied(system, organisation + 500)
    return Round(imported, again, followed, beside, alone, max(peaks.grown.values()))


async def _timed(clients: Clients) -> float:
    began = time.perf_counter()
    await clients.ended(await clients.post_people(PEOPLE))
    return time.perf_counter() - began


async def _until_copied(system: System, organisation: int) -> float:
    """Seconds until history has all the people, and the feed their events."""
    began = time.perf_counter()
    async with asyncio.timeout(PATIENCE):
        for service, sql in _COPIED.items():
            connection = await asyncpg.connect(system.installed.owner_urls[service])
            try:
                while await connection.fetchval(sql, organisation) < PEOPLE:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            finally:
                await connection.close()
    return time.perf_counter() - began


async def _gets(bed: Bed, system: System, requests: Requests) -> float:
    found = await open_loop(bed.placement.load, system.gateway_url, requests.file, rate=RATE, seconds=SECONDS)
    return found.p99


async def _exports(system: System) -> AsyncIterator[Result]:
    """Of every enrollment of the data set."""
    count = system.size.enrollments
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE), read_bufsize=2**20) as http:
        clients = Clients(system, ORGANISATION, http)
        for name, accept in (("CSV", "text/csv"), ("NDJSON", "application/x-ndjson")):
            async with _peaks(system) as peaks:
                lines, seconds = await clients.exported(_ENROLLMENTS, accept)
            if lines < count:
                raise NotMeasured(f"{lines:,} lines of {count:,}")
            title, note = f"export of {count:,} rows as {name}", f"{count / seconds:,.0f} rows/s"
            yield bounded(title, "s", Samples.of([seconds]), EXPORTED, note)
            grown = Samples.of([max(peaks.grown.values())])
            yield bounded(f"{title}: a process grows by", "MiB", grown, GROWTH, "of all the one that grew most")


@asynccontextmanager
async def _peaks(system: System) -> AsyncIterator[Peaks]:
    """Looks at the processes ten times a second."""
    peaks = Peaks()
    watching = asyncio.create_task(_watch(system, peaks))
    try:
        yield peaks
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _watch(system: System, peaks: Peaks) -> None:
    before = {name: process.resident_mebibytes() for name, process in system.processes.items()}
    while True:
        for name, process in system.processes.items():
            grown = process.resident_mebibytes() - before[name]
            peaks.grown[name] = max(grown, peaks.grown.get(name, 0.0))
        await asyncio.sleep(0.1)


def people_file(count: int) -> bytes:
    """As an HR system writes it each night."""
    lines = [
        f"{number},P-{number:06},Jürgen Müller-{number % 977} Smith,{1 + number % 40},Contractor {number % 40}"
        for number in range(1, count + 1)
    ]
    return "\r\n".join(["id,employee_id,full_name,company.id,company.name", *lines, ""]).encode()
