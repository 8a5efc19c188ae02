"""How long one request can hold up the others: the time its process is busy with the worst one of each route."""

import asyncio
import http.client
import random
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.bed import Bed, System
from bench.heavy_requests import Shape, Target, heaviest, written
from bench.heavy_targets import TABLES, gateway_targets, targets_of
from bench.installation import serving
from bench.processes import Serving
from bench.results import Result, Samples, bounded
from stack.config.ports import reserve_port

MILLISECONDS = 20.0
TRIES_A_ROUND = 12
PATIENCE = 30.0
STILL = 0.003
"""Seconds without any work after which a process has nothing left to do."""


@dataclass(frozen=True)
class Process:
    """One that serves, and how it is asked; `bearer` is the value of `Authorization`."""

    name: str
    serving: Serving
    bearer: str

    async def busy(self, request: bytes) -> float:
        """Seconds of the processor's time that its event loop's thread takes for the request."""
        pid = self.serving.family()[0].pid
        before = await _at_rest(pid)
        await asyncio.to_thread(ask, self.serving.url, request.replace(b"Bearer <token>", self.bearer.encode(), 1))
        return await _at_rest(pid) - before


async def results(bed: Bed) -> AsyncIterator[Result]:
    """One for each process: the worst request of the worst of its routes. All routes' are said."""
    system = await bed.system()
    for process in [*_services(system), await _gateway(bed, system)]:
        yield await _worst(bed, process)


def _services(system: System) -> list[Process]:
    return [Process(name, system.processes[name], system.internal_bearers(name)[0]) for name in TABLES]


async def _gateway(bed: Bed, system: System) -> Process:
    """One more, which anybody may ask as often as they like."""
    port, number = reserve_port(), system.installed.number
    settings = {"PORT": str(port), "ADDRESS_RATE_LIMIT": "1000000"}
    environment = {**system.installed.environments["gateway"], **settings}
    served = await bed.serve(f"gateway-with-logins-{number}", serving("gateway"), environment, port)
    return Process("gateway", served, system.client_bearers[0])


async def _worst(bed: Bed, process: Process) -> Result:
    chance = random.Random(1)  # noqa: S311 - what is drawn shall be the same in every run

    async def cost(_: Target, request: bytes) -> float:
        return await process.busy(request)

    found: list[tuple[float, Target, Shape]] = []
    targets = gateway_targets() if process.name == "gateway" else targets_of(process.name, internal=False)
    for target in targets:
        seconds, shape = await heaviest(target, cost, TRIES_A_ROUND * bed.effort.rounds, chance)
        bed.say(f"  {seconds * 1000:6.1f} ms  {target.name}: {shape}")
        found.append((seconds, target, shape))
    _, target, shape = max(found, key=lambda each: each[0])
    again = [await process.busy(written(target, shape)) * 1000 for _ in range(bed.effort.rounds)]
    return bounded(f"worst request of {process.name}", "ms", Samples.of(again), MILLISECONDS, f"{target.name}: {shape}")


def ask(url: str, request: bytes) -> tuple[int, bytes]:
    """Status and body of the answer; 0 where the connection is closed without one."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # answered already, and not interested in the rest
            connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        try:
            response.begin()
            return response.status, response.read()
        except (http.client.HTTPException, ConnectionError):
            return 0, b""


async def _at_rest(pid: int) -> float:
    """What its thread has taken of the processor so far, once it takes no more."""
    seconds = _taken(pid)
    for _ in range(100):
        await asyncio.sleep(STILL)
        now = _taken(pid)
        if now == seconds:
            break
        seconds = now
    return seconds


def _taken(pid: int) -> float:
    nanoseconds = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text(encoding="ascii").split()[0]
    return int(nanoseconds) / 1e9
