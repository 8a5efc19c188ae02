"""Requests at a fixed rate, whether or not the ones before were answered, and how long each took.

A request's time counts from the moment it was due: one that waits because others are slow is slow itself (the
"coordinated omission" that closed loops suffer from). Run as a process of its own, on the load's core.
"""

import argparse
import asyncio
import json
import selectors
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit

from bench.errors import NotMeasured
from bench.processes import python
from bench.programs import output_of

CONNECTIONS = 100
DRAIN_SECONDS = 5.0
MOST_LATE = 0.5
"""Seconds that the generator itself may lag behind; past it the machine has no time to measure."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds; `refused` were answered with no 2xx, where that is counted."""

    p50: float
    p99: float
    refused: int = 0


async def open_loop(
    cores: Sequence[int], url: str, requests: Path, *, rate: int, seconds: float, count_refusals: bool = False
) -> Latencies:
    """The file's requests, from these cores; raises `NotMeasured` when no answer came, or one that was no 2xx and is
    not to be counted."""
    command = python("bench.open_loop", url, str(requests), "--rate", str(rate), "--seconds", str(seconds))
    command += ["--count-refusals"] if count_refusals else []
    return Latencies(**json.loads(await output_of(command, cores, seconds=seconds)))


class _Connection(asyncio.Protocol):
    """One connection, one request at a time; answers have a Content-Length."""

    def __init__(self, generator: "_Generator") -> None:
        self._generator = generator
        self._received = bytearray()
        self._due = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what TCP gives
        self.transport = transport

    def send(self, request: bytes, due: float) -> None:
        assert self.transport is not None  # noqa: S101 - it is open
        self._due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        status = whole_answer(self._received)
        if status is not None:
            self._received.clear()
            self._generator.answered(self, status, time.perf_counter() - self._due)

    def connection_lost(self, error: Exception | None) -> None:
        self._generator.lost(self)


def whole_answer(received: bytearray) -> int | None:
    """The status, once all of the answer is there; ValueError for one without a Content-Length."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[:end]).lower()
    start = head.index(b"content-length:") + len(b"content-length:")
    length = int(head[start : (head + b"\r\n").index(b"\r\n", start)])
    return int(head[9:12]) if len(received) >= end + 4 + length else None


class _Generator:
    """Sends what is due over a connection that is free, or as soon as one is."""

    def __init__(self, host: str, port: int, *, count_refusals: bool) -> None:
        self._address = host, port
        self._free: deque[_Connection] = deque()
        self._due: deque[tuple[bytes, float]] = deque()
        self.taken: list[float] = []
        self.failures: list[str] = []
        self.refused = 0
        self.expected = 0
        self._count_refusals = count_refusals

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            _, connection = await loop.create_connection(lambda: _Connection(self), *self._address)
            self._free.append(connection)

    def send(self, request: bytes, due: float) -> None:
        self.expected += 1
        if self._free:
            self._free.pop().send(request, due)
        else:
            self._due.append((request, due))

    def answered(self, connection: _Connection, status: int, seconds: float) -> None:
        self.taken.append(seconds)
        if not 200 <= status < 300 and self._count_refusals:
            self.refused += 1
        elif not 200 <= status < 300:
            self.failures.append(str(status))
        if self._due:
            connection.send(*self._due.popleft())
        else:
            self._free.append(connection)

    def lost(self, connection: _Connection) -> None:
        """A server may close a connection that waits; one that was busy owes an answer."""
        if connection in self._free:
            self._free.remove(connection)
        else:
            self.failures.append("connection lost")


async def _run(url: str, lines: Sequence[str], rate: int, seconds: float, *, count_refusals: bool) -> Latencies:
    address = urlsplit(url)
    requests = [request_of(line, address.netloc) for line in lines]
    generator = _Generator(address.hostname or "", address.port or 80, count_refusals=count_refusals)
    await generator.connect()
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        elif wait < -MOST_LATE:
            raise NotMeasured(f"the generator lags {-wait:.1f} s behind")
        generator.send(requests[number % len(requests)], due)
    async with asyncio.timeout(DRAIN_SECONDS):
        while len(generator.taken) < generator.expected and not generator.failures:  # noqa: ASYNC110 - ends soon
            await asyncio.sleep(0.01)
    if generator.failures:
        raise NotMeasured(f"{len(generator.failures)} requests failed: {sorted(set(generator.failures))}")
    p50, p99 = (1000 * percentile(generator.taken, share) for share in (0.50, 0.99))
    return Latencies(p50, p99, generator.refused)


def request_of(line: str, host: str) -> bytes:
    """A path and whose token goes with it, which may be nobody's, and JSON where something is posted."""
    path, authorization, *posted = line.split("\t")
    credentials = f"Authorization: {authorization}\r\n" if authorization else ""
    head = f" {path} HTTP/1.1\r\nHost: {host}\r\n{credentials}"
    if not posted:
        return f"GET{head}\r\n".encode()
    body = posted[0].encode()
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return f"POST{head}{kind}".encode() + body


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, ceil(share * len(ranked)) - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("requests", type=Path)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--count-refusals", action="store_true")
    arguments = parser.parse_args()
    lines = arguments.requests.read_text().splitlines()
    # epoll counts in milliseconds; select(2) wakes within a twentieth of one.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        try:
            run = _run(arguments.url, lines, arguments.rate, arguments.seconds, count_refusals=arguments.count_refusals)
            latencies = runner.run(run)
        except (NotMeasured, OSError, TimeoutError) as error:
            sys.exit(f"open loop: {error!r}")
    print(json.dumps(asdict(latencies)))


if __name__ == "__main__":
    main()
