"""`clients add|list|rotate|revoke`: programs, as an operator makes them; the only way to one with `platform.manage`."""

import argparse
import json
from functools import partial

from services.accounts.client_secrets import new_secret
from services.accounts.errors import ClientNotFound, ClientRevoked, CommandRefused
from services.accounts.operating import STATUSES, carry_out
from services.accounts.representations_clients import ClientItem
from services.accounts.schemas_clients import ClientFields, ClientQuery
from services.accounts.settings import AccountsSettings
from services.accounts.store import clients as store
from services.accounts.use_cases import clients as use_cases
from shared.auth.internal_token import SCOPES
from shared.auth.secrets_at_rest import Sealer
from shared.errors import ValidationFailed
from shared.http.input import validated
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection
from shared.service.chassis import Command

_OPERATOR = Actor("operator", "Operator")
_COLUMNS = "{:<30}  {:<8}  {:<27}  {:<30}  {}"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = STATUSES
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    adding = actions.add_parser("add", help="make a client, and print its id and secret; nobody can read it again")
    adding.add_argument("name", metavar="NAME")
    adding.add_argument("--org", type=int, default=1, help="organisation id (default 1)")
    adding.add_argument(
        "--permissions", required=True, type=_names, help=f"separated by commas, of: {', '.join(SCOPES)}"
    )
    adding.add_argument("--rate-limit", type=int, metavar="N", help="requests a minute (default RATE_LIMIT)")
    adding.add_argument("--expires-at", metavar="TIME", help="RFC 3339, like 2030-01-01T00:00:00Z (default never)")
    adding.add_argument(
        "--company", type=int, action="append", default=[], metavar="N", help="for permissions of companies; repeatable"
    )
    adding.set_defaults(work=_add)
    listing = actions.add_parser("list", help="one line each")
    listing.add_argument("--org", type=int, default=1, help="organisation id (default 1)")
    listing.set_defaults(work=_list)
    rotating = actions.add_parser("rotate", help="make a new secret, and print it; the one before holds for 24 hours")
    rotating.add_argument(
        "--at-once", action="store_true", help="refuse the secret before, and its tokens, from now on"
    )
    rotating.set_defaults(work=_rotate)
    revoking = actions.add_parser("revoke", help="refuse the client and its tokens from now on")
    revoking.set_defaults(work=_revoke)
    for chosen in (rotating, revoking):
        chosen.add_argument("client_id", metavar="CLIENT_ID", help="as list shows it")


def _run(settings: AccountsSettings, arguments: argparse.Namespace) -> int:
    return carry_out(settings, f"clients {arguments.action}", partial(_refusable, settings.token_issuer, arguments))


async def _refusable(issuer: str, arguments: argparse.Namespace, connection: Connection, _: Sealer) -> str:
    """Raises `CommandRefused`."""
    try:
        text: str = await arguments.work(issuer, arguments, connection)
    except ValidationFailed as error:
        reasons = error.details.get("errors", {})
        raise CommandRefused("; ".join(f"{name}: {' '.join(texts)}" for name, texts in reasons.items())) from None
    except (ClientNotFound, ClientRevoked) as error:
        raise CommandRefused(error.message) from None
    return text


async def _add(_: str, arguments: argparse.Namespace, connection: Connection) -> str:
    fields = validated(
        ClientFields,
        {
            "name": arguments.name,
            "permissions": arguments.permissions,
            "rate_limit": arguments.rate_limit,
            "company_ids": arguments.company,
            "expires_at": arguments.expires_at,
        },
    )
    secret = new_secret()
    made = await use_cases.create(connection, arguments.org, fields, secret, None, _OPERATOR)
    use_cases.record_change(made.entry)
    return _shown(json.loads(made.client.text)["client_id"], secret)


async def _list(_: str, arguments: argparse.Namespace, connection: Connection) -> str:
    lines = [_COLUMNS.format("CLIENT_ID", "STATUS", "LAST USED", "NAME", "PERMISSIONS")]
    number, total = 0, 1
    while number * MAX_PER_PAGE < total:
        number += 1
        read = store.page(arguments.org, ClientQuery.model_construct(page=number, per_page=MAX_PER_PAGE))
        total, items = await read.alone(connection)
        lines += [_line(ClientItem.model_validate(each)) for each in json.loads(items)]
    return "\n".join(lines)


def _line(client: ClientItem) -> str:
    used = client.last_used_at or "never"
    return _COLUMNS.format(client.client_id, client.status, used, client.name, " ".join(client.permissions))


async def _rotate(issuer: str, arguments: argparse.Namespace, connection: Connection) -> str:
    secret, place = new_secret(), await _place(arguments, connection)
    done = await use_cases.rotate(connection, place, secret, None, _OPERATOR, issuer, at_once=arguments.at_once)
    use_cases.record_change(done.entry)
    return _shown(arguments.client_id, secret)


async def _revoke(issuer: str, arguments: argparse.Namespace, connection: Connection) -> str:
    done = await use_cases.revoke(connection, await _place(arguments, connection), _OPERATOR, issuer)
    use_cases.record_change(done.entry)
    return f"{arguments.client_id} is revoked"


async def _place(arguments: argparse.Namespace, connection: Connection) -> tuple[int, int]:
    place = await store.place_of(connection, arguments.client_id)
    if place is None:
        raise ClientNotFound
    return place


def _shown(client_id: str, secret: str) -> str:
    return f"client_id: {client_id}\nclient_secret: {secret}"


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


CLIENTS = Command(
    "clients", "make, list, rotate and revoke clients: programs that ask for tokens", _add_arguments, _run
)
