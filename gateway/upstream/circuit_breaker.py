"""A circuit breaker: while a service is unavailable, requests are refused at once instead of being tried one by one.

Closed, it lets requests pass; a number of failures in a row opens it. Open, it lets none pass, and only a health check
closes it: no client's request has to find out whether the service is back, least of all one that changes something.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from shared.errors import Unavailable

log = logging.getLogger(__name__)

PROBE_INTERVAL: Final = 0.25
"""Seconds between two health checks while it is open; the first is at once, so a false alarm costs milliseconds."""


class Circuit:
    """The circuit of one service, which the log calls `name`.

    As many `failures` in a row open it; any response in between, good or bad, starts the count again.
    """

    def __init__(self, name: str, failures: int) -> None:
        self._name = name
        self._most_failures = failures
        self._failures = 0
        self.age = 0
        """How often it was closed again."""
        self._opened = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._opened.is_set()

    def require_closed(self) -> None:
        """Raises `Unavailable`."""
        if self.is_open:
            raise Unavailable

    def passing(self, *failures: type[Exception]) -> "Passage":
        """For one request; an exception of `failures` means that the service cannot be reached or does not respond.

        Any other exception says nothing about it. Raises `Unavailable` while the circuit is open.
        """
        return Passage(self, failures)

    def close(self) -> None:
        if self.is_open:
            log.warning("%s is responding again, circuit breaker closed", self._name)
            self.age += 1
            self._failures = 0
            self._opened.clear()

    async def watch(self, is_live: Callable[[], Awaitable[bool]]) -> None:
        """Closes the circuit once the service is live again; runs for as long as the process does."""
        while True:
            await self._opened.wait()
            if await is_live():
                self.close()
            else:
                await asyncio.sleep(PROBE_INTERVAL)

    def ended(self, age: int, *, failed: bool) -> None:
        """Records the outcome of a request that began when the circuit had that age."""
        # What was sent before the circuit last closed says nothing about the service as it is now.
        if age != self.age or self.is_open:
            return
        self._failures = self._failures + 1 if failed else 0
        if self._failures >= self._most_failures:
            log.warning("%s is not responding, circuit breaker opened", self._name)
            self._opened.set()


class Passage:
    """One request; a class, since a generator costs four times as much on the hot path."""

    __slots__ = ("_age", "_circuit", "_failures")

    def __init__(self, circuit: Circuit, failures: tuple[type[Exception], ...]) -> None:
        self._circuit = circuit
        self._failures = failures

    def __enter__(self) -> None:
        self._circuit.require_closed()
        self._age = self._circuit.age

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, self._failures):
            self._circuit.ended(self._age, failed=kind is not None)
