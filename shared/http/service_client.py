"""Requests from one service to another, made directly and with a permission that no client has."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from opentelemetry.trace import SpanKind

from shared.auth.internal_token import Caller
from shared.auth.signing import InternalSigner
from shared.concurrency.deadline import Deadline, time_left
from shared.errors import Unavailable
from shared.observability import current_trace
from shared.tracing.spans import hop

log = logging.getLogger(__name__)

TIMEOUT = 2.0
CONNECT_TIMEOUT = 0.5
MAX_CONNECTIONS = 20
MAX_RESPONSE_BYTES = 64 * 1024 * 1024
"""Of a response's body. The largest are pages of snapshots: 500 rows with texts of up to 10,000 characters."""
IDLE_LIMIT = 0.8
"""Seconds an idle connection to a service is used again. A service that ends serves open connections for one second
more (`shared.http.server.app.LAST_CALL`): one that is used in it ends with its answer, one that is not is never used
again, and so no request is ever sent into a connection that is just being closed."""


@dataclass(frozen=True, slots=True)
class ServiceResponse:
    status: int
    text: str


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """Sends requests to the service `name` at `url`; `signer` signs for `asking`, the service that sends them."""

    http: aiohttp.ClientSession
    url: str
    name: str
    asking: str
    signer: InternalSigner

    async def request(
        self,
        method: str,
        path: str,
        organisation_id: int,
        permission: str,
        body: dict[str, Any] | None = None,
        *,
        within: float = TIMEOUT,
    ) -> ServiceResponse:
        """The response, whatever its status below 500, to a request that has this permission and no other.

        It has the request id of the request under way. Raises `Unavailable` when the service cannot be reached,
        fails, sends too much, or has not answered after `within` seconds, and `DeadlinePassed` when there is no time
        left.
        """
        with hop(self.name, SpanKind.CLIENT):
            return await self._request(method, path, organisation_id, permission, body, within)

    async def _request(
        self, method: str, path: str, organisation_id: int, permission: str, body: dict[str, Any] | None, within: float
    ) -> ServiceResponse:
        deadline, trace = Deadline.after(time_left(within)), current_trace.get()
        caller = Caller(organisation_id, self.asking, self.asking, "service", frozenset({permission}))
        token = self.signer.sign(caller, self.name)
        headers = [("Authorization", f"Bearer {token}"), deadline.header()]
        if trace.request_id:
            headers += [("X-Request-Id", trace.request_id), ("traceparent", trace.traceparent)]
        if trace.tracestate:
            headers.append(("tracestate", trace.tracestate))
        timeout = aiohttp.ClientTimeout(total=deadline.require(within), connect=CONNECT_TIMEOUT)
        try:
            async with self.http.request(
                method, self.url + path, json=body, headers=headers, timeout=timeout
            ) as response:
                received = ServiceResponse(response.status, await self._text(response))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable from error
        if received.status >= 500:
            raise Unavailable
        return received

    async def _text(self, response: aiohttp.ClientResponse) -> str:
        """Raises `Unavailable` for a body that is too large; the connection ends with it."""
        body = bytearray()
        async for part in response.content.iter_any():
            body += part
            if len(body) > MAX_RESPONSE_BYTES:
                log.error("%s sent a response of more than %s bytes", self.name, MAX_RESPONSE_BYTES)
                response.close()
                raise Unavailable
        return body.decode()


@asynccontextmanager
async def connect_to_service(
    url: str, *, name: str, asking: str, signer: InternalSigner
) -> AsyncIterator[ServiceClient]:
    connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=IDLE_LIMIT)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as http:
        yield ServiceClient(http, url, name=name, asking=asking, signer=signer)
