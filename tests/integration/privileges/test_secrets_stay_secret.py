"""Nothing that a process writes, answers or is started as holds a secret, however it fails.

Every secret is marked, and the log is at its most talkative.
"""

import base64
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest

from shared.auth.internal_token import Caller
from shared.auth.trust import GATEWAY
from shared.service.chassis import prepare
from stack.config.ports import reserve_port
from stack.services import SERVICE_NAMES
from tests.integration.privileges.test_database_roles import execute
from tests.support.client import ADMIN_PERMISSIONS, client_token
from tests.support.databases import ServiceDatabase, amqp_url, redis_url, server_url, service_amqp_url, service_database
from tests.support.internal_keys import internal_private_key, internal_settings, token_for
from tests.support.providers import speaking_as_we_do
from tests.support.secret_watch import ended, watched
from tests.support.services import DECLARED, tables_of
from tests.support.stack import ACCOUNTS_SECRET, Stack

MARK = f"mark{secrets.token_hex(8)}"
CLIENT_SECRET = f"{MARK}-client-token-secret-{MARK}"
PATHS_READ = {
    name: [route.path for route in service.routes if route.method == "GET"] for name, service in DECLARED.items()
}
A_ROUTE = {name: max(paths, key=lambda path: "{id}" in path).replace("{id}", "1") for name, paths in PATHS_READ.items()}
"""One that reads a row, or rows where a service has no other."""


def with_mark(url: str, *, here: bool = True) -> str:
    """The address with a marked password: of the same server, or of a port where nobody listens."""
    parts = urlsplit(url)
    port = parts.port if here else reserve_port()
    return parts._replace(netloc=f"{parts.username or ''}:{MARK}%2F%40@{parts.hostname}:{port}").geturl()


def keys_of(process: str) -> dict[str, str]:
    return {name.upper(): str(path) for name, path in internal_settings(process).items()}


def environment(service: str, **addresses: str) -> dict[str, str]:
    """A service's, with both servers away unless addresses are given."""
    return {
        **keys_of(service),
        "DATABASE_URL": with_mark(server_url(), here=False),
        "AMQP_URL": with_mark(service_amqp_url(service), here=False),
        "ACCOUNTS_SECRET": f"{MARK} secret of accounts, long enough",
        "DELIVERY_SECRET": f"{MARK} secret of delivery, long enough",
        "ENROLLMENT_SECRET": f"{MARK} secret of enrollment, long enough",
        "CATALOG_URL": f"http://127.0.0.1:{reserve_port()}",
        "ENROLLMENT_URL": f"http://127.0.0.1:{reserve_port()}",
    } | addresses


def authorization(service: str) -> str:
    caller = Caller(1, "1", "Test", "staff", frozenset(ADMIN_PERMISSIONS))
    return f"Bearer {token_for(caller, service)}"


def bad_tokens() -> list[str]:
    claims: dict[str, Any] = {"aud": "internal", "exp": 1}
    return ["Bearer x", "Basic x", f"Bearer {jwt.encode(claims, 'another secret ' * 3)}", authorization("catalog")[:-3]]


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_while_database_and_broker_are_away(service: str, tmp_path: Path) -> None:
    async with watched(f"services.{service}", environment(service), tmp_path) as process:
        await process.serves()
        await process.says("is waiting for the broker or the database")
        assert await process.ask("/health/ready") == 503
        assert await process.ask(A_ROUTE[service], Authorization=authorization(service)) == 503
        for token in bad_tokens():
            assert await process.ask(A_ROUTE[service], Authorization=token) == 401
    assert MARK not in process.visible


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_with_a_wrong_password_of_the_database(service: str, stack: Stack, tmp_path: Path) -> None:
    variables = environment(service, DATABASE_URL=with_mark(stack.settings[service].database_url.get_secret_value()))
    status, output = await ended(f"services.{service}", variables, tmp_path)
    assert status != 0
    assert "password authentication failed" in output
    assert MARK not in output


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_with_a_wrong_password_of_the_broker(service: str, stack: Stack, tmp_path: Path) -> None:
    url = stack.settings[service].database_url.get_secret_value()
    variables = environment(service, DATABASE_URL=url, AMQP_URL=with_mark(service_amqp_url(service)))
    variables["ACCOUNTS_SECRET"] = ACCOUNTS_SECRET.get_secret_value()  # the keys in the database are encrypted with it
    async with watched(f"services.{service}", variables, tmp_path) as process:
        await process.serves()
        await process.says("ACCESS_REFUSED")
        assert await process.ask("/health/ready") == 200
    assert MARK not in process.visible


