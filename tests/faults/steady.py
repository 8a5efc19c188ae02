"""A steady stream of requests, each asked once, as through a balancer that knows which gateways take connections."""

import asyncio
import random
import time
import uuid
from typing import Any, Self

import aiohttp

from tests.faults.bed import Bed
from tests.support.client import Client, new_organisation
from tests.support.world import EMPLOYEES, SESSIONS, new_course, new_session


class SteadyLoad:
    """`rate` requests a second while the block runs: reads, and changes with and without a key.

    Only where a gateway takes no connection, and so has seen nothing of a request, the other one is asked.
    """

    def __init__(self, bed: Bed, rate: float) -> None:
        self._rate = rate
        organisation = new_organisation()
        self._clients: list[Client] = [bed.client(organisation, gateway=copy, sub="steady") for copy in range(2)]
        self._random = random.Random(1)
        self._course = self._session = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self._driver: asyncio.Task[None] | None = None
        self.count = 0
        self.errors: list[str] = []

    async def __aenter__(self) -> Self:
        self._course = await new_course(self._clients[0])
        self._session = await new_session(self._clients[0], self._course)
        self._driver = asyncio.create_task(self._drive())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._driver is not None
        self._driver.cancel()
        await asyncio.gather(self._driver, *self._under_way, return_exceptions=True)

    async def _drive(self) -> None:
        due = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self._one())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            due = max(due + 1 / self._rate, time.monotonic() - 1)

    async def _one(self) -> None:
        self.count += 1
        first = self.count % 2
        request = self._request()
        for client in (self._clients[first], self._clients[1 - first]):
            try:
                answer = await client.request(**request)
            except aiohttp.ClientConnectorError:
                continue
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                self.errors.append(f"{request['method']} {request['path']}: {error!r}")
                return
            if answer.status >= 400:
                self.errors.append(f"{request['method']} {request['path']}: {answer.status} {answer.text}")
            return
        self.errors.append("no gateway takes connections")

    def _request(self) -> dict[str, Any]:
        kind = self._random.random()
        if kind < 0.8:
            return {"method": "GET", "path": f"{SESSIONS}/{self._session}"}
        if kind < 0.9:
            person = self._random.getrandbits(40) + 1
            employee = {"employee_id": f"E-{person}", "full_name": "John Doe"}
            return {"method": "PUT", "path": f"{EMPLOYEES}/{person}", "json": employee}
        body: dict[str, Any] = {
            "course_id": self._course, "session_name": "Steady", "max_participants": 5,
            "start_date": "2031-05-15T09:00:00Z", "end_date": "2031-05-15T17:00:00Z",
        }  # fmt: skip
        return {"method": "POST", "path": SESSIONS, "json": body, "headers": {"Idempotency-Key": str(uuid.uuid4())}}
