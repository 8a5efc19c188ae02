"""`keys add|promote|retire|list|reencrypt`: the keys that sign tokens."""

import argparse
from collections.abc import Sequence
from functools import partial
from typing import get_args

from services.accounts.operating import STATUSES, carry_out
from services.accounts.settings import AccountsSettings
from services.accounts.signing_keys import PUBLISHING, KeyStanding
from services.accounts.use_cases import keys as use_cases
from shared.auth.jwk import Algorithm
from shared.auth.secrets_at_rest import Sealer
from shared.postgres.pool import Connection
from shared.service.chassis import Command

_DESCRIPTION = f"""Keys that sign access tokens. To rotate: `add`, wait {PUBLISHING.seconds} seconds until everybody has
read the new key, `promote` it, and `retire` the old one when its tokens have expired. Running processes notice each
step within seconds."""
_COLUMNS = "{:<44}  {:<9}  {:<9}  {}"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, STATUSES
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    adding = actions.add_parser("add", help="make a key and publish it; it does not sign yet")
    adding.add_argument("--algorithm", choices=get_args(Algorithm), default="EdDSA", help="(default EdDSA: Ed25519)")
    adding.set_defaults(work=_add)
    promoting = actions.add_parser("promote", help="sign with this key from now on")
    promoting.add_argument("--now", action="store_true", help="although not everybody may have read it yet")
    promoting.set_defaults(work=_promote)
    retiring = actions.add_parser("retire", help="publish this key no longer, and delete its private half")
    retiring.add_argument("--now", action="store_true", help="although tokens that it has signed may be valid")
    retiring.set_defaults(work=_retire)
    for chosen in (promoting, retiring):
        chosen.add_argument("key", metavar="KID", help="as list shows it; behind -- if it begins with a hyphen")
    actions.add_parser("list", help="one line each, the one that signs first").set_defaults(work=_list)
    title = "encrypt the private halves with ACCOUNTS_SECRET; the one before is in ACCOUNTS_SECRET_PREVIOUS"
    actions.add_parser("reencrypt", help=title).set_defaults(work=_reencrypt)


def _run(settings: AccountsSettings, arguments: argparse.Namespace) -> int:
    return carry_out(settings, f"keys {arguments.action}", partial(arguments.work, arguments))


async def _add(arguments: argparse.Namespace, connection: Connection, sealer: Sealer) -> str:
    return await use_cases.add_key(connection, sealer, arguments.algorithm)


async def _promote(arguments: argparse.Namespace, connection: Connection, sealer: Sealer) -> str:
    await use_cases.promote_key(connection, sealer, arguments.key, at_once=arguments.now)
    return f"{arguments.key} signs"


async def _retire(arguments: argparse.Namespace, connection: Connection, _: Sealer) -> str:
    await use_cases.retire_key(connection, arguments.key, at_once=arguments.now)
    return f"{arguments.key} is retired"


async def _list(_: argparse.Namespace, connection: Connection, __: Sealer) -> str:
    heading = _COLUMNS.format("KID", "ALGORITHM", "STATE", "SINCE")
    return "\n".join([heading, *_lines(await use_cases.list_keys(connection))])


def _lines(keys: Sequence[KeyStanding]) -> list[str]:
    return [
        _COLUMNS.format(each.key.key_id, each.key.algorithm, each.state, each.since.isoformat(timespec="seconds"))
        for each in keys
    ]


async def _reencrypt(_: argparse.Namespace, connection: Connection, sealer: Sealer) -> str:
    return f"{await use_cases.reencrypt_keys(connection, sealer)} keys are encrypted with ACCOUNTS_SECRET"


KEYS = Command("keys", "add, promote, retire and list the keys that sign tokens", _add_arguments, _run)