@pytest.fixture
async def marked_database() -> AsyncIterator[ServiceDatabase]:
    """Its roles' passwords are the mark."""
    async with service_database("marked", password=MARK) as database:
        yield database


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_with_a_defect(service: str, stack: Stack, marked_database: ServiceDatabase, tmp_path: Path) -> None:
    changes = {"migration_database_url": marked_database.owner_url, "database_url": marked_database.service_url}
    settings = type(stack.settings[service])(**{**dict(stack.settings[service]), **changes})
    await prepare(DECLARED[service], settings)
    for table in tables_of(service):
        await execute(marked_database.superuser_url, f"ALTER TABLE {table} RENAME TO {table}_gone")
    variables = environment(service, DATABASE_URL=marked_database.service_url)
    async with watched(f"services.{service}", variables, tmp_path) as process:
        await process.serves()
        assert await process.ask(A_ROUTE[service], Authorization=authorization(service)) == 500
    assert "UndefinedTableError" in process.output
    assert MARK not in process.visible


@pytest.mark.parametrize("command", [(), ("migrate",)])
@pytest.mark.parametrize(
    "changes",
    [
        {"PORT": "none"},
        {"DATABASE_URL": f"postgresql://catalog:{MARK}/x@db/catalog"},
        {"DATABASE_URL": f"postgresql://catalog:{MARK}@db:port/catalog"},
        {"AMQP_URL": f"amqp://catalog:{MARK}#x@broker/"},
    ],
)
async def test_with_settings_that_are_refused(
    command: tuple[str, ...], changes: dict[str, str], tmp_path: Path
) -> None:
    status, output = await ended("services.catalog", environment("catalog") | changes, tmp_path, command)
    assert status == 2
    assert f"setting {next(iter(changes))}: " in output
    assert MARK not in output


@pytest.mark.parametrize("command", ["migrate", "seed"])
async def test_with_a_command_that_fails(command: str, tmp_path: Path) -> None:
    variables = environment("catalog", MIGRATION_DATABASE_URL=with_mark(server_url()))
    status, output = await ended("services.catalog", variables, tmp_path, [command])
    assert status != 0
    assert "password authentication failed" in output
    assert MARK not in output


def gateway_environment(redis: str, **changes: str) -> dict[str, str]:
    return {
        **keys_of("gateway"),
        "CLIENT_TOKEN_SECRET": CLIENT_SECRET,
        "REDIS_URL": redis,
        **{f"{service.upper()}_URL": f"http://127.0.0.1:{reserve_port()}" for service in SERVICE_NAMES},
    } | changes


@pytest.mark.parametrize("here", [True, False])
async def test_of_a_gateway_whose_redis_refuses_it_or_is_away(here: bool, tmp_path: Path) -> None:
    variables = gateway_environment(with_mark(redis_url(), here=here))
    private = internal_private_key(GATEWAY)[1].private_bytes_raw()
    written = base64.urlsafe_b64encode(private).decode().rstrip("=")
    async with watched("gateway", variables, tmp_path) as process:
        await process.serves()
        await process.ask("/health/ready")
        token = f"Bearer {client_token(CLIENT_SECRET, 1)}"
        assert await process.ask(A_ROUTE["catalog"], Authorization=token) in (502, 503)
        for token in bad_tokens():
            assert await process.ask(A_ROUTE["catalog"], Authorization=token) == 401
    assert MARK not in process.visible
    assert written not in process.visible


async def test_of_a_gateway_that_is_given_a_private_key_of_a_provider(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(f'{{"keys": [{{"kty": "OKP", "crv": "Ed25519", "kid": "a", "d": "{MARK}"}}]}}')
    provider = speaking_as_we_do(file) | {"key_set_file": str(file)}
    variables = gateway_environment(redis_url(), PROVIDERS=json.dumps([provider]))
    status, output = await ended("gateway", variables, tmp_path, [])
    assert status != 0
    assert "private key" in output
    assert MARK not in output


async def test_control_what_a_careless_process_writes_is_noticed(tmp_path: Path) -> None:
    variables = environment("catalog", AMQP_URL=with_mark(amqp_url()))
    _, output = await ended("tests.support.leaky_process", variables, tmp_path)
    assert MARK in output


async def test_control_what_a_process_is_started_as_is_noticed(tmp_path: Path) -> None:
    async with watched("services.history", environment("history"), tmp_path, [f"--role={'all'}"]) as process:
        await process.serves()
    assert "--role=all" in process.visible
