"""One service behind the gateway: its address, whether it is available, and its limits."""

from typing import Final

import aiohttp

from gateway.upstream.bulkhead import Bulkhead
from gateway.upstream.circuit_breaker import Circuit
from gateway.upstream.http_client import Connections
from gateway.upstream.load_shedding import Overload
from gateway.upstream.loop_lag import LoopLag
from shared.metrics.tally import SECONDS, Tally

BEARABLE_WAIT: Final = 0.075
"""Seconds in the queue on average. 256 clients that send their next request at once have to expect 0.03 s, 1000 that
come three times too fast 0.12 s (`./dev bench`, `./dev faults`)."""
BURST: Final = 3.0
"""Seconds for which newcomers may have to expect more than that."""
WAIT_UNDER_OVERLOAD: Final = 0.005
"""Seconds, of those who are let in after that (the target of RFC 8289, 4.3)."""
FAILURES: Final = 5
"""In a row, after which the service counts as unavailable."""
RETRY_SHARE: Final = 0.1
"""Retries for each request sent: a service that fails must not get twice the load for it."""
RETRY_SAVINGS: Final = 10.0
PROBE_TIMEOUT: Final = aiohttp.ClientTimeout(total=0.5)
"""Of a health check; with the interval between two, a service that is back is noticed within a second."""


class Upstream:
    """`limit` requests are at the service at once, `waiting` more wait for a permit."""

    def __init__(self, name: str, origin: str, *, limit: int, waiting: int, lag: LoopLag) -> None:
        self.connections = Connections(origin)
        self.bulkhead = Bulkhead(limit, waiting, Overload(WAIT_UNDER_OVERLOAD, BEARABLE_WAIT, BURST), lag)
        self.circuit = Circuit(name, FAILURES)
        self.durations = Tally(SECONDS)
        """From when a request is sent until its answer is there, or given up."""
        self._retries_saved = RETRY_SAVINGS

    def sent(self) -> None:
        """Each request saves up a share of a retry."""
        self._retries_saved = min(self._retries_saved + RETRY_SHARE, RETRY_SAVINGS)

    def may_retry(self) -> bool:
        """Spends one of the retries saved up, if there is one."""
        if self._retries_saved < 1:
            return False
        self._retries_saved -= 1
        return True

    async def watch(self, session: aiohttp.ClientSession) -> None:
        """Runs for as long as the process does."""

        async def is_live() -> bool:
            try:
                async with session.get(f"{self.connections.origin}/health/live", timeout=PROBE_TIMEOUT) as response:
                    return response.status == 200
            except (aiohttp.ClientError, OSError):
                return False

        await self.circuit.watch(is_live)
