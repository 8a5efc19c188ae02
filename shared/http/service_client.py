"""Asking another service of the house, directly and with a permission that no client has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from shared.auth.internal_token import Caller
from shared.auth.signing import InternalSigner
from shared.concurrency.deadline import Deadline, time_left
from shared.errors import Unavailable

TIMEOUT = 2.0
CONNECT_TIMEOUT = 0.5
MAX_CONNECTIONS = 20
IDLE_LIMIT = 0.8
"""Seconds an idle connection to a service is used again. A service that ends serves open connections for one second
more (`shared.http.server.app.LAST_CALL`): one that is used in it ends with its answer, one that is not is never used
again, and so no request is ever sent into a connection that is just being closed."""


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    status: int
    text: str


class Peer:
    """The service `name` at `url`; `signer` signs for `asking`, the service that asks."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, *, name: str, asking: str, signer: InternalSigner
    ) -> None:
        self._http = http
        self._url = url
        self._name = name
        self._asking = asking
        self._signer = signer

    async def ask(
        self, method: str, path: str, organisation_id: int, permission: str, body: dict[str, Any] | None = None
    ) -> PeerAnswer:
        """Its answer, whatever it decides, to a call that has this permission and no other.

        Raises `Unavailable` when it cannot be asked or cannot decide, and `DeadlinePassed` when there is no time to.
        """
        deadline = Deadline.after(time_left(TIMEOUT))
        caller = Caller(organisation_id, self._asking, self._asking, "service", frozenset({permission}))
        token = self._signer.sign(caller, self._name)
        headers = [("Authorization", f"Bearer {token}"), deadline.header()]
        timeout = aiohttp.ClientTimeout(total=deadline.require(TIMEOUT), connect=CONNECT_TIMEOUT)
        try:
            async with self._http.request(
                method, self._url + path, json=body, headers=headers, timeout=timeout
            ) as response:
                answer = PeerAnswer(response.status, await response.text())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable from error
        if answer.status >= 500:
            raise Unavailable
        return answer


@asynccontextmanager
async def connected_peer(url: str, *, name: str, asking: str, signer: InternalSigner) -> AsyncIterator[Peer]:
    connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=IDLE_LIMIT)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as http:
        yield Peer(http, url, name=name, asking=asking, signer=signer)
