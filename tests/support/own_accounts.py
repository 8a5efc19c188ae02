"""Accounts with a database of a test's own: one whose keys may be replaced, and whose users are known."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from argon2 import PasswordHasher
from pydantic import SecretStr

from services.accounts.app import MIGRATIONS, SERVICE
from services.accounts.settings import AccountsSettings
from shared.auth.claims import EVERY_ORGANISATION
from shared.auth.internal_token import Caller
from shared.auth.trust import PUBLIC
from shared.postgres.migrations import migrate
from shared.service.chassis import build_app
from tests.support.client import Client
from tests.support.commands import Outcome, run
from tests.support.databases import ServiceDatabase, service_amqp_url, service_database
from tests.support.internal_keys import internal_settings, token_for
from tests.support.stack import serving

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""For passwords that are checked many times."""


@dataclass(frozen=True)
class OwnAccounts:
    """A migrated database without rows; nothing serves yet."""

    database: ServiceDatabase
    settings: AccountsSettings

    async def command(self, *arguments: str) -> Outcome:
        """`python -m services.accounts arguments`, as an operator runs it."""
        return await run("accounts", self.settings, *arguments)

    def changed(self, **settings: object) -> "OwnAccounts":
        """The same database under other settings."""
        return OwnAccounts(self.database, AccountsSettings(**{**dict(self.settings), **settings}))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Client]:
        """A process of accounts, asked as the gateway asks for somebody without a token."""
        async with (
            serving(build_app(SERVICE, self.settings, "api")) as url,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http,
        ):
            yield Client(http, url, public_token(), sends={"X-Client-Address": "192.0.2.1"})


def public_token() -> str:
    """As the gateway makes it for whoever has none."""
    return token_for(Caller(EVERY_ORGANISATION, "anonymous", "", "service", frozenset({PUBLIC})), "accounts")


@asynccontextmanager
async def own_accounts() -> AsyncIterator[OwnAccounts]:
    async with service_database("accounts") as database:
        await migrate(database.owner_url, MIGRATIONS)
        settings = AccountsSettings(
            database_url=SecretStr(database.service_url),
            migration_database_url=SecretStr(database.owner_url),
            amqp_url=SecretStr(service_amqp_url("accounts")),
            accounts_secret=SecretStr(secrets.token_hex(32)),
            **internal_settings("accounts"),
        )
        yield OwnAccounts(database, settings)


def written(folder: Path, name: str, text: str) -> str:
    """A file with this text; its path."""
    file = folder / name
    file.write_text(text)
    return os.fspath(file)
