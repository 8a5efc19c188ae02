"""Clients that import people and export them while a story goes on (contract, sections 1 and 11)."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.faults.bed import Bed
from tests.faults.ledger import Ledger
from tests.faults.scene import Organisation
from tests.support.client import Client
from tests.support.importing import ENDED, people, people_file
from tests.support.world import EMPLOYEES, IMPORTS

LINES = 100
FIRST_ID = 2**40
"""The people of the files have ids that nobody else gives."""
PAUSE = 1.0
"""Seconds between a file that goes in and the next."""
ACCEPTED = 202
PASSING = frozenset({404, 408, 409, 429, 502, 503, 504})
"""Refusals while things are broken, or while the job before still waits; 404 is that of a version without imports."""


@dataclass
class Mover:
    """Sends one file of new people after the other, and reads the whole list of people in between."""

    ledger: Ledger
    own: Organisation
    foreign: Organisation
    clients: Sequence[Client]
    jobs: dict[int, int] = field(default_factory=dict)
    """The first id of each file that was accepted, by its job."""
    _files: int = 0

    async def run(self) -> None:
        """Until it is cancelled: an export that is under way is then given up."""
        while True:
            await self._import()
            await self._export()
            await asyncio.sleep(PAUSE)

    async def _import(self) -> None:
        first = FIRST_ID + self._files * LINES
        file = people_file(*people(range(first, first + LINES), f"Person {self.own.mark}"))
        client = self._next()
        try:
            answer = await client.request(
                "POST", IMPORTS, params={"kind": "people"}, data=file.encode(), headers={"Content-Type": "text/csv"}
            )
        except (aiohttp.ClientError, OSError, TimeoutError):
            return
        if answer.status == ACCEPTED:
            self.jobs[answer.data["id"]] = first
            self.ledger.imported += 1
        elif answer.status not in PASSING:
            self.ledger.violation(f"an import was answered {answer.status}: {answer.text}")

    async def _export(self) -> None:
        """What looks whole has everybody who was there before, once, and nobody else's."""
        client = self._next()
        headers = {"Authorization": f"Bearer {client.token}", "Accept": "application/x-ndjson"}
        try:
            async with client.http.get(client.url + EMPLOYEES, headers=headers) as answer:
                status, text = answer.status, await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return
        if status == 200 and "X-Event-Cursor" in answer.headers:
            self._check([json.loads(line) for line in text.splitlines()], text)
        elif status != 200 and status not in PASSING:
            self.ledger.violation(f"an export was answered {status}: {text[:300]}")

    def _check(self, rows: list[dict[str, Any]], text: str) -> None:
        self.ledger.exported += 1
        ids = [row.get("id") for row in rows]
        if len(set(ids)) < len(ids) or not set(self.own.people) <= set(ids):
            self.ledger.violation(f"a whole export has {len(ids)} people, {len(set(ids))} of them different")
        if self.foreign.mark in text:
            self.ledger.violation("I6: an export showed another organisation's data")

    def _next(self) -> Client:
        self._files += 1
        return self.clients[self._files % len(self.clients)]


@asynccontextmanager
async def moving(bed: Bed, ledger: Ledger, scene: tuple[Organisation, Organisation]) -> AsyncIterator[list[Mover]]:
    """Each organisation has one while the block runs."""
    movers = [
        Mover(ledger, own, foreign, [bed.client(own.id, gateway=copy) for copy in range(len(bed.gateways))])
        for own, foreign in (scene, scene[::-1])
    ]
    working = [asyncio.create_task(mover.run()) for mover in movers]
    try:
        yield movers
    finally:
        for task in working:
            task.cancel()
        await asyncio.wait(working)
        for task in working:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


async def moves_differ(movers: Sequence[Mover]) -> list[str]:
    """I12: each file that was accepted is applied once, from its first line to its last."""
    return [
        found for mover in movers for job, first in mover.jobs.items() async for found in _differs(mover, job, first)
    ]


async def _differs(mover: Mover, job_id: int, first: int) -> AsyncIterator[str]:
    answer = await mover.clients[0].get(f"{IMPORTS}/people/{job_id}")
    job = answer.data if answer.status == 200 else {}
    if job.get("status") not in ENDED:
        yield f"I12: import {job_id} is not over: {answer.status} {job}"
    elif (job["status"], job["created"], job["lines"]) != ("completed", LINES, LINES):
        yield f"I12: import {job_id} has ended as {job}"
    else:
        for person in (first, first + LINES - 1):
            found = await mover.clients[0].get(f"{EMPLOYEES}/{person}")
            if found.status != 200:
                yield f"I12: person {person} of import {job_id} is {found.status}"
