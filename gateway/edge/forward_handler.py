"""Where every request arrives: its target decides between an endpoint of the gateway's own and a service."""

from aiohttp import web

from gateway.auth.client_token import ClientToken
from gateway.edge.app_keys import GATE, PROXY, ROUTER, SETTINGS, SIGNER, with_token
from gateway.edge.auth_endpoints import ENDPOINTS, answer
from gateway.routes import UpstreamName
from gateway.upstream.bulkhead import Arrival
from gateway.upstream.headers import answered, forwarded, has_idempotency_key, identity, lines
from gateway.upstream.proxy import UpstreamRequest
from shared.errors import MethodNotAllowed, NotFound, Overloaded
from shared.http.body import read_body
from shared.http.request_target import Target, checked_host, own_address, read_target
from shared.http.server.app import HEALTH_PATHS
from shared.observability import current_trace


async def answer_target(request: web.Request) -> web.Response:
    """Raises `BadRequest` for a target nobody should trust, `NotFound` for a path that nobody answers.

    Under too much load `Overloaded`, before the token is verified or the body read: refusing must be cheap.
    """
    target = read_target(request.raw_path)
    methods = ENDPOINTS.get(target.path)
    if methods is not None:
        return await answer(methods, request)
    if target.path in HEALTH_PATHS:
        raise MethodNotAllowed(["GET"])
    upstream = request.app[ROUTER].upstream_of(target.path)
    if upstream is None:
        raise NotFound
    token = request.app[GATE].known_token_in(request.headers.getall("Authorization", []))
    arrival = request.app[PROXY].arrival(upstream, None if token is None else token.caller.organisation_id)
    if arrival is None:
        raise Overloaded
    try:
        return await _forward(request, upstream, target, arrival)
    finally:
        arrival.end()


async def _forward(request: web.Request, upstream: UpstreamName, target: Target, arrival: Arrival) -> web.Response:
    async def forward(token: ClientToken) -> web.Response:
        arrival.end()  # its body takes as long as the client wants
        upstream_request = await _upstream_request(request, upstream, target, token)
        answer = await request.app[PROXY].forward(upstream, upstream_request, token.caller.organisation_id)
        headers = [(name.decode(), value.decode("utf-8", "replace")) for name, value in answered(answer.headers)]
        return web.Response(status=answer.status, headers=headers, body=answer.body)

    return await with_token(request, forward)


async def _upstream_request(
    request: web.Request, upstream: UpstreamName, target: Target, token: ClientToken
) -> UpstreamRequest:
    scheme, host = _public_origin(request)
    internal_token = token.internal(request.app[SIGNER], upstream)
    passing = forwarded(request.headers.items())
    headers = lines(passing) + identity(internal_token, current_trace.get(), scheme, host)
    body = await read_body(request) if request.can_read_body else b""
    # Its answer then is that to a GET, which goes to the client without its body.
    method = "GET" if request.method == "HEAD" else request.method
    return UpstreamRequest(method, target.raw, headers, body, has_idempotency_key(passing))


def _public_origin(request: web.Request) -> tuple[str, str]:
    """Scheme and host by which the client reached the gateway."""
    public_url = request.app[SETTINGS].public_url
    if public_url is not None:
        scheme, _, host = public_url.partition("://")
        return scheme, host
    hosts = request.headers.getall("Host", [])
    if not hosts and request.transport is not None:
        return request.scheme, own_address(request.transport)  # HTTP/1.0
    return request.scheme, checked_host(hosts)
