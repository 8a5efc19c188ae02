"""The gateway's composition root: builds every part, and takes it down in order."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import aiohttp
from aiohttp import web

from gateway.admission.gate import Gate, Limits
from gateway.admission.rate_limiter import Limiter
from gateway.admission.redis_client import Availability, redis_client
from gateway.admission.revocation import Revocations
from gateway.auth.client_token import ClientTokenVerifier
from gateway.auth.issuer import Issuer
from gateway.auth.issuer_keys import IssuerKeys, KeySource, NoKeys
from gateway.auth.passwords import PasswordChecker
from gateway.auth.remote_jwks import RemoteKeySet
from gateway.auth.users import read_users
from gateway.edge.auth_endpoints import AuthEndpoints
from gateway.edge.client_address import ClientAddress
from gateway.edge.forward_handler import ForwardHandler
from gateway.routes import Router
from gateway.settings import GatewaySettings
from gateway.upstream.headers import NO_SNIFFING_LINES, TO_A_TOKEN_LINES
from gateway.upstream.loop_lag import LoopLag
from gateway.upstream.proxy import Proxy
from gateway.upstream.upstream import Upstream
from shared.auth.signing import InternalSigner
from shared.auth.trust import GATEWAY
from shared.concurrency.tasks import background
from shared.http.body_budget import BodyBudget
from shared.http.request import Request
from shared.http.responses import Caching
from shared.http.server.app import READINESS, create_app
from shared.http.server.responder import RESPONDER
from shared.http.server.simple_request import REQUEST_PARSER, SimpleRequestParser

REMEMBERED_CLIENTS: Final = 1000

_SETTINGS = web.AppKey("settings", GatewaySettings)
_SESSION = web.AppKey("session", aiohttp.ClientSession)
_PROXY = web.AppKey("proxy", Proxy)
_ISSUER: web.AppKey[Issuer | None] = web.AppKey("issuer")
_KEYS: web.AppKey[KeySource] = web.AppKey("keys")


_LINES_BY_CACHING: Final = {
    Caching.NEVER: TO_A_TOKEN_LINES,
    Caching.REVALIDATED: TO_A_TOKEN_LINES,
    Caching.NOT_STORED: NO_SNIFFING_LINES,
    Caching.PUBLIC: NO_SNIFFING_LINES,
}
"""What everybody may keep does not depend on who asks."""


def create_gateway(settings: GatewaySettings) -> web.Application:
    bodies = BodyBudget(settings.body_memory, settings.stranger_body_memory)
    app = create_app(max_in_flight=settings.max_in_flight, bodies=bodies)
    app[_SETTINGS] = settings
    app[REQUEST_PARSER] = SimpleRequestParser(REMEMBERED_CLIENTS)
    app[RESPONDER].lines_by_caching = _LINES_BY_CACHING
    app.cleanup_ctx.extend((_proxy, _keys, _issuer, _handler))
    return app


async def _proxy(app: web.Application) -> AsyncIterator[None]:
    settings = app[_SETTINGS]
    limit, waiting = settings.upstream_max_in_flight, settings.upstream_max_waiting
    lag = LoopLag()
    upstreams = {
        name: Upstream(name, origin, limit=limit, waiting=waiting, lag=lag)
        for name, origin in settings.origins().items()
    }
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(background(lag.watch(), name="loop lag"))
        app[_SESSION] = session = await stack.enter_async_context(_session())
        app[_PROXY] = Proxy(upstreams, settings.upstream_timeout)
        for name, upstream in upstreams.items():
            stack.callback(upstream.connections.close)
            await stack.enter_async_context(background(upstream.watch(session), name=f"{name} watch"))
        yield


def _session() -> aiohttp.ClientSession:
    """For what the gateway asks by itself: the services' health, and an outside provider's keys."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)


async def _keys(app: web.Application) -> AsyncIterator[None]:
    """The outside provider's keys if there is one, else the built-in issuer's."""
    settings = app[_SETTINGS]
    async with AsyncExitStack() as stack:
        if settings.key_set_url is not None:
            key_set = RemoteKeySet(app[_SESSION], settings.key_set_url, settings.key_set_cooldown)
            await stack.enter_async_context(background(key_set.keep_fresh(), name="key set"))
            app[READINESS]["key_set"] = key_set.has_been_read
            app[_KEYS] = key_set
        elif settings.issuer_keys_file is not None:
            app[_KEYS] = IssuerKeys(settings.issuer_keys_file)
        else:
            app[_KEYS] = NoKeys()
        yield


async def _issuer(app: web.Application) -> AsyncIterator[None]:
    settings, keys = app[_SETTINGS], app[_KEYS]
    if not isinstance(keys, IssuerKeys):
        app[_ISSUER] = None
        yield
        return
    passwords = PasswordChecker()
    app[_ISSUER] = Issuer(
        keys,
        read_users(settings.issuer_users_file) if settings.issuer_users_file else None,
        passwords,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        ttl=settings.login_token_ttl,
    )
    yield
    passwords.close()


async def _handler(app: web.Application) -> AsyncIterator[None]:
    settings = app[_SETTINGS]
    redis = redis_client(settings.redis_url.get_secret_value())
    availability = Availability(redis)
    revocations = Revocations(redis, availability)
    limiter = Limiter(redis, availability, revocations)
    gate = Gate(
        _verifier(settings, app[_KEYS]),
        limiter,
        revocations,
        Limits(settings.rate_limit, settings.address_rate_limit, settings.login_rate_limit),
    )
    address = ClientAddress(settings.trusted_proxies)
    signer = InternalSigner(GATEWAY, settings.internal_keys_file)
    endpoints = AuthEndpoints(gate, app[_ISSUER], address)
    app[RESPONDER].handler = ForwardHandler(
        gate, app[_PROXY], Router(), signer, endpoints, address, settings.public_url
    ).handle
    app[RESPONDER].count_unadmitted = partial(_count_unadmitted, gate, address)
    await availability.connect()
    async with (
        background(availability.watch(), name="redis watch"),
        background(revocations.keep_written(), name="revocations"),
    ):
        yield
    limiter.close()
    await redis.aclose()


async def _count_unadmitted(gate: Gate, address: ClientAddress, request: Request, reason: str) -> None:
    await gate.count_unadmitted(reason, request.headers.getall("Authorization", []), address(request))


def _verifier(settings: GatewaySettings, keys: KeySource) -> ClientTokenVerifier:
    secret = settings.client_token_secret
    return ClientTokenVerifier(
        keys,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        algorithms=settings.token_algorithms,
        secret=secret.get_secret_value() if secret is not None else None,
    )
