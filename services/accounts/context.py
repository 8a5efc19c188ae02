"""What the routes of accounts need beside the database."""

from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass

import asyncpg
from aiohttp import web

from services.accounts.key_ring import KeyRing
from services.accounts.passwords import PasswordChecker
from services.accounts.sealing import sealer_of
from services.accounts.settings import AccountsSettings
from shared.auth.secrets_at_rest import SecretWrong
from shared.concurrency.tasks import background
from shared.errors import Unavailable
from shared.http.server.app import READINESS
from shared.service.chassis import POOL
from shared.settings import SettingRefused


@dataclass(frozen=True, slots=True)
class AccountsContext:
    """What signs tokens, and what checks passwords."""

    settings: AccountsSettings
    key_ring: KeyRing
    passwords: PasswordChecker


ACCOUNTS_CONTEXT = web.AppKey("accounts", AccountsContext)


async def accounts_context(settings: AccountsSettings, app: web.Application) -> AsyncIterator[None]:
    """The process is not ready before it has read the keys, and ends if it has another secret than they have."""
    key_ring = KeyRing(app[POOL], sealer_of(settings))
    await _read_if_possible(key_ring)
    app[READINESS]["signing_keys"] = key_ring.has_been_read
    with closing(PasswordChecker()) as passwords:
        app[ACCOUNTS_CONTEXT] = AccountsContext(settings, key_ring, passwords)
        async with background(key_ring.follow(), name="signing keys"):
            yield


async def _read_if_possible(key_ring: KeyRing) -> None:
    try:
        await key_ring.read()
    except SecretWrong as error:
        raise SettingRefused("ACCOUNTS_SECRET", str(error)) from None
    except (Unavailable, asyncpg.PostgresError):
        return  # `follow` says so, and tries again
