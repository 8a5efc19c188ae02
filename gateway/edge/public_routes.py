"""Requests of accounts that need no token, since by them one gets one: signing in, `/oauth/token`, the public keys.

They are not counted here: accounts counts what fails, by account and address. A few of each kind are at accounts at
once; the others wait here, where waiting costs next to nothing.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from opentelemetry.trace import SpanKind

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
from shared.concurrency.fair_semaphore import FairSemaphore
from shared.errors import ApiError, Overloaded
from shared.http.body import read_body
from shared.http.errors import MethodNotAllowed
from shared.http.request import Request
from shared.http.server.response_bytes import ResponseBytes
from shared.observability import current_trace
from shared.time_spent import spend
from shared.tracing.spans import hop

MAX_BODY: Final = 8 * 1024
"""Bytes: anybody may send one."""
KINDS: Final = (
    ("password check", ("/api/v1/auth/login", "/api/v1/auth/invitation")),
    ("token", ("/oauth/token",)),
    (
        "public document",
        (
            "/.well-known/jwks.json",
            "/.well-known/oauth-authorization-server",
            "/.well-known/oauth-protected-resource",
        ),
    ),
)
"""Paths whose requests wait for each other, and for none of another kind: a password takes a hundred times as long to
check as anything else does."""
AT_ONCE: Final = 8
"""Requests of a kind that are at accounts at once. It checks two passwords at a time; a few more keep it busy."""
WAITING: Final = 400
"""Requests of a kind that wait for their turn."""
TURN_SHARE: Final = 0.6
"""Of the time for an answer, that may pass before a turn comes; who cannot expect one by then is refused early."""
RETRY_AFTER: Final = 5
"""Seconds."""


def turns_by_path() -> dict[str, FairSemaphore]:
    return {path: turns for kind, paths in KINDS for turns in [_turns(kind)] for path in paths}


def _turns(kind: str) -> FairSemaphore:
    return FairSemaphore(AT_ONCE, AT_ONCE, resource=kind, max_waiting_per_organisation=WAITING, refuses_hopeless=True)


@dataclass(frozen=True, slots=True)
class PublicRoutes:
    """`public_url`: by which clients reach the gateway, if it is not the host that they name."""

    proxy: Proxy
    own_requests: OwnRequests
    address: Callable[[Request], str]
    public_url: str | None
    turns: Mapping[str, FairSemaphore] = field(default_factory=turns_by_path)

    def handle(self, request: Request) -> Awaitable[ResponseBytes] | ApiError:
        """Under too much load `Overloaded`. All such requests together are one organisation's at accounts: none."""
        method = PUBLIC[request.target.path]
        if request.method != method:
            return MethodNotAllowed([method])
        if not self.turns[request.target.path].may_wait(self._longest_wait):
            return Overloaded(retry_after=RETRY_AFTER)
        bulkhead = self.proxy.bulkhead_of(ACCOUNTS)
        return self._forward(request, bulkhead.has_arrived) if bulkhead.admits(None) else Overloaded()

    async def _forward(self, request: Request, has_arrived: Callable[[], None]) -> ResponseBytes:
        has_arrived()  # its body takes as long as the client wants
        body = await read_body(request, MAX_BODY)
        deadline = self.proxy.deadline()
        request.is_counted = True
        with hop(ACCOUNTS, SpanKind.CLIENT):
            message = self._message(request, body)
            async with self._turn(request.target.path):
                return passed_on(await self.proxy.forward(ACCOUNTS, message, None, deadline), NO_SNIFFING_LINES)

    @property
    def _longest_wait(self) -> float:
        return self.proxy.timeout * TURN_SHARE

    @asynccontextmanager
    async def _turn(self, path: str) -> AsyncIterator[None]:
        turns, began = self.turns[path], perf_counter()
        try:
            await turns.acquire(self._longest_wait)
        except Overloaded:
            raise Overloaded(retry_after=RETRY_AFTER) from None
        finally:
            spend("turn", began)
        try:
            yield
        finally:
            turns.release()

    def _message(self, request: Request, body: bytes) -> UpstreamRequest:
        scheme, _, host = (self.public_url or f"http://{request.host()}").partition("://")
        passing = forwarded(request.headers.items())
        own = client_lines(self.address(request), request.headers.getall("Authorization", []))
        who = identity(self.own_requests.token_of_anybody(), current_trace.get(), scheme, host)
        return UpstreamRequest(
            request.method,
            request.target.raw,
            lines(passing) + who + own,
            body,
            has_idempotency_key(passing),
            of_accounts=True,
        )
