"""The gateway's composition root: builds every part, and takes it down in order."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import aiohttp
from aiohttp import web

from gateway.admission.gate import Gate, Limits, client_address
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
from shared.http.responses import Caching
from shared.http.server.app import READINESS, create_app
from shared.http.server.responder import RESPONDER
from shared.http.server.simple_request import REQUEST_PARSER, SimpleRequestParser

REMEMBERED_CLIENTS: Final = 1000

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
    app[REQUEST_PARSER] = SimpleRequestParser(REMEMBERED_CLIENTS)
    app[RESPONDER].lines_by_caching = _LINES_BY_CACHING
    app.cleanup_ctx.append(partial(_parts, settings))
    return app


async def _parts(settings: GatewaySettings, app: web.Application) -> AsyncIterator[None]:
    """Each part is built from those before it, and taken down before them."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(_session())
        proxy = await _proxy(settings, session, stack)
        keys = await _keys(settings, session, app, stack)
        issuer = _issuer(settings, keys, stack) if isinstance(keys, IssuerKeys) else None
        gate = await _gate(settings, keys, stack)
        signer = InternalSigner(GATEWAY, settings.internal_keys_file)
        address = partial(client_address, settings.trusted_proxies)
        endpoints = AuthEndpoints(gate, issuer, address)
        handler = ForwardHandler(gate, proxy, Router(), signer, endpoints, address, settings.public_url)
        app[RESPONDER].handler, app[RESPONDER].count_unadmitted = handler.handle, handler.count_unadmitted
        yield


def _session() -> aiohttp.ClientSession:
    """For what the gateway asks by itself: the services' health, and an outside provider's keys."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)


async def _proxy(settings: GatewaySettings, session: aiohttp.ClientSession, stack: AsyncExitStack) -> Proxy:
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
    return Proxy(upstreams, settings.upstream_timeout)


async def _keys(
    settings: GatewaySettings, session: aiohttp.ClientSession, app: web.Application, stack: AsyncExitStack
) -> KeySource:
    """The outside provider's keys if there is one, else the built-in issuer's."""
    if settings.key_set_url is not None:
        key_set = RemoteKeySet(session, settings.key_set_url, settings.key_set_cooldown)
        await stack.enter_async_context(background(key_set.keep_fresh(), name="key set"))
        app[READINESS]["key_set"] = key_set.has_been_read
        return key_set
    return NoKeys() if settings.issuer_keys_file is None else IssuerKeys(settings.issuer_keys_file)


def _issuer(settings: GatewaySettings, keys: IssuerKeys, stack: AsyncExitStack) -> Issuer:
    passwords = PasswordChecker()
    stack.callback(passwords.close)
    return Issuer(
        keys,
        read_users(settings.issuer_users_file) if settings.issuer_users_file else None,
        passwords,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        ttl=settings.login_token_ttl,
    )


async def _gate(settings: GatewaySettings, keys: KeySource, stack: AsyncExitStack) -> Gate:
    redis = redis_client(settings.redis_url.get_secret_value())
    stack.push_async_callback(redis.aclose)
    availability = Availability(redis)
    revocations = Revocations(redis, availability)
    limiter = Limiter(redis, availability, revocations)
    stack.callback(limiter.close)
    await availability.connect()
    await stack.enter_async_context(background(availability.watch(revocations.write_known), name="redis watch"))
    await stack.enter_async_context(background(revocations.keep_written(), name="revocations"))
    limits = Limits(settings.rate_limit, settings.address_rate_limit, settings.login_rate_limit)
    return Gate(_verifier(settings, keys), limiter, revocations, limits)


def _verifier(settings: GatewaySettings, keys: KeySource) -> ClientTokenVerifier:
    secret = settings.client_token_secret
    return ClientTokenVerifier(
        keys,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        algorithms=settings.token_algorithms,
        secret=secret.get_secret_value() if secret is not None else None,
    )
