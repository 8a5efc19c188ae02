"""`python -m tests.faults.arrivals URL TOKEN PLAN`: requests that arrive whether or not others are answered.

In a process of its own, with as little work for each request as Python allows. They come over CONNECTIONS at most, and
one that has to wait for a free connection is late from the moment it was due. PLAN is JSON, a list of `Step`s. Prints
JSON: for each step, of its counted part, how many were answered with which status, and the latencies in seconds.
"""

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

CLOSED = 64
CONNECTIONS = 1000
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


@dataclass(frozen=True)
class Step:
    """`rate` requests a second for so many `seconds`, of which the last `counted` are reported.

    With neither a rate nor `times`, CLOSED clients ask with one request at a time each, which shows what the system
    can do; `times` is of what was answered well in the last of those steps, instead of a rate.
    """

    seconds: float
    counted: float
    rate: float = 0.0
    times: float = 0.0


@dataclass
class Arrivals:
    """Those of one step, over connections that stay."""

    host: str
    port: int
    request: bytes
    outcomes: list[tuple[float, float, int]] = field(default_factory=list)
    """When each was due, the seconds until it was answered, and its status."""
    _idle: list[Connection] = field(default_factory=list)

    async def step(self, step: "Step") -> dict[str, Any]:
        self.outcomes.clear()
        await (self.at_rate(step.rate, step.seconds) if step.rate else self.closed(CLOSED, step.seconds))
        return self.report(step)

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

    def report(self, step: "Step") -> dict[str, Any]:
        from_then = min(due for due, _, _ in self.outcomes) + step.seconds - step.counted
        counted = [(took, status) for due, took, status in self.outcomes if due >= from_then]
        good = sorted(took for took, status in counted if status == 200)
        return {
            "rate": step.rate,
            "statuses": Counter(status for _, status in counted),
            "good_per_second": len(good) / step.counted,
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


async def main(url: str, token: str, plan: str) -> None:
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
    arrivals = Arrivals(parts.hostname or "", parts.port or 80, request.encode())
    done: list[dict[str, Any]] = []
    capacity = 0.0
    for step in (Step(**each) for each in json.loads(plan)):
        done.append(await arrivals.step(replace(step, rate=step.rate or step.times * capacity)))
        if not done[-1]["rate"]:
            capacity = done[-1]["good_per_second"]
    print(json.dumps(done))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
