"""Users of accounts, as tests need them."""

import secrets
from dataclasses import dataclass

import asyncpg

from services.accounts.passwords import hash_password
from services.accounts.roles import ROLES
from services.accounts.users import email_key
from shared.auth.internal_token import API_ACCESS, PLATFORM
from tests.support.client import Client
from tests.support.stack import Stack

PASSWORD = "correct horse battery"
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
