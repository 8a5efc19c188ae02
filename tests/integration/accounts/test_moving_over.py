"""An installation from before accounts moves over: its gateway's users, passwords, keys and running tokens stay."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest

from gateway.app import create_gateway
from stack.config.ports import reserve_port
from stack.services import SERVICE_NAMES
from tests.faults.released import unpack_release
from tests.support.client import Client
from tests.support.databases import redis_url
from tests.support.eventually import eventually
from tests.support.internal_keys import internal_settings
from tests.support.own_accounts import OwnAccounts
from tests.support.stack import gateway_settings, serving

SECONDS = 45.0
LOGIN, KEY_SET = "/api/v1/auth/login", "/.well-known/jwks.json"
USER = ("--id=4", "--organisation=1", "--name=Emil", "--email=Emil@example.com", "--role=Employee", "--employee-id=42")
EMAIL, PASSWORD = "emil@example.com", "secret42"
"""That version was content with eight characters."""
BEFORE_ACCOUNTS = "647c5c2"
"""The last version whose gateway had users and keys of its own."""


@dataclass(frozen=True)
class Released:
    """The files of a gateway of that version, made by its own commands."""

    tree: Path
    keys: Path
    users: Path
    tokens: list[str] = field(default_factory=list)
    """That it has issued."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "REDIS_URL": redis_url(),
            "ISSUER_KEYS_FILE": str(self.keys),
            "ISSUER_USERS_FILE": str(self.users),
            "INTERNAL_KEYS_FILE": str(internal_settings("gateway")["internal_keys_file"]),
            **{f"{name}_URL": "http://127.0.0.1:1" for name in ("CATALOG", "ENROLLMENT", "HISTORY")},
        }

    async def command(self, *arguments: str, read: str = "") -> str:
        """`python -m gateway arguments`; what it prints."""
        command = (sys.executable, "-m", "gateway", *arguments)
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.tree, env=self.environment, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        output, errors = await asyncio.wait_for(process.communicate(read.encode()), SECONDS)
        assert process.returncode == 0, errors.decode()
        return output.decode().strip()

    @asynccontextmanager
    async def serving(self, http: aiohttp.ClientSession) -> AsyncIterator[Client]:
        environment = {**self.environment, "PORT": str(port := reserve_port())}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", cwd=self.tree, env=environment, stdout=DEVNULL, stderr=DEVNULL
        )
        client = Client(http, f"http://127.0.0.1:{port}", None, of_services=False)

        async def answers() -> bool:
            try:
                return (await client.get("/health/live")).status == 200
            except aiohttp.ClientError:
                return False

        try:
            await eventually(answers)
            yield client
        finally:
            process.kill()
            await process.wait()


@pytest.fixture(scope="module")
async def released(tmp_path_factory: pytest.TempPathFactory) -> Released:
    tree = unpack_release(tmp_path_factory.mktemp("released"), BEFORE_ACCOUNTS)
    folder = tmp_path_factory.mktemp("issuer")
    released = Released(tree, folder / "keys.json", folder / "users.json")
    await released.command("keys", str(released.keys))
    await released.command("users", str(released.users), "add", *USER, read=f"{PASSWORD}\n")
    released.tokens.append(await released.command("token", "--org=7", "--subject=reports", "--user-type=service"))
    return released


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        yield http


def claims_of(token: str, key_set: dict[str, Any]) -> dict[str, Any]:
    """Verified with the key set, as a gateway does it."""
    key_id = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWK(next(key for key in key_set["keys"] if key["kid"] == key_id))
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["EdDSA"], audience="muster-api", issuer="muster")
    return claims


ABOUT_THE_USER = ("sub", "org", "name", "user_type", "employee_id")


async def test_its_users_sign_in_as_before_and_its_running_tokens_are_good(
    accounts: OwnAccounts, released: Released, http: aiohttp.ClientSession
) -> None:
    async with released.serving(http) as gateway:
        signed_in = await gateway.post(LOGIN, {"email": EMAIL, "password": PASSWORD})
        assert signed_in.status == 200, signed_in.text
        before = (await gateway.get(KEY_SET)).json
    outcome = await accounts.command("import", str(released.users), str(released.keys))
    assert outcome.output.startswith("users: 1 taken over"), outcome.errors
    async with accounts.serving() as client:
        after = (await client.get(KEY_SET)).json
        assert after == before
        for token in (*released.tokens, signed_in.data["token"]):
            assert claims_of(token, after)["iss"] == "muster"
        again = await client.post(LOGIN, {"email": EMAIL, "password": PASSWORD})
        assert (again.status, again.data["user"]) == (200, signed_in.data["user"])
        old, new = (claims_of(each.data["token"], after) for each in (signed_in, again))
        assert {name: new[name] for name in ABOUT_THE_USER} == {name: old[name] for name in ABOUT_THE_USER}
        wrong = await client.post(LOGIN, {"email": EMAIL, "password": "secret43"})
        assert wrong.status == 401
        async with serving(create_gateway(gateway_settings(dict.fromkeys(SERVICE_NAMES, client.url)))) as url:
            for token in (*released.tokens, signed_in.data["token"], again.data["token"]):
                assert await eventually(partial(who, Client(http, url, token)))


async def who(client: Client) -> object:
    """Whom the gateway takes the token's bearer for, once it is ready."""
    answer = await client.get("/api/v1/auth/me")
    assert answer.status == 200, answer.text
    return answer.data


async def test_control_without_the_import_its_tokens_and_users_are_unknown(
    accounts: OwnAccounts, released: Released
) -> None:
    [running] = released.tokens
    async with accounts.serving() as client:
        key_set = (await client.get(KEY_SET)).json
        assert jwt.get_unverified_header(running)["kid"] not in [key["kid"] for key in key_set["keys"]]
        answer = await client.post(LOGIN, {"email": EMAIL, "password": PASSWORD})
    assert answer.status == 401
