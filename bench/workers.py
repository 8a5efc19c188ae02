"""Services that are started and stopped one by one, on empty databases: for what a process does by itself."""

import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bench.installation import Installed, serving
from bench.open_loop import open_loop
from bench.placement import Placement
from bench.processes import Serving, python, serve
from bench.programs import output_of
from bench.settings import Servers
from stack.paths import REPOSITORY

PEER_SECONDS = 120.0


class Workers:
    """An installation of which nothing runs until it is asked for. `core` None is any."""

    def __init__(self, installed: Installed, servers: Servers, placement: Placement) -> None:
        self.amqp_url = servers.amqp_url
        """Of the administrator."""
        self.internal_keys = installed.internal_keys
        self._installed = installed
        self._layout = servers.layout
        self._placement = placement

    def database_url(self, service: str) -> str:
        """Of the owner of the tables."""
        return self._installed.databases[service].owner

    def service_database_url(self, service: str) -> str:
        """Of the role that the service has there."""
        return self._installed.databases[service].service

    def url(self, service: str) -> str:
        """Where the service's process listens while it runs."""
        return self._installed.url_of(service)

    def setting(self, service: str, name: str) -> str:
        """One of the service's own."""
        return self._installed.environments[service][name]

    @asynccontextmanager
    async def service(
        self, service: str, *arguments: str, core: int | None = None, **settings: str
    ) -> AsyncIterator[Serving]:
        """`python -m services.SERVICE ARGUMENTS`, ready, while the block runs; `settings` beside its usual ones."""
        process = await serve(
            self._layout,
            f"{service}-{self._installed.number}",
            serving(service, *arguments),
            self._cores(core),
            self._installed.ports[service],
            {**self._installed.environments[service], **settings},
        )
        try:
            yield process
        finally:
            await process.stop()

    async def peer(self, script: str, *arguments: object, core: int | None = None) -> str:
        """What `bench/peers/SCRIPT.py ARGUMENTS` prints, run to its end with `AMQP_URL` in its environment."""
        command = [sys.executable, str(REPOSITORY / "bench" / "peers" / f"{script}.py"), *map(str, arguments)]
        return await output_of(command, self._cores(core), seconds=PEER_SECONDS, AMQP_URL=self.amqp_url)

    async def open_loop(self, url: str, requests: Path, *, rate: int, seconds: float) -> None:
        """Requests at that rate, from the load's core; raises `NotMeasured` when one was not answered with 2xx."""
        await open_loop(self._placement.load, url, requests, rate=rate, seconds=seconds)

    async def hand_over(self) -> dict[str, float]:
        """What `bench.hand_over` has measured."""
        measured: dict[str, float] = json.loads(
            await output_of(python("bench.hand_over"), self._placement.all, seconds=PEER_SECONDS)
        )
        return measured

    def _cores(self, core: int | None) -> Sequence[int]:
        return self._placement.all if core is None else [core]
