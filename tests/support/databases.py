"""Databases of a test's own, on the private server of the run."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.postgres.migrations import migrate
from stack.servers.databases import Passwords, ensure_databases, owner_of


def server_url() -> str:
    return _from_environment("TEST_DATABASE_URL")


def redis_url() -> str:
    return _from_environment("TEST_REDIS_URL")


def amqp_url() -> str:
    return _from_environment("TEST_AMQP_URL")


def _from_environment(name: str) -> str:
    if name not in os.environ:
        raise RuntimeError(f"{name} is not set: these tests need real servers, which `./dev test` starts")
    return os.environ[name]


def service_amqp_url(service: str) -> str:
    """As the service's own user, who may do little (stack/servers/rabbitmq_definitions.py)."""
    return _from_environment(f"TEST_{service.upper()}_AMQP_URL")


def subscriber_amqp_url() -> str:
    """As the user of a subscriber, `subscriber.example`."""
    return _from_environment("TEST_SUBSCRIBER_AMQP_URL")


@dataclass(frozen=True)
class ServiceDatabase:
    """Addresses of a service's database: as its two roles, and as the superuser for a test that looks past them."""

    superuser_url: str
    owner_url: str
    service_url: str


@asynccontextmanager
async def service_database(name: str, *, password: str | None = None) -> AsyncIterator[ServiceDatabase]:
    """An empty database with its roles as an installation has them; all are gone afterwards."""
    unique = f"{name}_{secrets.token_hex(6)}"
    passwords = Passwords(password or secrets.token_hex(12), password or secrets.token_hex(12))
    urls = (await ensure_databases(server_url(), {unique: passwords}))[unique]
    try:
        yield ServiceDatabase(urlsplit(server_url())._replace(path=f"/{unique}").geturl(), urls.owner, urls.service)
    finally:
        server = await asyncpg.connect(server_url(), timeout=10)
        await server.execute(f"DROP DATABASE {unique} WITH (FORCE)")
        await server.execute(f"DROP ROLE {unique}, {owner_of(unique)}")
        await server.close()


@asynccontextmanager
async def fresh_database(name: str, *, template: str = "template1") -> AsyncIterator[str]:
    """The URL of a database that is gone afterwards: an empty one, or one like the template, to which nobody may be
    connected."""
    unique = f"{name}_{secrets.token_hex(6)}"
    server = await asyncpg.connect(server_url(), timeout=10)
    try:
        await server.execute(f"CREATE DATABASE {unique} TEMPLATE {template}")
        try:
            yield _url_of(unique)
        finally:
            await server.execute(f"DROP DATABASE {unique} WITH (FORCE)")
    finally:
        await server.close()


@asynccontextmanager
async def migrated_database(name: str, migrations: Path) -> AsyncIterator[str]:
    """The URL of a database of a test's own, with these migrations and no rows: a copy, which takes a fraction of what
    the migrations take."""
    async with fresh_database(name, template=await _template(name, migrations)) as url:
        yield url


async def _template(name: str, migrations: Path) -> str:
    """The name of the database that is copied, which goes with the run's server."""
    if migrations not in _TEMPLATES:
        unique = f"template_{name}_{secrets.token_hex(6)}"
        server = await asyncpg.connect(server_url(), timeout=10)
        try:
            await server.execute(f"CREATE DATABASE {unique}")
        finally:
            await server.close()
        await migrate(_url_of(unique), migrations)
        _TEMPLATES[migrations] = unique
    return _TEMPLATES[migrations]


_TEMPLATES: dict[Path, str] = {}


def _url_of(database: str) -> str:
    """As the superuser."""
    return urlunsplit(urlsplit(server_url())._replace(path=f"/{database}"))
