"""The gateway's composition root: builds every part, and takes it down in order."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import aiohttp
from aiohttp import web

from gateway.admission.cutoffs import CutOffReader, CutOffs
from gateway.admission.gate import Gate, Limits, client_address
from gateway.admission.open_streams import OpenStreams
from gateway.admission.rate_limiter import Limiter
from gateway.admission.redis_client import Availability, redis_client
from gateway.admission.revocation import Revocations
from gateway.auth.client_token import ClientTokenVerifier
from gateway.auth.own_requests import OwnRequests
from gateway.edge.cross_origin import cors_for
from gateway.edge.document_handler import DocumentHandler
from gateway.edge.documents import documents
from gateway.edge.forward_handler import ForwardHandler
from gateway.edge.open_reads import OpenReads
from gateway.edge.public_routes import PublicRoutes
from gateway.edge.stream_handler import StreamHandler
from gateway.edge.templates import templates
from gateway.live.live_sessions import LiveSessions
from gateway.live.watch_handler import WatchHandler
from gateway.metrics import GatewayMetrics
from gateway.routes import Router, UpstreamName
from gateway.settings import GatewaySettings
from gateway.trusted_providers import trusted_providers
from gateway.upstream.headers import NO_SNIFFING_LINES, TO_A_TOKEN_LINES
from gateway.upstream.lane import Lane
from gateway.upstream.loop_lag import LoopLag
from gateway.upstream.probe import Probe, is_ready
from gateway.upstream.proxy import Proxy
from gateway.upstream.upstream import Upstream
from shared.auth.signing import InternalSigner
from shared.auth.trust import GATEWAY
from shared.concurrency.tasks import background
from shared.http.body_budget import BodyBudget
from shared.http.responses import Caching
from shared.http.server.app import INFORMATION, READINESS, Check, create_app, publish_metrics
from shared.http.server.responder import RESPONDER
from shared.http.server.simple_request import REQUEST_PARSER, SimpleRequestParser
from shared.http.stream_slots import Streams
from shared.http.streaming import ENDING
from shared.metrics.registry import METRICS
from shared.tracing.entrance import Sampling

REMEMBERED_CLIENTS: Final = 1000

_LINES_BY_CACHING: Final = {
    Caching.NEVER: TO_A_TOKEN_LINES,
    Caching.REVALIDATED: TO_A_TOKEN_LINES,
    Caching.NOT_STORED: NO_SNIFFING_LINES,
    Caching.PUBLIC: NO_SNIFFING_LINES,
    Caching.STATUS: NO_SNIFFING_LINES,
    Caching.CALENDAR: NO_SNIFFING_LINES,
}
"""What everybody may keep does not depend on who asks."""


def create_gateway(settings: GatewaySettings) -> web.Application:
    bodies = BodyBudget(settings.body_memory, settings.stranger_body_memory)
    app = create_app(max_in_flight=settings.max_in_flight, bodies=bodies, slow_seconds=settings.slow_request_seconds)
    app[REQUEST_PARSER] = SimpleRequestParser(REMEMBERED_CLIENTS)
    app[RESPONDER].lines_by_caching = _LINES_BY_CACHING
    app[RESPONDER].entrance = Sampling("gateway", settings.trace_sample_ratio)
    app[RESPONDER].cors = cors_for(settings.cors_origins)
    app[RESPONDER].streams = Streams(settings.streams)
    app.cleanup_ctx.append(partial(_parts, settings))
    publish_metrics(app, "gateway", settings.metrics_host, settings.metrics_port)
    return app


async def _parts(settings: GatewaySettings, app: web.Application) -> AsyncIterator[None]:
    """Each part is built from those before it, and taken down before them."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(_session())
        upstreams = await _upstreams(settings, session, stack)
        proxy = Proxy(upstreams, settings.upstream_timeout)
        signer = InternalSigner(GATEWAY, settings.internal_keys_file)
        own_requests = OwnRequests(signer)
        providers = await trusted_providers(settings, session, own_requests, app[READINESS], stack)
        cut_offs = await _cut_offs(settings, session, own_requests, app, stack)
        gate = await _gate(settings, ClientTokenVerifier(providers), cut_offs, stack)
        address = partial(client_address, settings.trusted_proxies)
        public = PublicRoutes(proxy, own_requests, address, settings.public_url)
        open_reads = OpenReads(gate, proxy, own_requests, address, settings.public_url)
        router = Router(with_accounts=settings.key_set_url is None, templates=templates())
        served = DocumentHandler(documents())
        streams = StreamHandler(Lane(upstreams), await _open_streams(gate, app, stack))
        live = await _live_sessions(settings, own_requests, app, stack)
        handler = ForwardHandler(
            gate,
            proxy,
            router,
            signer,
            public,
            open_reads,
            served,
            streams,
            WatchHandler(live),
            address,
            settings.public_url,
        )
        app[RESPONDER].handler, app[RESPONDER].count_unadmitted = handler.handle, handler.count_unadmitted
        app[METRICS].registry.register(GatewayMetrics(upstreams, gate, live))
        app[INFORMATION] |= _health_of_others(session, upstreams, gate)
        yield


