"""Users of accounts, as tests need them."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from services.accounts.passwords import hash_password
from services.accounts.roles import ROLES
from services.accounts.users import email_key
from shared.auth.internal_token import API_ACCESS, PLATFORM, Caller
from shared.postgres.pool import Pool, connection_pool
from tests.support.client import Answer, Client
from tests.support.internal_keys import token_for
from tests.support.stack import Stack

PASSWORD = "correct horse battery"
DESK = "192.0.2.1"
"""Where somebody usually signs in."""
_HASH = hash_password(PASSWORD)


@dataclass(frozen=True)
class NewUser:
    """`PASSWORD` is their password."""

    organisation: int
    id: int
    email: str


async def new_user(stack: Stack, organisation: int, role: str = "Admin", *, password: bool = True) -> NewUser:
    """A user of the organisation, written past the service; without a password they are invited."""
    email = f"user-{secrets.token_hex(6)}@example.com"
    connection = await asyncpg.connect(stack.accounts_database_url, timeout=10)
    try:
        await connection.execute(
            "INSERT INTO organisations (organisation_id, name) VALUES ($1, 'Test') ON CONFLICT DO NOTHING", organisation
        )
        user_id = await connection.fetchval(
            "INSERT INTO users (organisation_id, name, email, email_key, role, password_hash)"
            " VALUES ($1, 'Test User', $2, $3, $4, $5) RETURNING id",
            organisation,
            email,
            email_key(email),
            role,
            _HASH if password else None,
        )
    finally:
        await connection.close(timeout=10)
    return NewUser(organisation, user_id, email)


def managing_users(stack: Stack, organisation: int) -> Client:
    """An Admin of the organisation, around the gateway."""
    return stack.direct("accounts", organisation, ROLES["Admin"])


def operating(stack: Stack, organisation: int = 1) -> Client:
    """The operator of the platform, with a token of this organisation, around the gateway."""
    return stack.direct("accounts", organisation, [API_ACCESS, PLATFORM])


@asynccontextmanager
async def accounts_pool(stack: Stack) -> AsyncIterator[Pool]:
    """As a process of accounts has one."""
    async with connection_pool(stack.accounts_database_url, name="test") as pool:
        yield pool


async def run_sql(stack: Stack, sql: str, *arguments: Any) -> Any:
    """The first value of a statement in the database of accounts."""
    connection = await asyncpg.connect(stack.accounts_database_url, timeout=10)
    try:
        return await connection.fetchval(sql, *arguments)
    finally:
        await connection.close(timeout=10)


async def sign_in(stack: Stack, email: str, password: str = PASSWORD, address: str = DESK, **fields: Any) -> Answer:
    """What accounts answer to somebody who logs in from this address."""
    body = {"email": email, "password": password, **fields}
    return await stack.public(address).post("/api/v1/auth/login", body)


def as_user(stack: Stack, user: NewUser, token: str, address: str = DESK) -> Client:
    """The user with this token, as the gateway passes their requests on."""
    caller = Caller(user.organisation, str(user.id), "Test User", "staff", ROLES["Admin"])
    sends = {"X-Client-Authorization": f"Bearer {token}", "X-Client-Address": address}
    return Client(stack.http, stack.accounts_url, token_for(caller, "accounts"), sends=sends)
