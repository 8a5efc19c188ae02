"""`credential-keys list|rotate|withdraw|reencrypt`: the keys that sign credentials."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import asyncpg

from services.enrollment.sealing import sealer_of
from services.enrollment.settings import EnrollmentSettings
from services.enrollment.store import credential_keys as store
from services.enrollment.use_cases import credentials as use_cases
from shared.auth.secrets_at_rest import Sealer, SecretWrong
from shared.errors import Unavailable
from shared.postgres.pool import Connection, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import Command

DONE, REFUSED, NOT_POSSIBLE = 0, 1, 2
"""Exit statuses; 2 is also that of a wrong command line."""
_DESCRIPTION: Final = """Keys that sign credentials. One that is rotated out signs no more and stays published, so that
what it has signed can be verified for years. One that is withdrawn is published no longer: nothing that it has signed
can be verified any more, and whoever holds such a credential gets it again, under the same code, signed by the new
key."""
_COLUMNS: Final = "{:>12}  {:<44}  {:<10}  {}"

Work = Callable[[argparse.Namespace, Connection, Sealer], Awaitable[str]]


class _Refused(Exception):
    """There is no such key."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = _DESCRIPTION
    parser.epilog = "Exit status: 0 done, 1 refused, 2 could not be done. Unless it is 0, nothing has changed."
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="one line each").set_defaults(work=_list)
    rotating = actions.add_parser(
        "rotate", help="sign with a new key from now on, and delete the private half of the old"
    )
    rotating.add_argument("organisation", type=int, metavar="ORGANISATION", help="the id of the organisation")
    rotating.set_defaults(work=_rotate)
    withdrawing = actions.add_parser("withdraw", help="publish this key no longer: somebody else may have it")
    withdrawing.add_argument("key", metavar="KID", help="as list shows it")
    withdrawing.set_defaults(work=_withdraw)
    title = "encrypt the private halves with ENROLLMENT_SECRET; the one before is in ENROLLMENT_SECRET_PREVIOUS"
    actions.add_parser("reencrypt", help=title).set_defaults(work=_reencrypt)


def _run(settings: EnrollmentSettings, arguments: argparse.Namespace) -> int:
    command = f"credential-keys {arguments.action}"
    work = partial(arguments.work, arguments)
    try:
        print(asyncio.run(_in_transaction(settings, work, sealer_of(settings))))
        return DONE
    except _Refused as error:
        return _failed(command, error, REFUSED)
    except SecretWrong as error:
        return _failed(command, f"setting ENROLLMENT_SECRET: {error}", NOT_POSSIBLE)
    except (Unavailable, asyncpg.PostgresError, OSError) as error:
        return _failed(command, f"the database cannot be used: {error}", NOT_POSSIBLE)


def _failed(command: str, reason: object, status: int) -> int:
    print(f"{command}: {reason}", file=sys.stderr)
    return status


async def _in_transaction(
    settings: EnrollmentSettings, work: Callable[[Connection, Sealer], Awaitable[str]], sealer: Sealer
) -> str:
    """As the owner of the tables."""
    url = settings.migration_database_url.get_secret_value()
    async with (
        connection_pool(url, name="enrollment credential-keys", size=1) as pool,
        transaction(pool, EVERY_ORGANISATION) as connection,
    ):
        return await work(connection, sealer)


async def _list(_: argparse.Namespace, connection: Connection, __: Sealer) -> str:
    heading = _COLUMNS.format("ORGANISATION", "KID", "STATE", "SINCE")
    rows = await store.listed(connection)
    return "\n".join([heading, *[_COLUMNS.format(*row) for row in rows]])


async def _rotate(arguments: argparse.Namespace, connection: Connection, sealer: Sealer) -> str:
    if not await store.lock(connection, arguments.organisation):
        raise _Refused(f"organisation {arguments.organisation} has issued no credentials")
    return f"{await _new_key(connection, sealer, arguments.organisation)} signs"


async def _withdraw(arguments: argparse.Namespace, connection: Connection, sealer: Sealer) -> str:
    organisation = await store.owner(connection, arguments.key)
    if organisation is None:
        raise _Refused(f"there is no key {arguments.key} that is published")
    await store.lock(connection, organisation)
    await store.withdraw(connection, organisation, arguments.key)
    return f"{arguments.key} is withdrawn; {await _new_key(connection, sealer, organisation)} signs"


async def _new_key(connection: Connection, sealer: Sealer, organisation: int) -> str:
    await store.forget_private_halves(connection, organisation)
    return (await use_cases.add_key(connection, sealer, organisation)).id


async def _reencrypt(_: argparse.Namespace, connection: Connection, sealer: Sealer) -> str:
    return f"{await store.reseal(connection, sealer)} keys are encrypted with ENROLLMENT_SECRET"


CREDENTIAL_KEYS = Command(
    "credential-keys", "list, rotate, withdraw and encrypt the keys that sign credentials", _add_arguments, _run
)
