"""The gateway on a real Redis, in front of small servers that record what reaches them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.app import create_gateway
from gateway.routes import STREAMED
from gateway.settings import GatewaySettings
from tests.integration.gateway.edge import Accounts, Edge, OwnRedis, StartGateway, Upstream, new_token, settings
from tests.integration.gateway.lane import MOST, PATH
from tests.support.stack import serving


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    recorder = Upstream()
    app = web.Application(client_max_size=2**24)
    app.router.add_get("/health/live", recorder.health)
    app.router.add_get("/health/ready", recorder.ready)
    app.router.add_route("*", "/{path:.*}", recorder.handle)
    async with serving(app) as recorder.url:
        yield recorder


@pytest.fixture
async def accounts() -> AsyncIterator[Accounts]:
    stand_in = Accounts()
    app = web.Application()
    app.router.add_get("/health/live", stand_in.health)
    app.router.add_get("/health/ready", stand_in.ready)
    app.router.add_get("/.well-known/jwks.json", stand_in.key_set)
    app.router.add_get("/internal/revocations", stand_in.listed)
    app.router.add_route("*", "/{path:.*}", stand_in.handle)
    async with serving(app) as stand_in.url:
        yield stand_in


@pytest.fixture
async def start_gateway(upstream: Upstream, accounts: Accounts) -> AsyncIterator[StartGateway]:
    """Starts gateways with the settings given, all of whose services are `upstream`, but for accounts."""
    async with AsyncExitStack() as exits:
        http = await exits.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),  # aiohttp would queue what is to come at once
                timeout=aiohttp.ClientTimeout(total=20),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        )

        async def start(**changes: Any) -> Edge:
            app = create_gateway(GatewaySettings(**(settings(upstream.url, accounts.url) | changes)))
            return Edge(await exits.enter_async_context(serving(app)), http)

        yield start


@pytest.fixture
async def edge(start_gateway: StartGateway) -> Edge:
    return await start_gateway()


@pytest.fixture
def token(organisation: int) -> str:
    return new_token(organisation)


@pytest.fixture
async def own_redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnRedis]:
    server = OwnRedis(tmp_path_factory.mktemp("r"))
    await server.start()
    yield server
    await server.kill()


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that goes over the lane, for gateways that start from now on."""
    monkeypatch.setitem(STREAMED, PATH, {"GET": 0, "POST": MOST})
