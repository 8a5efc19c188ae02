"""Where every request arrives: its path decides which service it goes on to.

A forwarded request costs one turn in a batch of counts, one message to the service and one to the client; what is the
same in all requests of one client is made once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Final

from opentelemetry.trace import SpanKind

from gateway.admission.gate import Admission, Gate
from gateway.auth.client_token import ClientToken
from gateway.edge.document_handler import DocumentHandler
from gateway.edge.open_reads import OpenReads
from gateway.edge.public_routes import PublicRoutes
from gateway.edge.stream_handler import StreamHandler
from gateway.live.watch_handler import WatchHandler
from gateway.routes import IMPORTS, LOGOUT, PUBLIC, Destination, Router, UpstreamName
from gateway.upstream.headers import (
    TO_A_TOKEN_LINES,
    VARY_ACCEPT,
    client_lines,
    forwarded,
    has_idempotency_key,
    identity,
    lines,
    passed_on,
)
from gateway.upstream.proxy import Proxy, UpstreamRequest
from shared.auth.internal_token import ACCOUNTS, PLATFORM, bearer_token
from shared.auth.signing import InternalSigner
from shared.errors import ApiError, Overloaded, RateLimited, Unavailable, UpstreamFailed, UpstreamTimeout
from shared.http.accept import export_type
from shared.http.body import read_body, require_no_input
from shared.http.request import Request
from shared.http.responses import Answer, success
from shared.http.server.responder import Answering
from shared.http.server.response_bytes import ResponseBytes
from shared.http.server.response_stream import ResponseStream
from shared.http.streaming import Streamed
from shared.observability import current_trace
from shared.time_spent import spend
from shared.tracing.spans import Tracing, hop

TRACE_HEADER: Final = "X-Trace"
"""With `on` it asks that this request be traced; of those who may not it counts for nothing."""
MAY_TRACE: Final = (ACCOUNTS, PLATFORM)
"""Any of these permissions: administrators of an organisation, and of the installation."""


@dataclass(slots=True)
class _Client:
    """What the headers of a request say, which are the same in all requests of a client; `lines` go to the service."""

    bearer: str
    lines: str
    scheme: str
    host: str
    has_key: bool
    asks_for_trace: bool


@dataclass(frozen=True, slots=True)
class ForwardHandler:
    """`public_url`: by which clients reach the gateway, if it is not the host that they name."""

    gate: Gate
    proxy: Proxy
    router: Router
    signer: InternalSigner
    public: PublicRoutes
    open_reads: OpenReads
    documents: DocumentHandler
    streamed: StreamHandler
    watches: WatchHandler
    address: Callable[[Request], str]
    public_url: str | None

    def handle(self, request: Request) -> Answering | ApiError:
        """Under too much load `Overloaded`, before the token is verified or the body read: refusing must be cheap."""
        path = request.target.path
        if self.open_reads.has(path):
            return self.open_reads.handle(request)
        destination = self.router.destination_of(path)
        if destination is None:
            return self.documents.handle(request)
        request.route = destination.template
        if destination.upstream == "accounts":
            if path in PUBLIC:
                return self.public.handle(request)
            if path == LOGOUT and request.method == "POST":
                return self._log_out(request)
        long = self._over_the_lane(request, destination)
        return long or self._at_once(request, destination.service_for(request.method))

    def _over_the_lane(self, request: Request, destination: Destination) -> Answering | None:
        """What may take long; None where it is not that."""
        _, _, _, streamed, is_live, is_exported = destination
        upstream = destination.service_for(request.method)
        if streamed and request.method in streamed:
            if request.target.path == IMPORTS:
                upstream = self.router.upstream_of_import(request.target.query)
            return self._stream(request, upstream, streamed[request.method])
        if is_live and request.method == "GET":
            return self._watch(request, upstream)
        if is_exported and _is_export(request):
            return self._stream(request, upstream, 0)
        return None

    def _at_once(self, request: Request, upstream: UpstreamName) -> Answering | ApiError:
        token = self._known_token(request)
        bulkhead = self.proxy.bulkhead_of(upstream)
        organisation = None if token is None else token.caller.organisation_id
        if not bulkhead.admits(organisation):
            return Overloaded()
        return self._forward(request, upstream, token, partial(bulkhead.has_arrived, organisation))

    async def count_unadmitted(self, request: Request, reason: str) -> None:
        """Raises `RateLimited` for a user or an address with too many."""
        authorization = request.headers.getall("Authorization", [])
        decision = await self.gate.count_unadmitted(reason, authorization, self.address(request))
        if decision is not None:
            request.answer_lines += decision.lines()
            if not decision.admitted:
                raise RateLimited(decision.retry_after)

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
        request.answer_lines += admission.decision.lines()
        return await self._sent_on(request, upstream, admission.require())

    async def _stream(
        self, request: Request, upstream: UpstreamName, most_bytes: int
    ) -> ResponseBytes | ResponseStream:
        admission = await self._admission(request, self._known_token(request))
        request.answer_lines += admission.decision.lines()
        token = admission.require()
        request.caller = token.rate_key
        client = self._client_of(request, token)
        with hop(upstream, SpanKind.CLIENT):
            who = identity(token.internal(self.signer, upstream), current_trace.get(), client.scheme, client.host)
            return await self.streamed.answer(request, upstream, token, client.lines + who, most_bytes)

    async def _watch(self, request: Request, upstream: UpstreamName) -> ResponseBytes | Streamed:
        """Whether the client may, the service says, as of any request."""
        admission = await self._admission(request, self._known_token(request))
        request.answer_lines += admission.decision.lines()
        token = admission.require()
        self.streamed.streams.open(request, token)
        found = await self._sent_on(request, upstream, token)
        return self.watches.answer(request, token.caller.organisation_id, found)

    async def _log_out(self, request: Request) -> Answer | ResponseBytes:
        """Once the request is found to be valid, the token is refused from now on, whatever else happens. Accounts ends
        its session."""
        admission = await self._admission(request, self._known_token(request))
        request.answer_lines += admission.decision.lines()
        token = await self.gate.require_logout(admission)
        request.caller, _ = token.rate_key, self._client_of(request, token)
        await require_no_input(request)
        await self.gate.revoke(token, self.address(request))
        try:
            return await self._sent_on(request, "accounts", token, b"")
        except (Unavailable, UpstreamFailed, UpstreamTimeout):
            if token.has_session:
                raise
            return success(None, message="Logged out successfully")

    async def _sent_on(
        self, request: Request, upstream: UpstreamName, token: ClientToken, body: bytes | None = None
    ) -> ResponseBytes:
        """`body` is what was read of it before."""
        request.caller = token.rate_key
        client = self._client_of(request, token)
        if body is None:
            body = request.content if request.stream is None else await read_body(request)
        with hop(upstream, SpanKind.CLIENT):
            return await self._exchanged(request, upstream, token, client, body)

    async def _exchanged(
        self, request: Request, upstream: UpstreamName, token: ClientToken, client: _Client, body: bytes
    ) -> ResponseBytes:
        who = identity(token.internal(self.signer, upstream), current_trace.get(), client.scheme, client.host)
        of_accounts = upstream == "accounts"
        if of_accounts:
            who += client_lines(self.address(request), request.headers.getall("Authorization", []))
        message = UpstreamRequest(
            request.method, request.target.raw, client.lines + who, body, client.has_key, of_accounts
        )
        answer = await self.proxy.forward(upstream, message, token.caller.organisation_id)
        return passed_on(answer, TO_A_TOKEN_LINES)

    async def _admission(self, request: Request, token: ClientToken | None) -> Admission:
        request.is_counted = True
        began = perf_counter()
        try:
            if token is not None:
                return await self.gate.admit_token(token, partial(self.address, request))
            return await self.gate.admit(request.headers.getall("Authorization", []), self.address(request))
        finally:
            spend("admission", began)

    def _client_of(self, request: Request, token: ClientToken) -> _Client:
        """Raises what `_client` raises."""
        client: _Client = request.head.derived or self._client(request)
        if client.asks_for_trace and token.caller.may(*MAY_TRACE):
            ask_for_trace(request)
        return client

    def _client(self, request: Request) -> _Client:
        """Raises `BadRequest` for a header that no service can be sent."""
        scheme, _, host = (self.public_url or f"http://{request.host()}").partition("://")
        passing = forwarded(request.headers.items())
        bearer = bearer_token(request.headers.getall("Authorization", []))
        asks = request.headers.get(TRACE_HEADER, "").lower() == "on"
        client = _Client(bearer, lines(passing), scheme, host, has_idempotency_key(passing), asks)
        request.head.derived = client
        return client


def ask_for_trace(request: Request) -> None:
    """From now on the request is sampled, if anybody's traces are."""
    if not request.trace.is_sampled and Tracing.tracer is not None:
        request.trace = request.trace.below(sampled=True)
        current_trace.set(request.trace)


def _is_export(request: Request) -> bool:
    """Whether the list is wanted whole. Each answer about it says that its form depends on `Accept`."""
    request.answer_lines += VARY_ACCEPT
    return request.method == "GET" and export_type(request.headers) is not None