def _health_of_others(
    session: aiohttp.ClientSession, upstreams: Mapping[UpstreamName, Upstream], gate: Gate
) -> dict[str, Check]:
    """What it can work without, for a while or for other routes."""
    services = {name: partial(is_ready, session, each.connections.origin) for name, each in upstreams.items()}
    return {"redis": Probe(gate.limiter.availability.answers), **{name: Probe(ask) for name, ask in services.items()}}


def _session() -> aiohttp.ClientSession:
    """For what the gateway asks by itself: the services' health, providers' keys, and what was revoked."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)


async def _upstreams(
    settings: GatewaySettings, session: aiohttp.ClientSession, stack: AsyncExitStack
) -> Mapping[UpstreamName, Upstream]:
    limit, waiting = settings.upstream_max_in_flight, settings.upstream_max_waiting
    lag = LoopLag()
    await stack.enter_async_context(background(lag.watch(), name="loop lag"))
    upstreams = {
        name: Upstream(name, origin, limit=limit, waiting=waiting, lag=lag)
        for name, origin in settings.origins().items()
    }
    for name, upstream in upstreams.items():
        stack.callback(upstream.connections.close)
        await stack.enter_async_context(background(upstream.watch(session), name=f"{name} watch"))
    return upstreams


async def _live_sessions(
    settings: GatewaySettings, own_requests: OwnRequests, app: web.Application, stack: AsyncExitStack
) -> LiveSessions:
    """Each session has a connection of its own, as long as it is watched."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    http = await stack.enter_async_context(
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
    )
    live = LiveSessions(http, settings.enrollment_url, own_requests.headers_of_follower)
    stack.callback(live.close)
    await stack.enter_async_context(background(live.end_with(app[ENDING]), name="watchers"))
    return live


async def _open_streams(gate: Gate, app: web.Application, stack: AsyncExitStack) -> OpenStreams:
    streams = OpenStreams(app[RESPONDER], gate.cut_offs, gate.revocations)
    await stack.enter_async_context(background(streams.watch(), name="streams"))
    await stack.enter_async_context(background(streams.end_waits(app[ENDING]), name="waits"))
    return streams


async def _cut_offs(
    settings: GatewaySettings,
    session: aiohttp.ClientSession,
    own_requests: OwnRequests,
    app: web.Application,
    stack: AsyncExitStack,
) -> CutOffs:
    """Nobody is ready who has not read once what is refused: a token that was revoked would be let in."""
    cut_offs = CutOffs()
    url = f"{settings.accounts_url}/internal/revocations"
    reader = CutOffReader(session, url, own_requests.own_headers, cut_offs)
    await stack.enter_async_context(background(reader.follow(), name="cut-offs"))
    app[READINESS]["revocations"] = reader.has_read_all
    return cut_offs


async def _gate(
    settings: GatewaySettings, verifier: ClientTokenVerifier, cut_offs: CutOffs, stack: AsyncExitStack
) -> Gate:
    redis = redis_client(settings.redis_url.get_secret_value())
    stack.push_async_callback(redis.aclose)
    availability = Availability(redis)
    revocations = Revocations(redis, availability)
    limiter = Limiter(redis, availability, revocations)
    stack.callback(limiter.close)
    await availability.connect()
    await stack.enter_async_context(background(availability.watch(revocations.write_known), name="redis watch"))
    await stack.enter_async_context(background(revocations.keep_written(), name="revocations"))
    limits = Limits(settings.rate_limit, settings.address_rate_limit)
    return Gate(verifier, limiter, revocations, cut_offs, limits)
