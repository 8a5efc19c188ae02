"""The fault bed: a whole private stack with two of every process, made to be broken.

Clients reach both gateways; behind them stands a balancer for each service, as a cluster has it. The balancers and
the link to the broker are TCP proxies of the bed, which can cut, freeze and slow down what passes.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from shared.auth.make_internal_keys import make_internal_keys, private_keys_file, trusted_keys_file
from shared.auth.trust import GATEWAY
from stack.config.ports import reserve_port
from stack.servers.credentials import secret_settings
from stack.servers.databases import DatabaseUrls, ensure_databases
from stack.services import SERVICE_NAMES, service_named
from tests.faults.processes import ProductProcess
from tests.faults.receiver import Receiver, receiving
from tests.faults.servers import Servers, running_servers
from tests.support.client import Client, client_token
from tests.support.proxy import Proxy

COPIES = 2
WEBHOOK_PAUSE = "0.5"
"""Seconds until a webhook that failed is tried again."""
PATIENCE = aiohttp.ClientTimeout(total=15)
"""Of the bed's clients: the gateway's own deadline is ten seconds."""


@dataclass
class Bed:
    """Where everything is, and how it is broken and repaired."""

    servers: Servers
    processes: Mapping[str, ProductProcess]
    balancers: Mapping[str, Proxy]
    """In front of each service."""
    broker_link: Proxy
    """Between the services and the broker."""
    receiver: Receiver
    """Of webhooks."""
    database_urls: Mapping[str, str]
    """As their owners, to look past the services."""
    http: aiohttp.ClientSession
    client_secret: str
    environment: Mapping[str, Mapping[str, str]]
    """Of each module's processes: for more of them than the bed has."""
    extra: list[ProductProcess] = field(default_factory=list)

    @property
    def gateways(self) -> list[ProductProcess]:
        return self.copies_of("gateway")

    def copies_of(self, name: str) -> list[ProductProcess]:
        """Every process of a service, or of the gateway."""
        return [process for process in self.processes.values() if process.name.startswith(name)]

    def client(self, organisation: int, *, gateway: int = 0, **claims: object) -> Client:
        """An administrator of the organisation at one of the gateways."""
        token = client_token(self.client_secret, organisation, **{"exp": 4_000_000_000, **claims})
        return Client(self.http, self.gateways[gateway].url, token, of_services=False)

    @asynccontextmanager
    async def changed(self, *services: str, **changes: str) -> AsyncIterator[None]:
        """Both processes of each service run with other variables in their environment; afterwards as before."""
        processes = [process for service in services for process in self.copies_of(service)]
        await asyncio.gather(*(process.restart(**changes) for process in processes))
        try:
            yield
        finally:
            await asyncio.gather(*(process.restart() for process in processes))

    @asynccontextmanager
    async def another(self, kind: str, **changes: str | None) -> AsyncIterator[ProductProcess]:
        """One more process of a service or the gateway while the block runs, behind no balancer.

        Variables of its environment that are None are left out.
        """
        variables = {**self.environment[kind], **changes}
        environment = {kind: {name: value for name, value in variables.items() if value is not None}}
        process = _process(f"another-{kind}", kind, reserve_port(), environment, self.servers.layout.log)
        self.extra.append(process)
        await process.start()
        try:
            yield process
        finally:
            await process.kill()
            self.extra.remove(process)

    def interruptions(self) -> int:
        """How often a process of delivery, or the database, was ended or frozen so far.

        Only then what came of a request to a webhook may be lost, and it is sent again.
        """
        processes = (*self.copies_of("delivery"), *(each for each in self.extra if each.module == "services.delivery"))
        return self.servers.interrupted + sum(each.started + each.frozen for each in processes)

    async def migrate(self, service: str) -> None:
        """Makes its tables and its queue what this version needs."""
        await _migrate(service, self.environment, self.servers.layout.log)

    async def mend(self) -> None:
        """Whatever was broken: afterwards everything runs and is ready."""
        servers = self.servers
        await asyncio.gather(*(servers.revive(s) for s in (servers.postgres, servers.redis, servers.rabbitmq)))
        await self.receiver.accept()
        for proxy in (*self.balancers.values(), self.broker_link):
            proxy.latency = 0.0
            proxy.thaw()
            await proxy.accept()
        await asyncio.gather(*(process.revive() for process in self.processes.values()))

    async def stop(self) -> None:
        """Ends the product's processes; the servers end by themselves."""
        await asyncio.gather(*(process.kill() for process in (*self.processes.values(), *self.extra)))


