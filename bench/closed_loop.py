"""A crowd that comes at once: a given number of requests, as many at a time as there are connections.

wrk counts by time and not by requests, and tells no two statuses apart. Run as a process of its own, on the load's
core; prints how often each status came, and in how many seconds.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from bench.bed import Bed
from bench.open_loop import whole_answer
from bench.processes import python
from bench.programs import output_of

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """What became of it."""

    statuses: Mapping[int, int]
    seconds: float

    def per_second(self, status: int) -> float:
        return self.statuses.get(status, 0) / self.seconds


async def crowd(bed: Bed, url: str, requests: Path, *, connections: int) -> Crowd:
    """`requests` holds lines of method, path, value of `Authorization` and body, separated by tabs.

    Raises `NotMeasured` when not all were answered.
    """
    command = python("bench.closed_loop", url, str(requests), "--connections", str(connections))
    seen = json.loads(await output_of(command, bed.placement.load, seconds=PATIENCE))
    return Crowd({int(status): count for status, count in seen["statuses"].items()}, seen["seconds"])


class _Visitor(asyncio.Protocol):
    """One connection; asks the next request as soon as the one before is answered."""

    def __init__(self, requests: Iterator[bytes], seen: Counter[int]) -> None:
        self._requests = requests
        self._seen = seen
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # uvloop's is none by its class

    def ask(self) -> None:
        request = next(self._requests, None)
        if request is None or self._transport is None:
            if not self.done.done():
                self.done.set_result(None)
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        status = whole_answer(self._received)
        if status is not None:
            self._received.clear()
            self._seen[status] += 1
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionResetError("a connection was lost before its answer"))


async def _run(url: str, lines: list[str], connections: int) -> Crowd:
    address, loop = urlsplit(url), asyncio.get_running_loop()
    requests, seen = iter([_request(line, address.netloc) for line in lines]), Counter[int]()
    visitors = [
        (await loop.create_connection(lambda: _Visitor(requests, seen), address.hostname or "", address.port or 80))[1]
        for _ in range(connections)
    ]
    began = time.perf_counter()
    for visitor in visitors:
        visitor.ask()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(visitor.done for visitor in visitors))
    return Crowd(seen, time.perf_counter() - began)


def _request(line: str, host: str) -> bytes:
    method, path, authorization, body = line.split("\t")
    about_body = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n{about_body}\r\n"
    return (head + body).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("requests", type=Path)
    parser.add_argument("--connections", type=int, required=True)
    arguments = parser.parse_args()
    seen = uvloop.run(_run(arguments.url, arguments.requests.read_text().splitlines(), arguments.connections))
    print(json.dumps({"statuses": dict(seen.statuses), "seconds": seen.seconds}))


if __name__ == "__main__":
    main()
