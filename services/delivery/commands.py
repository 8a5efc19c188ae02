"""What an operator does with delivery from the command line: `webhooks reencrypt`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

import asyncpg

from services.delivery.sealing import sealer_of
from services.delivery.settings import DeliverySettings
from services.delivery.store import webhooks
from shared.auth.secrets_at_rest import SecretWrong
from shared.errors import Unavailable
from shared.postgres.pool import connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import Command

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


COMMANDS: Sequence[Command[DeliverySettings]] = (
    Command("webhooks", "encrypt the secrets of webhooks anew", _add_arguments, _run),
)
