"""What an operator does with delivery from the command line: `webhooks reencrypt`, and `erased-people`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import asyncpg

from services.delivery import erasing
from services.delivery.sealing import sealer_of
from services.delivery.settings import DeliverySettings
from services.delivery.store import webhooks
from services.delivery.store.erasing import go_through
from services.delivery.store.erasing import lock as lock_erasures
from shared.auth.secrets_at_rest import SecretWrong
from shared.errors import Unavailable
from shared.postgres import erased_people
from shared.postgres.erased_people import Erased
from shared.postgres.pool import Connection, Pool, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import Command
from shared.service.erased_people_commands import erased_people_command

DONE, NOT_POSSIBLE = 0, 2


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Exit status: 0 done, 2 could not be done; then nothing has changed."
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    title = "encrypt their secrets with DELIVERY_SECRET; the one before is in DELIVERY_SECRET_PREVIOUS"
    actions.add_parser("reencrypt", help=title)


def _run(settings: DeliverySettings, _: argparse.Namespace) -> int:
    try:
        print(f"{asyncio.run(_reencrypted(settings))} webhooks are encrypted with DELIVERY_SECRET")
    except SecretWrong as error:
        return _failed(f"setting DELIVERY_SECRET: {error}")
    except (Unavailable, asyncpg.PostgresError, OSError) as error:
        return _failed(f"the database cannot be used: {error}")
    return DONE


def _failed(reason: str) -> int:
    print(f"webhooks reencrypt: {reason}", file=sys.stderr)
    return NOT_POSSIBLE


async def _reencrypted(settings: DeliverySettings) -> int:
    """In one transaction, as the owner of the tables."""
    url = settings.migration_database_url.get_secret_value()
    async with (
        connection_pool(url, name="delivery webhooks", size=1) as pool,
        transaction(pool, EVERY_ORGANISATION) as connection,
    ):
        return await webhooks.reseal(connection, sealer_of(settings))


async def add_to_list(connection: Connection, erased: Sequence[Erased]) -> None:
    """People whose erasure the feed that was restored does not know of."""
    await lock_erasures(connection, for_erasure=True)
    await erasing.remember(connection, erased)


async def go_through_listed(pool: Pool) -> int:
    """The feeds of all organisations in the list; how many there are. What a worker is at is the worker's."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        organisations = await erased_people.organisations(connection)
        await go_through(connection, organisations)
    more = True
    while more:
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            more = await erasing.go_through_some(connection)
    return len(organisations)


COMMANDS: Sequence[Command[Any]] = (
    Command("webhooks", "encrypt the secrets of webhooks anew", _add_arguments, _run),
    erased_people_command("delivery", add_to_list, go_through_listed, "organisations have their events erased again"),
)
