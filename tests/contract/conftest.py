"""A system of the contract tests' own, with the demonstration rows: loading them moves its id sequences."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.auth.passwords import hash_password
from gateway.auth.users import User, put_user
from shared.auth.jwk import new_private_keys
from tests.contract.documented import EXAMPLES
from tests.support.client import Answer
from tests.support.demonstration import ORGANISATION, load_demonstration
from tests.support.stack import Stack, running_stack

PASSWORD = "a long enough passphrase"


@dataclass(frozen=True)
class Account:
    """A user of the built-in issuer."""

    email: str
    password: str


@pytest.fixture(scope="package")
def issuer_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The gateway's settings that name them."""
    folder = tmp_path_factory.mktemp("issuer")
    keys, users = folder / "keys.json", folder / "users.json"
    keys.write_text(new_private_keys())
    put_user(
        users,
        User(
            id=17,
            organisation_id=ORGANISATION,
            name="Hannah Reed",
            email="hannah@example.com",
            role="HR Manager",
            password_hash=hash_password(PASSWORD),
            created_at=datetime(2026, 1, 5, 8, 30, tzinfo=UTC),
        ),
    )
    return {"issuer_keys_file": keys, "issuer_users_file": users}


@pytest.fixture(scope="package")
async def documented_stack(issuer_files: dict[str, Any]) -> AsyncIterator[Stack]:
    # Attempts to log in are limited by address, in the Redis that all tests share: these name their own.
    async with running_stack(**issuer_files, trusted_proxies=1) as stack:
        await load_demonstration(stack)
        yield stack


@pytest.fixture
def account() -> Account:
    return Account("hannah@example.com", PASSWORD)


@pytest.fixture(scope="package")
async def answers(documented_stack: Stack) -> dict[str, Answer]:
    """What the system answers to each documented request, asked once and in the order of the documents."""
    client = documented_stack.client(ORGANISATION)
    given = {}
    for name, example in EXAMPLES.items():
        options = {} if example.body is None else {"json": example.body}
        given[name] = await client.request(example.method, example.path, **options)
    return given
