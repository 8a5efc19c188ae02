"""Forwards plain requests straight from their connection: the hot path of the gateway.

A request takes it when its token was verified before. It then costs one turn in a batch of counts, one message to
the service and one to the client; what is the same in all requests of one client is made once. Where there is too
much to do it is refused at once, before anything but its organisation is looked at. Every other request, and every
other refusal before the count, takes the ordinary way (`gateway.edge.forward_handler`).
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiohttp.helpers import rfc822_formatted_time

from gateway.admission.gate import Gate, client_network
from gateway.admission.sliding_window import Decision
from gateway.auth.client_token import ClientToken
from gateway.routes import Router, UpstreamName
from gateway.settings import GatewaySettings
from gateway.upstream.bulkhead import Arrival
from gateway.upstream.headers import (
    TO_A_TOKEN,
    TO_A_TOKEN_LINES,
    answered_lines,
    forwarded,
    has_idempotency_key,
    identity,
    lines,
)
from gateway.upstream.proxy import Proxy, UpstreamAnswer, UpstreamRequest
from shared.auth.internal_token import bearer_token
from shared.auth.signing import InternalSigner
from shared.errors import ApiError, Overloaded
from shared.http.responses import Answer, api_error, failure
from shared.http.server.fast_path import Handler
from shared.http.server.response_bytes import WITHOUT_LENGTH, Written, status_line
from shared.http.server.simple_request import PlainRequest
from shared.observability import Trace

REMEMBERED_CLIENTS: Final = 1000
_OVERLOADED: Final = Overloaded()


@dataclass(slots=True)
class _Client:
    """What the header lines of a client say, which are the same in its requests; `lines` are those that go on."""

    bearer: str
    lines: str
    scheme: str
    host: str
    has_key: bool


class PlainForwarding:
    def __init__(
        self, gate: Gate, proxy: Proxy, router: Router, signer: InternalSigner, settings: GatewaySettings
    ) -> None:
        self._gate = gate
        self._proxy = proxy
        self._router = router
        self._trusted_proxies = settings.trusted_proxies
        self._public_origin = settings.public_url.partition("://") if settings.public_url is not None else None
        self._signer = signer
        self._clients: OrderedDict[bytes, _Client] = OrderedDict()

    def handler(self, request: PlainRequest) -> Handler | Overloaded | None:
        """Who answers it; None where the ordinary way has to."""
        upstream = self._router.upstream_of(request.target.path)
        if upstream is None:
            return None
        client = self._clients.get(request.head)
        token = self._known_token(request, client)
        arrival = self._proxy.arrival(upstream, None if token is None else token.caller.organisation_id)
        if arrival is None:
            return _OVERLOADED
        client = client or self._new_client(request)
        if client is None or token is None:
            arrival.end()
            return None
        return partial(self._forward, upstream, client, token, arrival)

    def _known_token(self, request: PlainRequest, client: _Client | None) -> ClientToken | None:
        """Looked up before the request is let in, since organisations are let in by turns."""
        if client is not None:
            return self._gate.known_token(client.bearer)
        return self._gate.known_token_in(request.headers.getall("Authorization", []))

    def _new_client(self, request: PlainRequest) -> _Client | None:
        try:
            client = self._read_client(request)
        except ApiError:
            return None
        self._clients[request.head] = client
        if len(self._clients) > REMEMBERED_CLIENTS:
            self._clients.popitem(last=False)
        return client

    def _read_client(self, request: PlainRequest) -> _Client:
        headers = request.headers
        scheme, _, host = self._public_origin or ("http", "", headers["Host"])
        passing = forwarded(headers.items())
        return _Client(
            bearer_token(headers.getall("Authorization", [])),
            lines(passing),
            scheme,
            host,
            has_idempotency_key(passing),
        )

    async def _forward(
        self,
        name: UpstreamName,
        client: _Client,
        token: ClientToken,
        arrival: Arrival,
        request: PlainRequest,
        trace: Trace,
    ) -> Answer | Written:
        try:
            admission = await self._gate.admit_token(token, partial(self._address, request))
        finally:
            arrival.end()
        try:
            who = identity(admission.require().internal(self._signer, name), trace, client.scheme, client.host)
            answer = await self._proxy.forward(
                name,
                UpstreamRequest(request.method, request.target.raw, client.lines + who, request.body, client.has_key),
                token.caller.organisation_id,
            )
        except Exception as error:
            refusal = failure(api_error(error))
            return Answer(
                refusal.text, refusal.status, {**refusal.headers, **admission.decision.headers(), **TO_A_TOKEN}
            )
        return _passed_on(answer, admission.decision, trace)

    def _address(self, request: PlainRequest) -> str:
        return client_network(request.peer, request.headers.getall("X-Forwarded-For", []), self._trusted_proxies)


def _passed_on(answer: UpstreamAnswer, decision: Decision, trace: Trace) -> Written:
    """The service's answer, with what the gateway says about it."""
    length = "" if answer.status in WITHOUT_LENGTH else f"Content-Length: {len(answer.body)}\r\n"
    limits = decision.lines()
    own = f"{length}Date: {rfc822_formatted_time()}\r\nX-Request-Id: {trace.request_id}\r\n{TO_A_TOKEN_LINES}{limits}"
    return Written(b"".join((status_line(answer.status), answered_lines(answer.headers), own.encode())), answer.body)
