"""Databases of a test's own, on the private server of the run."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg


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


@asynccontextmanager
async def fresh_database(name: str) -> AsyncIterator[str]:
    """The URL of an empty database that is gone afterwards."""
    unique = f"{name}_{secrets.token_hex(6)}"
    server = await asyncpg.connect(server_url(), timeout=10)
    try:
        await server.execute(f"CREATE DATABASE {unique}")
        try:
            yield urlunsplit(urlsplit(server_url())._replace(path=f"/{unique}"))
        finally:
            await server.execute(f"DROP DATABASE {unique} WITH (FORCE)")
    finally:
        await server.close()
