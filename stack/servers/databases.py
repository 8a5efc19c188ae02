"""One database and two roles for each service; none can connect to another's database.

The owner role changes the schema (`migrate`); the role named after the service reads and writes rows.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from stack.errors import StackError
from stack.paths import REPOSITORY

CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 60.0
STATEMENTS = REPOSITORY / "deploy" / "postgres"
"""Shared with the containers (deploy/compose/create-databases)."""


@dataclass(frozen=True)
class Passwords:
    """The passwords of a database's two roles."""

    owner: str
    service: str


@dataclass(frozen=True)
class DatabaseUrls:
    """The addresses of one database, one for each of its two roles."""

    owner: str
    service: str


async def ensure_databases(superuser_url: str, passwords: Mapping[str, Passwords]) -> dict[str, DatabaseUrls]:
    """Create the roles and database of each service where missing, and set what they may do; answers by service.

    Every statement can be repeated, so an interrupted start is completed by the next, and a database of an earlier
    version, which the service's own role owned, gets its owner. Raises StackError when the server refuses.
    """
    for service, of_service in passwords.items():
        async with _session(superuser_url) as connection:
            await _set(connection, owner=owner_of(service), owner_password=of_service.owner)
            await _set(connection, service=service, service_password=of_service.service)
            await connection.execute(_statements("roles.sql"))
            await _ensure_database(connection, service)
        async with _session(_at(superuser_url, service)) as connection:
            await _set(connection, owner=owner_of(service), service=service)
            await connection.execute(_statements("privileges.sql"))
    return {service: database_urls(superuser_url, service, each) for service, each in passwords.items()}


async def keep_roles_out_of_maintenance(superuser_url: str) -> None:
    """Let only the superuser connect to `postgres` and `template1`; for a server that is used by this stack alone."""
    async with _session(superuser_url) as connection:
        await connection.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")


@asynccontextmanager
async def _session(url: str) -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StackError(f"PostgreSQL at {without_password(url)} cannot be used: {error}") from error
    try:
        yield connection
    except asyncpg.PostgresError as error:
        raise StackError(f"The databases at {without_password(url)} cannot be created: {error}") from error
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


async def _set(connection: asyncpg.Connection, **values: str) -> None:
    """Set the values that the SQL files of this session read; the server quotes them."""
    for name, value in values.items():
        await connection.execute("SELECT set_config($1, $2, false)", f"muster.{name}", value)


async def _ensure_database(connection: asyncpg.Connection, name: str) -> None:
    if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name):
        await connection.execute(await connection.fetchval("SELECT format('CREATE DATABASE %I', $1::text)", name))


def _statements(name: str) -> str:
    return Path(STATEMENTS / name).read_text(encoding="utf-8")


def owner_of(service: str) -> str:
    """The role that owns a service's database."""
    return f"{service}_owner"


def database_urls(superuser_url: str, service: str, passwords: Passwords) -> DatabaseUrls:
    """The addresses of a service's database on the same server."""
    return DatabaseUrls(
        owner=_as(superuser_url, service, owner_of(service), passwords.owner),
        service=_as(superuser_url, service, service, passwords.service),
    )


def _as(superuser_url: str, database: str, role: str, password: str) -> str:
    parts = urlsplit(_at(superuser_url, database))
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}@{host}"))


def _at(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def without_password(url: str) -> str:
    """Host and port of an address, safe to print."""
    return urlsplit(url).netloc.rpartition("@")[2]
