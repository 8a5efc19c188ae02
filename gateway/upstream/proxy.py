"""Carries a request to its service and the answer back."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

from gateway.routes import UpstreamName
from gateway.upstream.bulkhead import Bulkhead
from gateway.upstream.http_client import AnswerBroken, ConnectionLost, NotConnected, RawAnswer
from gateway.upstream.upstream import Upstream
from shared.concurrency.deadline import HEADER as DEADLINE
from shared.concurrency.deadline import Deadline
from shared.concurrency.fairness import Organisation
from shared.errors import DeadlinePassed, Unavailable, UpstreamFailed, UpstreamTimeout
from shared.time_spent import spend

log = logging.getLogger(__name__)

WAITING_SHARE = 0.5
"""Of the time for an answer, that may pass before the request is sent: what is sent gets a fair chance."""
_CHALLENGE = b"www-authenticate"
_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})
"""RFC 9110, section 8.6: these say so when they have no body."""


@dataclass(slots=True)
class UpstreamRequest:
    """`target` is the client's own, byte for byte; `lines` are header lines, each with its end."""

    method: str
    target: str
    lines: str
    body: bytes
    has_key: bool = False
    """An `Idempotency-Key`."""
    of_accounts: bool = False
    """Whether credentials of the client are checked there: a 401 may then be the client's."""

    @property
    def may_be_repeated(self) -> bool:
        """It changes nothing, or the service gives the second one the first one's answer (contract, section 1)."""
        return self.method in ("GET", "HEAD") or (self.method == "POST" and self.has_key)

    def message(self, host: str, seconds: float) -> bytes:
        """As it goes over the wire (RFC 9112), with the time that is left for its answer."""
        length = f"Content-Length: {len(self.body)}\r\n" if self.body or self.method in _WITH_LENGTH else ""
        deadline = f"{DEADLINE}: {int(seconds * 1000)}\r\n"
        head = f"{self.method} {self.target} HTTP/1.1\r\nHost: {host}\r\n{self.lines}{deadline}{length}\r\n"
        return head.encode() + self.body


class Proxy:
    """Forwards to the services by name; `timeout` is the seconds one answer may take, wait and retry included."""

    def __init__(self, upstreams: Mapping[UpstreamName, Upstream], timeout: float) -> None:
        self._upstreams = upstreams
        self.timeout = timeout

    def deadline(self) -> Deadline:
        """Of an answer whose time begins now."""
        return Deadline.after(self.timeout)

    def bulkhead_of(self, name: UpstreamName) -> Bulkhead:
        """To be asked before anything is done for a request."""
        return self._upstreams[name].bulkhead

    async def forward(
        self,
        name: UpstreamName,
        request: UpstreamRequest,
        organisation: Organisation,
        deadline: Deadline | None = None,
    ) -> RawAnswer:
        """Raises `Overloaded`, `Unavailable`, `UpstreamFailed` or `UpstreamTimeout`. Without a `deadline` the time for
        the answer begins now."""
        upstream, deadline = self._upstreams[name], deadline or self.deadline()
        upstream.circuit.require_closed()
        await upstream.bulkhead.acquire(self.timeout * WAITING_SHARE, organisation)
        try:
            with upstream.circuit.passing(NotConnected, ConnectionLost, AnswerBroken, TimeoutError):
                return await self._once_or_twice(upstream, request, deadline)
        except NotConnected:
            raise Unavailable from None
        except (TimeoutError, DeadlinePassed):
            raise UpstreamTimeout from None
        except (ConnectionLost, AnswerBroken):
            raise UpstreamFailed from None
        finally:
            upstream.bulkhead.release(organisation)

    async def _once_or_twice(self, upstream: Upstream, request: UpstreamRequest, deadline: Deadline) -> RawAnswer:
        """Once more what was never sent, or may be carried out twice and lost its connection before its answer."""
        upstream.sent()
        try:
            return await self._send(upstream, request, deadline)
        except NotConnected:
            if not upstream.may_retry():
                raise
        except ConnectionLost:
            if not request.may_be_repeated or not upstream.may_retry():
                raise
        return await self._send(upstream, request, deadline)

    async def _send(self, upstream: Upstream, request: UpstreamRequest, deadline: Deadline) -> RawAnswer:
        connections, seconds = upstream.connections, deadline.require(self.timeout)
        message = request.message(connections.host, seconds)
        began = perf_counter()
        try:
            answer = await connections.ask(message, seconds, without_body=request.method == "HEAD")
        finally:
            upstream.durations.observe(perf_counter() - began)
            spend("upstream", began)
        if answer.status == 401 and not (request.of_accounts and _is_about_the_client(answer)):
            log.error("%s rejected the gateway's internal token: check clocks and trusted keys", connections.origin)
            raise UpstreamFailed("The service did not accept the gateway's credentials.")
        return answer


def _is_about_the_client(answer: RawAnswer) -> bool:
    """Whether a 401 refuses something else than the internal token (RFC 6750, section 3.1)."""
    return not any(b'error="invalid_token"' in value for name, value in answer.headers if name.lower() == _CHALLENGE)
