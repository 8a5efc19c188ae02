"""`organisations create|list|rename|suspend|resume`: what the operator of the platform does with organisations."""

import argparse
import json
from functools import partial
from typing import Any, get_args

from services.accounts.errors import CommandRefused, EmailTaken, OrganisationExists, OrganisationNotFound
from services.accounts.operating import STATUSES, carry_out
from services.accounts.representations import OrganisationItem
from services.accounts.schemas_organisations import OrganisationDocument, OrganisationFields, OrganisationQuery
from services.accounts.settings import AccountsSettings
from services.accounts.store.organisation_pages import organisation_page
from services.accounts.use_cases import organisations as use_cases
from services.accounts.use_cases.organisations import Saved
from shared.auth.secrets_at_rest import Sealer
from shared.errors import ValidationFailed
from shared.events.states import BookingClash
from shared.http.input import validated
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection
from shared.service.chassis import Command
from shared.validation.fields import MAX_ID

_OPERATOR = Actor("operator", "Operator")
_COLUMNS = "{:>19}  {:<9}  {:<27}  {}"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = STATUSES
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_creating(actions.add_parser("create", help="make one with its first Admin, and print the token of their link"))
    listing = actions.add_parser("list", help="one line each")
    listing.add_argument("--search", metavar="WORDS", help="words of its name")
    listing.set_defaults(work=_list)
    renaming = actions.add_parser("rename", help="give it another name")
    renaming.set_defaults(work=_rename)
    suspending = actions.add_parser("suspend", help="refuse all its tokens from now on, and whoever signs in")
    suspending.add_argument("--name", help="of one that only an outside provider knows: makes it known")
    suspending.set_defaults(work=_suspend)
    resuming = actions.add_parser("resume", help="accept its tokens again")
    resuming.set_defaults(work=_resume)
    for chosen in (renaming, suspending, resuming):
        chosen.add_argument("id", type=_id, metavar="ID", help="as list shows it")
    renaming.add_argument("name", metavar="NAME")


def _add_creating(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--admin-name", required=True, metavar="NAME")
    parser.add_argument("--admin-email", required=True, metavar="EMAIL")
    parser.add_argument("--time-zone", default="UTC", metavar="ZONE", help="(default UTC)")
    parser.add_argument("--booking-clash", choices=get_args(BookingClash), default="warn", help="(default warn)")
    parser.add_argument("--id", type=_id, help="of one that tokens of an outside provider name already (default: new)")
    parser.set_defaults(work=_create)


def _run(settings: AccountsSettings, arguments: argparse.Namespace) -> int:
    command = f"organisations {arguments.action}"
    return carry_out(settings, command, partial(_refusable, settings.token_issuer, arguments))


async def _refusable(issuer: str, arguments: argparse.Namespace, connection: Connection, _: Sealer) -> str:
    """Raises `CommandRefused`."""
    try:
        text: str = await arguments.work(issuer, arguments, connection)
    except ValidationFailed as error:
        reasons = error.details.get("errors", {})
        raise CommandRefused("; ".join(f"{name}: {' '.join(texts)}" for name, texts in reasons.items())) from None
    except (OrganisationNotFound, OrganisationExists, EmailTaken) as error:
        raise CommandRefused(error.message) from None
    return text


async def _create(issuer: str, arguments: argparse.Namespace, connection: Connection) -> str:
    values: dict[str, Any] = {
        "name": arguments.name,
        "admin": {"name": arguments.admin_name, "email": arguments.admin_email},
        "time_zone": arguments.time_zone,
        "booking_clash": arguments.booking_clash,
        "id": arguments.id,
    }
    made = await use_cases.create(connection, validated(OrganisationFields, values), _OPERATOR, issuer)
    use_cases.record_created(made, _OPERATOR.subject)
    lines = {
        "organisation": made.organisation.row.id,
        "user": made.admin.user.id,
        "token": made.link.token,
        "expires_at": f"{made.link.expires_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    return "\n".join(f"{name}: {value}" for name, value in lines.items())


async def _list(_: str, arguments: argparse.Namespace, connection: Connection) -> str:
    lines = [_COLUMNS.format("ID", "STATUS", "CREATED", "NAME")]
    asked = {} if arguments.search is None else {"search": arguments.search}
    query = validated(OrganisationQuery, {**asked, "per_page": str(MAX_PER_PAGE)})
    number, total = 0, 1
    while number * MAX_PER_PAGE < total:
        number += 1
        total, items = await organisation_page(connection, query.model_copy(update={"page": number}))
        lines += [_line(OrganisationItem.model_validate(each)) for each in json.loads(items)]
    return "\n".join(lines)


def _line(organisation: OrganisationItem) -> str:
    return _COLUMNS.format(organisation.id, organisation.status, organisation.created_at, organisation.name)


async def _rename(_: str, arguments: argparse.Namespace, connection: Connection) -> str:
    saved = await use_cases.change(connection, arguments.id, {"name": arguments.name}, _OPERATOR)
    return _done(saved, f"organisation {arguments.id} is renamed")


async def _suspend(_: str, arguments: argparse.Namespace, connection: Connection) -> str:
    if arguments.name is None:
        saved = await use_cases.change(connection, arguments.id, {"suspended": True}, _OPERATOR)
    else:
        wanted = validated(OrganisationDocument, {"name": arguments.name, "suspended": True})
        saved = await use_cases.put(connection, arguments.id, wanted, _OPERATOR)
    return _done(saved, f"organisation {arguments.id} is suspended")


async def _resume(_: str, arguments: argparse.Namespace, connection: Connection) -> str:
    saved = await use_cases.change(connection, arguments.id, {"suspended": False}, _OPERATOR)
    return _done(saved, f"organisation {arguments.id} is active")


def _done(saved: Saved, text: str) -> str:
    use_cases.record_saved(saved, _OPERATOR.subject)
    return text


def _id(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID)) else 0
    if not 1 <= value <= MAX_ID:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MAX_ID}")
    return value


ORGANISATIONS = Command("organisations", "create, list, rename, suspend and resume organisations", _add_arguments, _run)
