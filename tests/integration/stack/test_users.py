"""The users of a local stack: those of the demonstration, or those that the version before kept in files."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import jwt
import pytest

from services.accounts.app import MIGRATIONS
from shared.auth.jwk import new_private_keys
from shared.postgres.migrations import migrate
from stack.config.addresses import Addresses, ServiceAddresses
from stack.errors import ProcessFailed, StackError
from stack.paths import Layout
from stack.product.applications import Application, make_service
from stack.product.issuer import USERS, make_token, prepare_accounts, prepare_internal_keys, token_options
from stack.servers.credentials import load_credentials
from stack.services import SERVICE_NAMES
from tests.support.databases import service_amqp_url, service_database

NOWHERE = "http://127.0.0.1:1"
PASSWORD = "a password of the stack"


@dataclass(frozen=True)
class Scene:
    """A stack without processes, whose accounts have a database."""

    layout: Layout
    accounts: Application
    database_url: str

    async def prepare(self, *, new: bool) -> None:
        await prepare_accounts(self.layout, self.accounts, PASSWORD, new=new)

    async def users(self) -> list[dict[str, Any]]:
        connection = await asyncpg.connect(self.database_url, timeout=10)
        try:
            return [dict(row) for row in await connection.fetch("SELECT * FROM users ORDER BY id")]
        finally:
            await connection.close(timeout=10)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    layout = Layout(tmp_path / "stack")
    layout.create()
    load_credentials(layout.secrets)
    await prepare_internal_keys(layout)
    async with service_database("accounts") as database:
        await migrate(database.owner_url, MIGRATIONS)
        amqp_url = service_amqp_url("accounts")
        service = ServiceAddresses(NOWHERE, database.service_url, database.owner_url, amqp_url)
        addresses = Addresses(NOWHERE, "redis://127.0.0.1:1", amqp_url, dict.fromkeys(SERVICE_NAMES, service))
        yield Scene(layout, make_service("accounts", layout, addresses), database.superuser_url)


def keep(scene: Scene, **changes: Any) -> dict[str, Any]:
    """The files of the version before, with one user; the key."""
    user = {
        "id": 9,
        "organisation_id": 3,
        "name": "Ada",
        "email": "ada@example.com",
        "role": "Admin",
        "password_hash": "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA",
        "created_at": "2026-01-01T00:00:00Z",
        **changes,
    }
    keys: dict[str, Any] = json.loads(new_private_keys())
    scene.layout.earlier_users_file.write_text(json.dumps([user]))
    scene.layout.earlier_keys_file.write_text(json.dumps(keys))
    return keys["keys"][0]  # type: ignore[no-any-return]


async def test_a_new_stack_has_the_users_of_the_demonstration(scene: Scene) -> None:
    await scene.prepare(new=True)
    await scene.prepare(new=True)  # as after a start that was killed
    users = await scene.users()
    assert [(str(user["id"]), user["name"], user["email"], user["role"]) for user in users] == [
        (user.id, user.name, user.email, user.role) for user in USERS
    ]
    assert [(user["employee_id"], user["company_ids"]) for user in users[3:]] == [(42, []), (None, [77])]
    assert not list(scene.layout.run.glob("*.json")), "no hash lies around"


async def test_one_that_has_had_its_demonstration_gets_none_again(scene: Scene) -> None:
    await scene.prepare(new=False)
    assert await scene.users() == []


@pytest.mark.parametrize("new", [False, True])
async def test_users_and_keys_of_the_version_before_are_taken_over_and_stay_as_a_backup(
    scene: Scene, new: bool
) -> None:
    key, layout = keep(scene), scene.layout
    kept = [file.read_text() for file in (layout.earlier_users_file, layout.earlier_keys_file)]
    await scene.prepare(new=new)
    assert [(user["id"], user["organisation_id"], user["email"]) for user in await scene.users()] == [
        (9, 3, "ada@example.com")
    ]
    token = await make_token(token_options(), scene.accounts)
    assert jwt.get_unverified_header(token)["kid"] == key["kid"]
    assert [(layout.root / name).read_text() for name in ("users.json.imported", "keys.json.imported")] == kept
    assert not layout.earlier_users_file.exists()
    assert not layout.earlier_keys_file.exists()


async def test_a_broken_file_stops_the_start_and_stays(scene: Scene) -> None:
    keep(scene, role="Boss")
    with pytest.raises(ProcessFailed, match=r"users\.json: entry 1 \(id 9\): role: "):
        await scene.prepare(new=True)
    assert scene.layout.earlier_users_file.exists()
    assert await scene.users() == []


async def test_tokens_are_made_with_the_options_given(scene: Scene) -> None:
    options = token_options(role="Employee", employee_id="42", lifetime="60", rate_limit="5")
    claims = jwt.decode(await make_token(options, scene.accounts), options={"verify_signature": False})
    assert (claims["org"], claims["sub"], claims["employee_id"], claims["rate_limit"]) == (1, "4", 42, 5)
    with pytest.raises(StackError, match=r"(?s)Accounts issued no token: .*invalid choice: 'Boss'"):
        await make_token(token_options(role="Boss"), scene.accounts)
