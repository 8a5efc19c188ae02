"""What an operator's commands of accounts have in common: one transaction, and every refusal in a sentence."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import asyncpg

from services.accounts.errors import CommandRefused
from services.accounts.sealing import sealer_of
from services.accounts.settings import AccountsSettings
from shared.auth.secrets_at_rest import Sealer, SecretWrong
from shared.errors import Unavailable
from shared.postgres.pool import Connection, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION

DONE, REFUSED, NOT_POSSIBLE = 0, 1, 2
"""Exit statuses; 2 is also that of a wrong command line."""
STATUSES = "Exit status: 0 done, 1 refused, 2 could not be done. Unless it is 0, nothing has changed."

Work = Callable[[Connection, Sealer], Awaitable[str]]
"""Returns what is printed once it is committed."""


def carry_out(settings: AccountsSettings, command: str, work: Work) -> int:
    """Does the work in one transaction, as the owner of the tables, and prints its answer; the exit status."""
    try:
        print(asyncio.run(_in_transaction(settings, command, work)))
        return DONE
    except CommandRefused as error:
        return _failed(command, error, REFUSED)
    except SecretWrong as error:
        return _failed(command, f"setting ACCOUNTS_SECRET: {error}", NOT_POSSIBLE)
    except asyncpg.UndefinedTableError as error:
        return _failed(command, f"{error}: run `migrate` first", NOT_POSSIBLE)
    except (Unavailable, asyncpg.PostgresError, OSError) as error:
        return _failed(command, f"the database cannot be used: {error}", NOT_POSSIBLE)


def _failed(command: str, reason: object, status: int) -> int:
    print(f"{command}: {reason}", file=sys.stderr)
    return status


async def _in_transaction(settings: AccountsSettings, command: str, work: Work) -> str:
    url = settings.migration_database_url.get_secret_value()
    sealer = sealer_of(settings)
    async with (
        connection_pool(url, name=f"accounts {command}", size=1) as pool,
        transaction(pool, EVERY_ORGANISATION) as connection,
    ):
        return await work(connection, sealer)
