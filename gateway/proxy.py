"""Carries a request to its service and the answer back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from yarl import URL

from gateway.headers import Headers, answered
from gateway.routes import UpstreamName
from shared.errors import Overloaded, Unavailable, UpstreamFailed, UpstreamTimeout

CONNECT_TIMEOUT = 1.0
KEEPALIVE = 30.0
"""Seconds an idle connection is kept; services keep theirs longer, so none is cut while a request enters it."""
MAX_ANSWER_BYTES = 16 * 1024 * 1024
RETRY_SHARE: Final = 0.1
"""Repeated requests for each request sent: a service that fails must not get twice the load for it."""
RETRY_SAVINGS: Final = 10.0
_NOTHING_OF_ITS_OWN = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class ConnectionLost(aiohttp.ClientError):
    """The service closed the connection before its answer began."""


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """`target` is the client's own, byte for byte."""

    method: str
    target: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    status: int
    headers: Headers
    body: bytes


class Upstream:
    """One service: where it is, and how many requests may be at it at once."""

    def __init__(self, origin: str, limit: int) -> None:
        self.origin = origin
        self._limit = limit
        self._count = 0
        self._retries_saved = RETRY_SAVINGS

    def __enter__(self) -> None:
        if self._count >= self._limit:
            raise Overloaded
        self._count += 1
        self._retries_saved = min(self._retries_saved + RETRY_SHARE, RETRY_SAVINGS)

    def __exit__(self, *_: object) -> None:
        self._count -= 1

    def may_retry(self) -> bool:
        """Spends one of the retries saved up, if there is one."""
        if self._retries_saved < 1:
            return False
        self._retries_saved -= 1
        return True


def upstream_session() -> aiohttp.ClientSession:
    """A client that follows, remembers, unpacks and repeats nothing by itself."""
    # Each `Upstream` bounds its own requests, and refuses at once where a connector would let them queue.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE)
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
    """Forwards to the services by name; `timeout` is the seconds one answer may take, all together."""

    def __init__(
        self, session: aiohttp.ClientSession, upstreams: Mapping[UpstreamName, Upstream], timeout: float
    ) -> None:
        self._session = session
        self._upstreams = upstreams
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=CONNECT_TIMEOUT)

    async def forward(self, name: UpstreamName, request: UpstreamRequest) -> UpstreamAnswer:
        """Raises `Overloaded`, `Unavailable`, `UpstreamFailed` or `UpstreamTimeout`."""
        upstream = self._upstreams[name]
        with upstream:
            try:
                return await self._once_or_twice(upstream, request)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                raise Unavailable from None
            except TimeoutError:
                raise UpstreamTimeout from None
            except (aiohttp.ClientError, OSError):
                raise UpstreamFailed from None

    async def _once_or_twice(self, upstream: Upstream, request: UpstreamRequest) -> UpstreamAnswer:
        """A GET changes nothing, so one whose connection was closed under it is sent once more."""
        try:
            return await self._send(upstream, request)
        except ConnectionLost:
            if request.method not in ("GET", "HEAD") or not upstream.may_retry():
                raise
        return await self._send(upstream, request)

    async def _send(self, upstream: Upstream, request: UpstreamRequest) -> UpstreamAnswer:
        url = URL(upstream.origin + request.target, encoded=True)
        async with self._session.request(
            request.method,
            url,
            headers=request.headers,
            data=request.body or None,
            timeout=self._timeout,
            allow_redirects=False,
        ) as response:
            headers = [(name.decode(), value.decode("utf-8", "replace")) for name, value in response.raw_headers]
            return UpstreamAnswer(response.status, answered(headers), await _body(response))


async def _body(response: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise UpstreamFailed("The service's answer is too large.")
    return bytes(body)