@asynccontextmanager
async def running_bed(name: str = "bed") -> AsyncIterator[Bed]:
    """Started, migrated and ready; gone afterwards."""
    async with AsyncExitStack() as exits:
        servers = await exits.enter_async_context(running_servers(name))
        database_urls = await ensure_databases(servers.postgres.url, servers.credentials.databases)
        owner_urls = {service: urls.owner for service, urls in database_urls.items()}
        broker_link = await exits.enter_async_context(_open(Proxy(("127.0.0.1", servers.rabbitmq.port))))
        ports = {
            f"{service}-{copy + 1}": reserve_port() for service in (*SERVICE_NAMES, "gateway") for copy in range(COPIES)
        }
        balancers = {
            service: await exits.enter_async_context(_open(Proxy(*_addresses(service, ports))))
            for service in SERVICE_NAMES
        }
        receiver = await exits.enter_async_context(receiving(reserve_port()))
        client_secret = secrets.token_hex(32)
        environment = _environments(servers, database_urls, broker_link, balancers, client_secret)
        environment["delivery"] |= {
            "WEBHOOK_PRIVATE_HOSTS": f"127.0.0.1:{receiver.port}",
            "WEBHOOK_PAUSE": WEBHOOK_PAUSE,
        }
        http = await exits.enter_async_context(
            aiohttp.ClientSession(timeout=PATIENCE, connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=1))
        )
        processes = {
            key: _process(key, key.partition("-")[0], port, environment, servers.layout.log)
            for key, port in ports.items()
        }
        bed = Bed(servers, processes, balancers, broker_link, receiver, owner_urls, http, client_secret, environment)
        try:
            await asyncio.gather(*(bed.migrate(service) for service in SERVICE_NAMES))
            await asyncio.gather(*(process.start() for process in processes.values()))
            yield bed
        finally:
            await bed.stop()


def _addresses(service: str, ports: Mapping[str, int]) -> list[tuple[str, int]]:
    return [("127.0.0.1", port) for key, port in ports.items() if key.startswith(service)]


@asynccontextmanager
async def _open(proxy: Proxy) -> AsyncIterator[Proxy]:
    await proxy.accept()
    try:
        yield proxy
    finally:
        await proxy.close()


def through(proxy: Proxy, url: str) -> str:
    """The same address by way of the proxy."""
    parts = urlsplit(url)
    credentials = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{credentials}@127.0.0.1:{proxy.port}"))


def _environments(
    servers: Servers,
    database_urls: Mapping[str, DatabaseUrls],
    broker_link: Proxy,
    balancers: Mapping[str, Proxy],
    client_secret: str,
) -> dict[str, dict[str, str]]:
    """The environment of each module's processes."""
    urls = {f"{name.upper()}_URL": f"http://127.0.0.1:{proxy.port}" for name, proxy in balancers.items()}
    common = {"LOG_LEVEL": "WARNING", **urls}
    keys = servers.layout.root / "internal-keys"
    make_internal_keys(keys)
    services = {
        name: {
            **common,
            "INTERNAL_KEYS_FILE": str(private_keys_file(keys, name)),
            "INTERNAL_TRUSTED_KEYS_FILE": str(trusted_keys_file(keys)),
            "DATABASE_URL": of_database.service,
            "AMQP_URL": through(broker_link, servers.rabbitmq.url_of(name)),
            "MIGRATION_DATABASE_URL": of_database.owner,
            "MIGRATION_AMQP_URL": servers.rabbitmq.url,
            **secret_settings(servers.layout.secrets, service_named(name)),
        }
        for name, of_database in database_urls.items()
    }
    gateway = {
        **common,
        "INTERNAL_KEYS_FILE": str(private_keys_file(keys, GATEWAY)),
        "REDIS_URL": servers.redis.url,
        "CLIENT_TOKEN_SECRET": client_secret,
        "ADDRESS_RATE_LIMIT": "1000000",
    }
    return {**services, "gateway": gateway}


def _process(
    name: str, kind: str, port: int, environment: Mapping[str, Mapping[str, str]], logs: Path
) -> ProductProcess:
    module = "gateway" if kind == "gateway" else f"services.{kind}"
    return ProductProcess(name, module, port, environment[kind], logs)


async def _migrate(service: str, environment: Mapping[str, Mapping[str, str]], logs: Path) -> None:
    process = ProductProcess(f"migrate-{service}", f"services.{service}", 0, environment[service], logs, ("migrate",))
    await process.launch()
    assert await process.ended() == 0, process.log_end()
