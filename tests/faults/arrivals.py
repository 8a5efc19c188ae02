"""`python -m tests.faults.arrivals URL TOKEN RATE SECONDS`: requests that arrive whether or not others are answered.

In a process of its own, with as little work for each request as Python allows. They come over CONNECTIONS at most, and
one that has to wait for a free connection is late from the moment it was due. A RATE (requests a second) of 0 asks in
a closed loop instead: CLOSED clients, each with one request at a time, which shows what the system can do. Prints
JSON: of the last COUNTED seconds, how many were answered with which status, and the latencies in seconds.
"""

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

CLOSED = 64
CONNECTIONS = 1000
COUNTED = 4.0
PATIENCE = 10.0
NO_ANSWER = 0


class Connection(asyncio.Protocol):
    """Asks one thing at a time. Reads answers that say their length, as the gateway's do."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._received = b""
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _: Exception | None) -> None:
        self.transport = None
        self._settle(NO_ANSWER)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._received = b""
            self._settle(int(head[9:12]))

    async def ask(self, request: bytes) -> int:
        """The status, or NO_ANSWER."""
        if self.transport is None:
            return NO_ANSWER
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._answer

    def _settle(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)


@dataclass
class Arrivals:
    """Those of one run."""

    host: str
    port: int
    request: bytes
    outcomes: list[tuple[float, float, int]] = field(default_factory=list)
    """When each was due, the seconds until it was answered, and its status."""
    _idle: list[Connection] = field(default_factory=list)

    async def one(self, due: float) -> None:
        """On a connection that is idle, or a new one."""
        status = NO_ANSWER
        with contextlib.suppress(OSError, TimeoutError):
            connection = await self._connection()
            status = await connection.ask(self.request)
            if connection.transport is not None and not connection.transport.is_closing():
                self._idle.append(connection)
        self.outcomes.append((due, time.monotonic() - due, status))

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.transport is not None and not connection.transport.is_closing():
                return connection
        async with asyncio.timeout(PATIENCE):
            _, connection = await asyncio.get_running_loop().create_connection(Connection, self.host, self.port)
        return connection

    async def at_rate(self, rate: float, seconds: float) -> None:
        """As a Poisson process."""
        moments = iter(_poisson(rate, seconds))

        async def sender() -> None:
            for due in moments:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self.one(due)

        await self._patiently(seconds, [sender() for _ in range(CONNECTIONS)])

    async def closed(self, clients: int, seconds: float) -> None:
        """Each client asks again when it was answered."""
        end = time.monotonic() + seconds

        async def client() -> None:
            while time.monotonic() < end:
                await self.one(time.monotonic())

        await self._patiently(seconds, [client() for _ in range(clients)])

    async def _patiently(self, seconds: float, work: list[Coroutine[Any, Any, None]]) -> None:
        """One limit for all: a timer for each request would be a tenth of what the generator can do."""
        _, late = await asyncio.wait([asyncio.ensure_future(each) for each in work], timeout=seconds + PATIENCE)
        for each in late:
            each.cancel()
            self.outcomes.append((time.monotonic(), PATIENCE, NO_ANSWER))

    def report(self, seconds: float) -> dict[str, object]:
        """Of the last COUNTED seconds, when what takes time to notice has been noticed and what came of it is over."""
        from_then = min(due for due, _, _ in self.outcomes) + seconds - COUNTED
        counted = [(took, status) for due, took, status in self.outcomes if due >= from_then]
        good = sorted(took for took, status in counted if status == 200)
        return {
            "statuses": Counter(status for _, status in counted),
            "good_per_second": len(good) / COUNTED,
            "good_p50": good[len(good) // 2] if good else None,
            "good_p99": good[int(len(good) * 0.99)] if good else None,
            "refused_p99": max((took for took, status in counted if status == 503), default=None),
        }


def _poisson(rate: float, seconds: float) -> Iterator[float]:
    """Moments from now on."""
    choice, due = random.Random(1), time.monotonic()
    end = due + seconds
    while due < end:
        yield due
        due += choice.expovariate(rate)


async def main(url: str, token: str, rate: float, seconds: float) -> None:
    parts = urlsplit(url)
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
    arrivals = Arrivals(parts.hostname or "", parts.port or 80, request.encode())
    await (arrivals.at_rate(rate, seconds) if rate else arrivals.closed(CLOSED, seconds))
    print(json.dumps(arrivals.report(seconds)))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
