"""What the routes of accounts need beside the database."""

from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass

from aiohttp import web

from services.accounts.key_ring import KeyRing
from services.accounts.passwords import PasswordChecker
from services.accounts.secrets_at_rest import Sealer
from services.accounts.settings import AccountsSettings
from shared.concurrency.tasks import background
from shared.http.server.app import READINESS
from shared.service.chassis import POOL


@dataclass(frozen=True, slots=True)
class AccountsContext:
    """What signs tokens, and what checks passwords."""

    settings: AccountsSettings
    key_ring: KeyRing
    passwords: PasswordChecker


ACCOUNTS_CONTEXT = web.AppKey("accounts", AccountsContext)


async def accounts_context(settings: AccountsSettings, app: web.Application) -> AsyncIterator[None]:
    """The process is not ready before it has read the keys."""
    key_ring = KeyRing(app[POOL], Sealer(settings.accounts_secret.get_secret_value()))
    app[READINESS]["signing_keys"] = key_ring.has_been_read
    with closing(PasswordChecker()) as passwords:
        app[ACCOUNTS_CONTEXT] = AccountsContext(settings, key_ring, passwords)
        async with background(key_ring.follow(), name="signing keys"):
            yield
