"""Load by wrk: as many requests as connections allow, each as soon as the one before it is answered."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from math import lcm
from pathlib import Path
from tempfile import NamedTemporaryFile

from bench.bed import Bed
from bench.errors import NotMeasured
from bench.programs import output_of
from stack.paths import REPOSITORY

SCRIPT = REPOSITORY / "bench" / "load.lua"
MOST_REQUESTS = 20_000
"""Different ones, after which wrk begins anew."""
TRIES = 3
FLOOD_BEGINS = 1.0
"""Seconds until all connections of a flood are open and busy."""
_ERRORS = ("connect", "read", "write", "status", "timeout")


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it; latencies in milliseconds."""

    requests: int
    per_second: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Requests:
    """Paths and whose token goes with them, in a file that wrk reads."""

    file: Path

    @classmethod
    def written(cls, bed: Bed, paths: Sequence[str], authorizations: Sequence[str]) -> "Requests":
        """Every path in turn, every token in turn, all combinations of them up to a bound."""
        count = min(lcm(len(paths), len(authorizations)), MOST_REQUESTS)
        pairs = islice(zip(cycle(paths), cycle(authorizations), strict=False), count)
        directory = bed.servers.layout.data
        with NamedTemporaryFile("w", dir=directory, prefix="requests-", delete=False) as file:
            file.writelines(f"{path}\t{authorization}\n" for path, authorization in pairs)
        return cls(Path(file.name))

    @classmethod
    def posted(cls, bed: Bed, path: str, bodies: Sequence[str], authorization: str) -> "Requests":
        """Every body in turn, to the same path, with the same token."""
        directory = bed.servers.layout.data
        with NamedTemporaryFile("w", dir=directory, prefix="requests-", delete=False) as file:
            file.writelines(f"{path}\t{authorization}\t{body}\n" for body in bodies)
        return cls(Path(file.name))


async def wrk(bed: Bed, url: str, requests: Requests, *, connections: int, seconds: int | None = None) -> Load:
    """Raises `NotMeasured` when any answer was no 2xx or 3xx, or any connection failed, in every try.

    A machine that does something else for a quarter of a second makes a service refuse a few: that sample is none,
    and is said and taken anew.
    """
    seconds = seconds or bed.effort.seconds
    command = [bed.servers.wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=10s", "--latency"]
    command += ["-s", str(SCRIPT), url, "--", str(requests.file)]
    for _ in range(TRIES - 1):
        try:
            return parsed(await output_of(command, bed.placement.load, seconds=seconds))
        except NotMeasured as error:
            bed.say(f"  taken anew: {error}")
    return parsed(await output_of(command, bed.placement.load, seconds=seconds))


def parsed(output: str) -> Load:
    """The line that the script prints at the end; raises `NotMeasured` when it reports errors or is missing."""
    lines = [line for line in output.splitlines() if line.startswith('{"requests":')]
    if not lines:
        raise NotMeasured(f"wrk: {output[-500:]}")
    seen = json.loads(lines[-1])
    failed = {name: seen[name] for name in _ERRORS if seen[name]}
    if failed or not seen["requests"]:
        raise NotMeasured(f"wrk: {seen['requests']} requests, of which failed: {failed}")
    return Load(seen["requests"], seen["requests"] * 1e6 / seen["microseconds"], seen["p50"] / 1000, seen["p99"] / 1000)


@asynccontextmanager
async def flood(bed: Bed, url: str, requests: Requests, *, connections: int, seconds: int) -> AsyncIterator[None]:
    """Load while the block runs, at most for so many seconds, whatever it is answered; begun before the block does."""
    command = [bed.servers.wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=10s"]
    command += ["-s", str(SCRIPT), url, "--", str(requests.file)]
    running = asyncio.create_task(output_of(command, bed.placement.load, seconds=seconds))
    await asyncio.sleep(FLOOD_BEGINS)
    try:
        yield
    finally:
        bed.say(f"  {(await running).splitlines()[-1][:300]}")
