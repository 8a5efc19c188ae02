"""`users add|list|invite|disable`: people who sign in, of any organisation, as an operator keeps them."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

from services.accounts.errors import CommandRefused, EmailTaken, LastAdmin, UserDisabled, UserNotFound
from services.accounts.operating import STATUSES, carry_out
from services.accounts.password_rules import check_new_password
from services.accounts.passwords import hash_password, normal_password
from services.accounts.roles import ROLES
from services.accounts.schemas_users import UserFields
from services.accounts.settings import AccountsSettings
from services.accounts.store import users as store
from services.accounts.store.invitations import NewLink
from services.accounts.use_cases import users as use_cases
from services.accounts.use_cases.users import Manager
from services.accounts.users import User
from shared.auth.secrets_at_rest import Sealer
from shared.errors import ValidationFailed
from shared.http.input import validated
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection
from shared.service.chassis import Command

_OPERATOR = Actor("operator", "Operator")
_BY: Final = "command"
_EVERYTHING: Final = frozenset[str]().union(*ROLES.values())
_COLUMNS = "{:>12}  {:>8}  {:<8}  {:<22}  {:<36}  {}"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = STATUSES
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    adding = actions.add_parser("add", help="invite a user, and print the token of the link; or give them a password")
    adding.add_argument("--org", type=int, default=1, help="organisation id (default 1)")
    adding.add_argument("--name", required=True)
    adding.add_argument("--email", required=True)
    adding.add_argument("--role", choices=ROLES, required=True)
    adding.add_argument("--user-type", choices=("staff", "contractor"), default="staff")
    adding.add_argument("--employee-id", type=int, metavar="N", help="the person the user is")
    adding.add_argument(
        "--company", type=int, action="append", default=[], metavar="N", help="whose people are theirs; repeatable"
    )
    adding.add_argument("--password-stdin", action="store_true", help="read the password from standard input; no link")
    adding.set_defaults(work=_add)
    listing = actions.add_parser("list", help="one line each")
    listing.add_argument("--org", type=int, help="organisation id (default all)")
    listing.set_defaults(work=_list)
    inviting = actions.add_parser("invite", help="print the token of a new link, to set a password with")
    inviting.set_defaults(work=_invite)
    disabling = actions.add_parser("disable", help="refuse the user and their tokens from now on")
    disabling.set_defaults(work=_disable)
    for chosen in (inviting, disabling):
        chosen.add_argument("email", metavar="EMAIL")


def _run(settings: AccountsSettings, arguments: argparse.Namespace) -> int:
    return carry_out(settings, f"users {arguments.action}", partial(_refusable, settings.token_issuer, arguments))


async def _refusable(issuer: str, arguments: argparse.Namespace, connection: Connection, _: Sealer) -> str:
    """Raises `CommandRefused`."""
    try:
        text: str = await arguments.work(issuer, arguments, connection)
    except ValidationFailed as error:
        reasons = error.details.get("errors", {})
        raise CommandRefused("; ".join(f"{name}: {' '.join(texts)}" for name, texts in reasons.items())) from None
    except (UserNotFound, UserDisabled, EmailTaken, LastAdmin) as error:
        raise CommandRefused(error.message) from None
    return text


async def _add(issuer: str, arguments: argparse.Namespace, connection: Connection) -> str:
    names = ("name", "email", "role", "user_type", "employee_id")
    fields = validated(
        UserFields, {name: getattr(arguments, name) for name in names} | {"company_ids": arguments.company}
    )
    password = sys.stdin.readline().rstrip("\r\n") if arguments.password_stdin else None
    if password is not None:
        check_new_password("password", normal_password(password), fields.name, fields.email)
    manager = _operator(issuer, arguments.org)
    saved, link = await use_cases.invite(connection, manager, fields)
    if password is not None:
        await use_cases.give_password(connection, manager, saved.user, hash_password(password))
    use_cases.record_saved(saved, _BY)
    return _shown(saved.user, link if password is None else None)


async def _list(_: str, arguments: argparse.Namespace, connection: Connection) -> str:
    lines = [_COLUMNS.format("ORGANISATION", "ID", "STATUS", "ROLE", "EMAIL", "NAME")]
    async for user in store.every(connection, arguments.org):
        lines.append(_COLUMNS.format(*_line(user)))
    return "\n".join(lines)


def _line(user: User) -> Sequence[object]:
    return user.organisation_id, user.id, user.status, user.role, user.email, user.name


async def _invite(issuer: str, arguments: argparse.Namespace, connection: Connection) -> str:
    user = await _with_email(connection, arguments.email)
    saved, link = await use_cases.renew_invitation(connection, _operator(issuer, user.organisation_id), user.id)
    use_cases.record_saved(saved, _BY)
    return _shown(saved.user, link)


async def _disable(issuer: str, arguments: argparse.Namespace, connection: Connection) -> str:
    user = await _with_email(connection, arguments.email)
    manager = _operator(issuer, user.organisation_id)
    use_cases.record_saved(await use_cases.change_user(connection, manager, user.id, {"disabled": True}), _BY)
    return f"user {user.id} is disabled"


async def _with_email(connection: Connection, email: str) -> User:
    """Raises `UserNotFound`."""
    user = await store.with_email(connection, email)
    if user is None:
        raise UserNotFound
    return user


def _operator(issuer: str, organisation_id: int) -> Manager:
    return Manager(organisation_id, _OPERATOR, _EVERYTHING, issuer)


def _shown(user: User, link: NewLink | None) -> str:
    made = f"user: {user.id}"
    return made if link is None else f"{made}\ntoken: {link.token}\nexpires_at: {link.expires_at:%Y-%m-%dT%H:%M:%SZ}"


USERS = Command("users", "add, list, invite and disable users: people who sign in", _add_arguments, _run)
