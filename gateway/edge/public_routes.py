"""Requests of accounts that need no token, since by them one gets one: signing in, `/oauth/token`, the public keys.

They are not counted here: accounts counts what fails, by account and address.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from gateway.auth.own_requests import ACCOUNTS, OwnRequests
from gateway.routes import PUBLIC
from gateway.upstream.headers import (
    NO_SNIFFING_LINES,
    client_lines,
    forwarded,
    has_idempotency_key,
    identity,
    lines,
    passed_on,
)
from gateway.upstream.proxy import Proxy, UpstreamRequest
from shared.errors import ApiError, MethodNotAllowed, Overloaded
from shared.http.body import read_body
from shared.http.request import Request
from shared.http.server.response_bytes import ResponseBytes

MAX_BODY: Final = 8 * 1024
"""Bytes: anybody may send one."""


@dataclass(frozen=True, slots=True)
class PublicRoutes:
    """`public_url`: by which clients reach the gateway, if it is not the host that they name."""

    proxy: Proxy
    own_requests: OwnRequests
    address: Callable[[Request], str]
    public_url: str | None

    def handle(self, request: Request) -> Awaitable[ResponseBytes] | ApiError:
        """Under too much load `Overloaded`. All such requests together are one organisation's: none."""
        method = PUBLIC[request.target.path]
        if request.method != method:
            return MethodNotAllowed([method])
        bulkhead = self.proxy.bulkhead_of(ACCOUNTS)
        return self._forward(request, bulkhead.has_arrived) if bulkhead.admits(None) else Overloaded()

    async def _forward(self, request: Request, has_arrived: Callable[[], None]) -> ResponseBytes:
        has_arrived()  # its body takes as long as the client wants
        body = await read_body(request, MAX_BODY)
        scheme, _, host = (self.public_url or f"http://{request.host()}").partition("://")
        passing = forwarded(request.headers.items())
        own = client_lines(self.address(request), request.headers.getall("Authorization", []))
        who = identity(self.own_requests.token_of_anybody(), request.trace, scheme, host)
        message = UpstreamRequest(
            request.method,
            request.target.raw,
            lines(passing) + who + own,
            body,
            has_idempotency_key(passing),
            of_accounts=True,
        )
        request.is_counted = True
        return passed_on(await self.proxy.forward(ACCOUNTS, message, None), NO_SNIFFING_LINES)
