"""The whole system inside the test's process: gateway and services on real servers, each on a free port."""

import os
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from argon2 import PasswordHasher
from pydantic import SecretStr

from gateway.app import create_gateway
from gateway.settings import GatewaySettings
from services.accounts import passwords
from shared.auth.claims import EVERY_ORGANISATION
from shared.auth.internal_token import Caller
from shared.auth.trust import PUBLIC
from shared.http.server.listener import listening
from shared.metrics.registry import METRICS, Metrics
from shared.service.chassis import Role, build_app, prepare
from shared.settings import ServiceSettings
from stack.commands.test import INSTALLATIONS
from stack.config.ports import reserve_port
from stack.servers.rabbitmq_definitions import Installation
from stack.services import SERVICE_NAMES, service_named
from tests.support.client import ADMIN_PERMISSIONS, Client, client_token
from tests.support.databases import ServiceDatabase, amqp_url, redis_url, service_amqp_url, service_database
from tests.support.internal_keys import internal_settings, token_for
from tests.support.read_events import every_event_read
from tests.support.services import DECLARED

CLIENT_SECRET = secrets.token_hex(32)
# All tests share the processors, and many sign in.
passwords.HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
ACCOUNTS_SECRET = SecretStr(secrets.token_hex(32))
DELIVERY_SECRET = SecretStr(secrets.token_hex(32))
ENROLLMENT_SECRET = SecretStr(secrets.token_hex(32))
RECEIVER_PORT = reserve_port()
"""Where a test may receive webhooks: they are sent to `http://localhost` at this port."""
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_INSTALLATIONS = iter(INSTALLATIONS[_WORKER::_WORKERS])


def next_installation() -> Installation:
    """Names on the broker that nobody else in this run has."""
    return next(_INSTALLATIONS)


@dataclass(frozen=True)
class Stack:
    """Where everything is, and clients for it."""

    http: aiohttp.ClientSession
    gateway_url: str
    urls: Mapping[str, str]
    """Of each service, by its name."""
    database_urls: Mapping[str, str]
    """As the superuser, for tests that look past the service."""
    settings: Mapping[str, ServiceSettings]
    """What each service runs with."""
    metrics: Mapping[str, Metrics]
    """Of each service and of the gateway, by its name."""

    def url_of(self, service: str) -> str:
        return self.urls[service]

    @property
    def catalog_url(self) -> str:
        return self.urls["catalog"]

    @property
    def enrollment_url(self) -> str:
        return self.urls["enrollment"]

    @property
    def history_url(self) -> str:
        return self.urls["history"]

    @property
    def catalog_database_url(self) -> str:
        return self.database_urls["catalog"]

    @property
    def enrollment_database_url(self) -> str:
        return self.database_urls["enrollment"]

    @property
    def accounts_url(self) -> str:
        return self.urls["accounts"]

    @property
    def accounts_database_url(self) -> str:
        return self.database_urls["accounts"]

    @property
    def history_database_url(self) -> str:
        return self.database_urls["history"]

    def client(self, organisation: int, **claims: Any) -> Client:
        """Through the gateway, as an administrator unless the claims say otherwise."""
        return Client(self.http, self.gateway_url, client_token(CLIENT_SECRET, organisation, **claims))

    def anonymous(self) -> Client:
        return Client(self.http, self.gateway_url, None)

    def direct(
        self,
        service: str,
        organisation: int,
        permissions: Iterable[str] = ADMIN_PERMISSIONS,
        *,
        url: str | None = None,
    ) -> Client:
        """Around the gateway, with a token as the gateway would make it, or for internal permissions the service that
        asks; `url` is that of another process of the service."""
        caller = Caller(organisation, "test", "Test", "staff", frozenset(permissions))
        return Client(self.http, url or self.url_of(service), token_for(caller, service))

    def public(self, address: str = "192.0.2.1") -> Client:
        """Accounts, as the gateway passes on the request of somebody at this address who has no token."""
        caller = Caller(EVERY_ORGANISATION, "anonymous", "", "service", frozenset({PUBLIC}))
        return Client(self.http, self.accounts_url, token_for(caller, "accounts"), sends={"X-Client-Address": address})


@asynccontextmanager
async def running_stack(
    roles: Mapping[str, Role] | None = None, *, read_metrics: bool = False, **gateway_changes: Any
) -> AsyncIterator[Stack]:
    """Every service in the role `all` but those that `roles` names; the gateway's settings may be changed. With
    `read_metrics` each process answers for its own, on a free port.

    The services have no more privileges than those of an installation. Every event they publish is read.
    """
    async with AsyncExitStack() as exits:
        databases = {name: await exits.enter_async_context(service_database(name)) for name in SERVICE_NAMES}
        installation = next_installation()
        port_of_metrics = {"metrics_port": 0} if read_metrics else {}
        common = {
            "migration_amqp_url": SecretStr(amqp_url()),
            "exchange": installation.exchange,
            "queue_prefix": installation.queue_prefix,
            **port_of_metrics,
        }
        await exits.enter_async_context(every_event_read(installation.exchange))
        # Services ask each other, so all addresses are known before any serves.
        ports = {name: reserve_port() for name in SERVICE_NAMES}
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        settings_of: dict[str, ServiceSettings] = {}
        metrics: dict[str, Metrics] = {}
        for name, service in DECLARED.items():
            values: dict[str, Any] = {
                **common,
                "accounts_secret": ACCOUNTS_SECRET,
                "delivery_secret": DELIVERY_SECRET,
                "enrollment_secret": ENROLLMENT_SECRET,
                "webhook_private_hosts": frozenset({f"localhost:{RECEIVER_PORT}"}),
                **internal_settings(name),
                **_addresses(name, databases[name]),
            }
            settings = service.settings(**values, **{f"{asked}_url": urls[asked] for asked in service_named(name).asks})
            await prepare(service, settings)
            settings_of[name] = settings
            role = (roles or {}).get(name, "all")
            app = build_app(service, settings, role)
            metrics[name] = app[METRICS]
            await exits.enter_async_context(serving(app, ports[name]))
        gateway = create_gateway(gateway_settings(urls, **port_of_metrics | gateway_changes))
        metrics["gateway"] = gateway[METRICS]
        gateway_url = await exits.enter_async_context(serving(gateway))
        http = await exits.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)))
        database_urls = {name: database.superuser_url for name, database in databases.items()}
        yield Stack(http, gateway_url, urls, database_urls, settings_of, metrics)


def _addresses(service: str, database: ServiceDatabase) -> dict[str, SecretStr]:
    return {
        "database_url": SecretStr(database.service_url),
        "migration_database_url": SecretStr(database.owner_url),
        "amqp_url": SecretStr(service_amqp_url(service)),
    }


def gateway_settings(urls: Mapping[str, str], **changes: Any) -> GatewaySettings:
    """A gateway in front of the services at `urls`, by their names."""
    values: dict[str, Any] = {
        **internal_settings("gateway"),
        "client_token_secret": SecretStr(CLIENT_SECRET),
        "redis_url": SecretStr(redis_url()),
        "address_rate_limit": 1_000_000,
        "trace_sample_ratio": 0.0,
        **{f"{name}_url": urls[name] for name in SERVICE_NAMES},
    }
    return GatewaySettings(**values | changes)


@asynccontextmanager
async def serving(app: web.Application, port: int = 0, *, shutdown_timeout: float = 2) -> AsyncIterator[str]:
    """Serves on the loopback interface, on a free port where none is given; gives its address."""
    async with listening(app, "127.0.0.1", port, shutdown_timeout=shutdown_timeout) as (host, number):
        yield f"http://{host}:{number}"
