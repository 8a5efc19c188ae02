"""Carries a request to its service and the answer back."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from yarl import URL

from gateway.bulkhead import Arrival
from gateway.headers import Headers, answered
from gateway.routes import UpstreamName
from gateway.upstream import Upstream
from shared.deadline import Deadline
from shared.errors import DeadlinePassed, Unavailable, UpstreamFailed, UpstreamTimeout
from shared.http.peer import IDLE_LIMIT

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 1.0
WAITING_SHARE = 0.5
"""Of the time for an answer, that may pass before the request is sent: what is sent gets a fair chance."""
MAX_ANSWER_BYTES = 16 * 1024 * 1024
_NOTHING_OF_ITS_OWN = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""No connection was made. Behind a service's address there may be several processes, of which one is just ending."""


class ConnectionLost(aiohttp.ClientError):
    """The service closed the connection before its answer began."""


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """`target` is the client's own, byte for byte."""

    method: str
    target: str
    headers: Headers
    body: bytes

    @property
    def may_be_repeated(self) -> bool:
        """It changes nothing, or the service gives the second one the first one's answer (contract, section 1)."""
        keyed = any(name.lower() == "idempotency-key" for name, _ in self.headers)
        return self.method in ("GET", "HEAD") or (self.method == "POST" and keyed)


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    status: int
    headers: Headers
    body: bytes


def upstream_session() -> aiohttp.ClientSession:
    """A client that follows, remembers, unpacks and repeats nothing by itself."""
    # Each `Upstream` bounds its own requests; a queue here would be one for all of them.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_LIMIT)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        skip_auto_headers=_NOTHING_OF_ITS_OWN,
        middlewares=(_sent_once,),
    )


async def _sent_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """aiohttp sends GET, PUT and DELETE again after a disconnect, unless the error is one it does not know."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionLost(str(error)) from error


class Proxy:
    """Forwards to the services by name; `timeout` is the seconds one answer may take, wait and retry included."""

    def __init__(
        self, session: aiohttp.ClientSession, upstreams: Mapping[UpstreamName, Upstream], timeout: float
    ) -> None:
        self._session = session
        self._upstreams = upstreams
        self._timeout = timeout

    def pass_door(self, name: UpstreamName) -> None:
        """To be asked before a request is parsed; raises `Overloaded`."""
        self._upstreams[name].bulkhead.pass_door()

    def arrival(self, name: UpstreamName) -> Arrival:
        """To be asked before anything is done for a request; raises `Overloaded`."""
        return self._upstreams[name].bulkhead.arrival()

    def is_overloaded(self) -> bool:
        """Whether any of the services has more to do than it can, these seconds."""
        return any(upstream.bulkhead.is_overloaded for upstream in self._upstreams.values())

    async def forward(self, name: UpstreamName, request: UpstreamRequest) -> UpstreamAnswer:
        """Raises `Overloaded`, `Unavailable`, `UpstreamFailed` or `UpstreamTimeout`."""
        upstream, deadline = self._upstreams[name], Deadline.after(self._timeout)
        upstream.circuit.require_closed()
        async with upstream.bulkhead.turn(deadline.left() * WAITING_SHARE):
            try:
                with upstream.circuit.passing(aiohttp.ClientError, OSError):
                    return await self._once_or_twice(upstream, request, deadline)
            except NEVER_SENT:
                raise Unavailable from None
            except (TimeoutError, DeadlinePassed):
                raise UpstreamTimeout from None
            except (aiohttp.ClientError, OSError):
                raise UpstreamFailed from None

    async def _once_or_twice(self, upstream: Upstream, request: UpstreamRequest, deadline: Deadline) -> UpstreamAnswer:
        """Once more what was never sent, or may be carried out twice and lost its connection before its answer."""
        upstream.sent()
        try:
            return await self._send(upstream, request, deadline)
        except NEVER_SENT:
            if not upstream.may_retry():
                raise
        except ConnectionLost:
            if not request.may_be_repeated or not upstream.may_retry():
                raise
        return await self._send(upstream, request, deadline)

    async def _send(self, upstream: Upstream, request: UpstreamRequest, deadline: Deadline) -> UpstreamAnswer:
        url = URL(upstream.origin + request.target, encoded=True)
        timeout = aiohttp.ClientTimeout(total=deadline.require(self._timeout), connect=CONNECT_TIMEOUT)
        async with self._session.request(
            request.method,
            url,
            headers=[*request.headers, deadline.header()],
            data=request.body or None,
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            if response.status == 401:
                log.error("%s refuses this gateway's token: a clock is wrong, or the secrets differ", upstream.origin)
                raise UpstreamFailed("The service did not accept the gateway's credentials.")
            headers = [(name.decode(), value.decode("utf-8", "replace")) for name, value in response.raw_headers]
            return UpstreamAnswer(response.status, answered(headers), await _body(response))


async def _body(response: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise UpstreamFailed("The service's answer is too large.")
    return bytes(body)
