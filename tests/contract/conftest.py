"""A system of the contract tests' own, with the demonstration rows: loading them moves its id sequences."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import pytest

from documents.examples import EXAMPLES
from services.accounts.passwords import hash_password
from tests.support.client import Answer, new_organisation
from tests.support.demonstration import ORGANISATION, load_demonstration
from tests.support.routes import Kept, rows_of_each_kind
from tests.support.stack import Stack, running_stack

EMAIL, PASSWORD = "hannah@example.com", "a long enough passphrase"


@dataclass(frozen=True)
class Account:
    """A user of accounts."""

    email: str
    password: str


@pytest.fixture(scope="package")
async def documented_stack() -> AsyncIterator[Stack]:
    async with running_stack(trusted_proxies=1) as stack:
        await load_demonstration(stack)
        await _add_user(stack)
        yield stack


async def _add_user(stack: Stack) -> None:
    """Past the service, with an id and a day of its own."""
    connection = await asyncpg.connect(stack.accounts_database_url, timeout=10)
    try:
        await connection.execute(
            "INSERT INTO organisations (organisation_id, name) VALUES ($1, 'Test') ON CONFLICT DO NOTHING", ORGANISATION
        )
        await connection.execute(
            "INSERT INTO users (id, organisation_id, name, email, email_key, role, password_hash, created_at)"
            " VALUES (17, $1, 'Hannah Reed', $2, $2, 'HR Manager', $3, $4)",
            ORGANISATION,
            EMAIL,
            hash_password(PASSWORD),
            datetime(2026, 1, 5, 8, 30, tzinfo=UTC),
        )
    finally:
        await connection.close(timeout=10)


@pytest.fixture(scope="package")
async def kept(stack: Stack) -> Kept:
    """Shared by this package: to make these rows takes longer than most tests of a route do."""
    organisation = new_organisation()
    return Kept(stack, organisation, await rows_of_each_kind(stack.client(organisation)))


@pytest.fixture
def account() -> Account:
    return Account(EMAIL, PASSWORD)


@pytest.fixture(scope="package")
async def answers(documented_stack: Stack) -> dict[str, Answer]:
    """What the system answers to each documented request, asked once and in the order of the documents."""
    client = documented_stack.client(ORGANISATION)
    given = {}
    for name, example in EXAMPLES.items():
        options = {} if example.body is None else {"json": example.body}
        given[name] = await client.request(example.method, example.path, **options)
    return given
