"""`administrator`: the first Admin of an installation, whose password is read from standard input."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE

import asyncpg
import pytest

from tests.support.own_accounts import OwnAccounts
from tests.support.service_process import REPOSITORY, environment

SECONDS = 45.0
PASSWORD = "correct horse battery"


async def administrator(accounts: OwnAccounts, password: str, *options: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.accounts", "administrator", *options),
        cwd=REPOSITORY,
        env={**os.environ, **environment(accounts.settings)},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(f"{password}\n".encode()), SECONDS)
    return process.returncode, output.decode(), errors.decode()


async def entries(accounts: OwnAccounts) -> list[asyncpg.Record]:
    """The audit trail of users."""
    connection = await asyncpg.connect(accounts.database.superuser_url, timeout=10)
    try:
        return list(await connection.fetch("SELECT * FROM audit_trail WHERE kind = 'user' ORDER BY id, version"))
    finally:
        await connection.close(timeout=10)


async def test_it_is_made_once_and_can_sign_in(accounts: OwnAccounts) -> None:
    options = ["--email=Ada@example.com", "--name=Ada"]
    status, output, _ = await administrator(accounts, PASSWORD, *options)
    assert (status, output) == (0, "administrator Ada@example.com made\n")
    [entry, _] = await entries(accounts)
    assert (entry["action"], entry["actor_subject"]) == ("user.created", "operator")
    again = await administrator(accounts, PASSWORD, "--email=other@example.com")
    assert again == (0, "there are users already\n", "")
    async with accounts.serving() as client:
        answer = await client.post("/api/v1/auth/login", {"email": "ada@example.com", "password": PASSWORD})
    assert answer.data["user"] | {"created_at": None} == {
        "id": 1,
        "name": "Ada",
        "email": "Ada@example.com",
        "role": "Admin",
        "created_at": None,
    }


@pytest.mark.parametrize(
    ("password", "email", "reason"),
    [
        ("short", "ada@example.com", "password: Must have 12 to 1024 characters."),
        ("password1234", "ada@example.com", "password: Is too common."),
        (PASSWORD, "nobody", "email: "),
    ],
)
async def test_a_bad_one_is_refused(accounts: OwnAccounts, password: str, email: str, reason: str) -> None:
    status, output, errors = await administrator(accounts, password, f"--email={email}")
    assert (status, output) == (1, "")
    assert reason in errors
