"""One database and one role for each service; no service can connect to another's database."""

from urllib.parse import urlsplit, urlunsplit

import asyncpg

from stack.errors import StackError

CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 60.0
PASSWORD_STATEMENT = "ALTER ROLE %I LOGIN PASSWORD %L"  # noqa: S105 - a statement, no password


async def ensure_databases(superuser_url: str, passwords: dict[str, str]) -> dict[str, str]:
    """Create the role and database of each service where missing; answers their addresses by service.

    Every statement can be repeated, so an interrupted start is completed by the next.
    Raises StackError when the server cannot be reached or refuses.
    """
    try:
        connection = await asyncpg.connect(superuser_url, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StackError(f"PostgreSQL at {without_password(superuser_url)} cannot be used: {error}") from error
    try:
        for service, password in passwords.items():
            await _ensure_database(connection, service, password)
    except asyncpg.PostgresError as error:
        message = f"The databases at {without_password(superuser_url)} cannot be made: {error}"
        raise StackError(message) from error
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
    return {service: service_url(superuser_url, service, password) for service, password in passwords.items()}


async def _ensure_database(connection: asyncpg.Connection, service: str, password: str) -> None:
    if not await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", service):
        await _execute(connection, "CREATE ROLE %I", service)
    # Always: on a server given by environment the role may be there from another clone's start.
    await _execute(connection, PASSWORD_STATEMENT, service, password)
    if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", service):
        await _execute(connection, "CREATE DATABASE %I OWNER %I", service, service)
    await _execute(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", service)


async def _execute(connection: asyncpg.Connection, template: str, *values: str) -> None:
    """Run a statement that takes no parameters, its values quoted by the server itself."""
    statement = await connection.fetchval("SELECT format($1, VARIADIC $2::text[])", template, list(values))
    await connection.execute(statement)


def service_url(superuser_url: str, service: str, password: str) -> str:
    """The address of a service's database on the same server, as its own role."""
    parts = urlsplit(superuser_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{service}:{password}@{host}", path=f"/{service}"))


def without_password(url: str) -> str:
    """The host and port of an address, fit to be shown."""
    return urlsplit(url).netloc.rpartition("@")[2]
