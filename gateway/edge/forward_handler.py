"""Where every request arrives: its path decides between an endpoint of the gateway's own and a service.

A forwarded request costs one turn in a batch of counts, one message to the service and one to the client; what is the
same in all requests of one client is made once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from gateway.admission.gate import Admission, Gate
from gateway.auth.client_token import ClientToken
from gateway.edge.auth_endpoints import AuthEndpoints
from gateway.routes import Router, UpstreamName
from gateway.upstream.headers import (
    TO_A_TOKEN_LINES,
    answered_lines,
    forwarded,
    has_idempotency_key,
    identity,
    lines,
)
from gateway.upstream.http_client import RawAnswer
from gateway.upstream.proxy import Proxy, UpstreamRequest
from shared.auth.internal_token import bearer_token
from shared.auth.signing import InternalSigner
from shared.errors import ApiError, Overloaded
from shared.http.body import read_body
from shared.http.request import Request
from shared.http.responses import Answer
from shared.http.server.response_bytes import ResponseBytes, length_line


@dataclass(slots=True)
class _Client:
    """What the headers of a request say, which are the same in all requests of a client; `lines` go to the service."""

    bearer: str
    lines: str
    scheme: str
    host: str
    has_key: bool


@dataclass(frozen=True, slots=True)
class ForwardHandler:
    """`public_url`: by which clients reach the gateway, if it is not the host that they name."""

    gate: Gate
    proxy: Proxy
    router: Router
    signer: InternalSigner
    endpoints: AuthEndpoints
    address: Callable[[Request], str]
    public_url: str | None

    def handle(self, request: Request) -> Awaitable[Answer | ResponseBytes] | ApiError:
        """Under too much load `Overloaded`, before the token is verified or the body read: refusing must be cheap."""
        upstream = self.router.upstream_of(request.target.path)
        if upstream is None:
            return self.endpoints.handle(request)
        token = self._known_token(request)
        bulkhead = self.proxy.bulkhead_of(upstream)
        organisation = None if token is None else token.caller.organisation_id
        if not bulkhead.admits(organisation):
            return Overloaded()
        return self._forward(request, upstream, token, partial(bulkhead.has_arrived, organisation))

    async def count_unadmitted(self, request: Request, reason: str) -> None:
        """Raises what `Gate.count_unadmitted` raises."""
        await self.gate.count_unadmitted(reason, request.headers.getall("Authorization", []), self.address(request))

    def _known_token(self, request: Request) -> ClientToken | None:
        """Looked up before the request is admitted, since organisations are admitted in turn."""
        client: _Client | None = request.head.derived
        if client is not None:
            return self.gate.known_token(client.bearer)
        return self.gate.known_token_in(request.headers.getall("Authorization", []))

    async def _forward(
        self, request: Request, upstream: UpstreamName, token: ClientToken | None, has_arrived: Callable[[], None]
    ) -> ResponseBytes:
        try:
            admission = await self._admission(request, token)
        finally:
            has_arrived()  # its body takes as long as the client wants
        request.answer_lines = admission.decision.lines()
        token = admission.require()
        request.caller = token.rate_key
        client: _Client = request.head.derived or self._client(request)
        body = request.content if request.stream is None else await read_body(request)
        who = identity(token.internal(self.signer, upstream), request.trace, client.scheme, client.host)
        message = UpstreamRequest(request.method, request.target.raw, client.lines + who, body, client.has_key)
        return _passed_on(await self.proxy.forward(upstream, message, token.caller.organisation_id))

    def _admission(self, request: Request, token: ClientToken | None) -> Awaitable[Admission]:
        request.is_counted = True
        if token is not None:
            return self.gate.admit_token(token, partial(self.address, request))
        return self.gate.admit(request.headers.getall("Authorization", []), self.address(request))

    def _client(self, request: Request) -> _Client:
        """Raises `BadRequest` for a header that no service can be sent."""
        scheme, _, host = (self.public_url or f"http://{request.host()}").partition("://")
        passing = forwarded(request.headers.items())
        bearer = bearer_token(request.headers.getall("Authorization", []))
        client = _Client(bearer, lines(passing), scheme, host, has_idempotency_key(passing))
        request.head.derived = client
        return client


def _passed_on(answer: RawAnswer) -> ResponseBytes:
    """The service's answer, with what the gateway says about it."""
    length = length_line(answer.status, answer.body).encode()
    lines = b"".join((answered_lines(answer.headers), length, TO_A_TOKEN_LINES))
    return ResponseBytes(answer.status, lines, answer.body)
