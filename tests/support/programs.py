"""Programs of an organisation, and their requests for tokens as the gateway passes them on."""

import base64
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import jwt

from shared.auth.internal_token import ACCOUNTS, ENROLL, MANAGE, RECORD, VIEW
from tests.support.client import Answer, Client
from tests.support.stack import Stack
from tests.support.world import CLIENTS

TOKEN = "/oauth/token"
MAKER = ("api.access", VIEW, ENROLL, RECORD, MANAGE, ACCOUNTS)
FIELDS: dict[str, Any] = {"name": "Payroll", "permissions": [VIEW]}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Program:
    id: int
    client_id: str
    secret: str

    @property
    def path(self) -> str:
        return f"{CLIENTS}/{self.id}"


def maker(stack: Stack, organisation: int) -> Client:
    """Somebody with the permissions of an Admin."""
    return stack.direct("accounts", organisation, MAKER)


async def new_program(client: Client, **fields: Any) -> Program:
    answer = await client.post(CLIENTS, FIELDS | fields)
    assert answer.status == 201, answer.text
    return Program(answer.data["id"], answer.data["client_id"], answer.data["client_secret"])


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def new_address() -> str:
    """Of a host that has guessed nothing yet."""
    return f"2001:db8::{secrets.token_hex(2)}:{secrets.token_hex(2)}"


async def ask(
    stack: Stack,
    body: dict[str, str] | str | bytes,
    authorization: str | None = None,
    address: str | None = None,
    **sends: str,
) -> Answer:
    """`POST /oauth/token` with this form, from an address of its own unless one is given."""
    headers = {**FORM, **sends} | ({} if authorization is None else {"X-Client-Authorization": authorization})
    return await stack.public(address or new_address()).request("POST", TOKEN, data=body, headers=headers)


async def token_of(stack: Stack, program: Program, **parameters: str) -> Answer:
    """With HTTP Basic."""
    form = {"grant_type": "client_credentials", **parameters}
    return await ask(stack, form, basic(program.client_id, program.secret))


def claims_of(answer: Answer) -> dict[str, Any]:
    """Of the answered token, unverified."""
    assert answer.status == 200, answer.text
    claims: dict[str, Any] = jwt.decode(answer.json["access_token"], options={"verify_signature": False})
    return claims


async def rows_of(stack: Stack, sql: str) -> list[Any]:
    """The first column of what the statement gives in the database of accounts."""
    connection = await asyncpg.connect(stack.accounts_database_url, timeout=10)
    try:
        return [row[0] for row in await connection.fetch(sql)]
    finally:
        await connection.close(timeout=10)


async def as_if(stack: Stack, program: Program, change: str) -> None:
    """Changes the row past the service: its times are moved instead of waiting for them."""
    await rows_of(stack, f"UPDATE clients SET {change} WHERE id = {program.id}")


async def refusals_of(stack: Stack, program: Program) -> list[dict[str, Any]]:
    """The entries of the list that gateways follow, about the client's tokens."""
    sql = f"SELECT to_jsonb(r)::text FROM revocations r WHERE subject = '{program.client_id}' ORDER BY seq"
    return [json.loads(text) for text in await rows_of(stack, sql)]


@asynccontextmanager
async def holding(stack: Stack, lock: str) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """Holds what this statement locks; gives a function that says whether anybody waits for it."""
    connection = await asyncpg.connect(stack.accounts_database_url, timeout=10)

    async def is_waited_for() -> bool:
        waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        return bool(await connection.fetchval(waiting))

    try:
        async with connection.transaction():
            await connection.execute(lock)
            yield is_waited_for
    finally:
        await connection.close(timeout=10)
