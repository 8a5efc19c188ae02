"""`users add|list|invite|disable`: an operator's commands for people who sign in, of any organisation."""

import argparse
import asyncio
import json
import sys
import unicodedata
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from pydantic import ValidationError

from services.accounts.errors import UserNotFound
from services.accounts.password_rules import check_new_password
from services.accounts.passwords import hash_password
from services.accounts.roles import ROLES
from services.accounts.schemas_users import UserFields
from services.accounts.settings import AccountsSettings
from services.accounts.store import users as store
from services.accounts.store.invitations import NewLink
from services.accounts.use_cases import users as use_cases
from services.accounts.use_cases.users import Manager
from services.accounts.users import User
from shared.errors import ApiError, ValidationFailed
from shared.observability import current_trace
from shared.postgres.audit import Actor
from shared.postgres.pool import Pool, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import Command
from shared.validation.known_members import invalid

DONE, REFUSED = 0, 1
"""Exit statuses; 2 is that of a wrong command line."""
_STATUSES = "Exit status: 0 done, 1 refused, 2 wrong command line."
_EVERYTHING: Final = frozenset[str]().union(*ROLES.values())
_COLUMNS = "{:>19}  {:>12}  {:<8}  {:<22}  {:<40}  {}"
BY: Final = "command"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = "Users of this installation, of any organisation.", _STATUSES
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    adding = actions.add_parser("add", help="invite a user: prints the link's token; or give them a password at once")
    adding.add_argument("--organisation", type=int, required=True, metavar="ID")
    adding.add_argument("--name", required=True)
    adding.add_argument("--email", required=True)
    adding.add_argument("--role", choices=ROLES, required=True)
    adding.add_argument("--user-type", choices=("staff", "contractor"), default="staff")
    adding.add_argument("--employee-id", type=int, metavar="ID", help="the person the user is")
    adding.add_argument("--company", type=int, action="append", default=[], metavar="ID", help="may be repeated")
    adding.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    listing = actions.add_parser("list", help="one line each; changes nothing")
    listing.add_argument("--organisation", type=int, metavar="ID", help="only of this one")
    for name, help_text in (
        ("invite", "print a new link's token, for somebody who has lost theirs or forgotten their password"),
        ("disable", "keep a user from signing in, and revoke their tokens"),
    ):
        actions.add_parser(name, help=help_text).add_argument("--email", required=True)


def run(settings: AccountsSettings, arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit status."""
    action: Callable[[Pool], Awaitable[None]] = partial(
        {"add": _add, "list": _list, "invite": _invite, "disable": _disable}[arguments.action], settings, arguments
    )
    try:
        asyncio.run(_with_pool(settings, action))
    except ValidationFailed as error:
        for name, reasons in error.details["errors"].items():
            print(f"{name}: {' '.join(reasons)}", file=sys.stderr)
        return REFUSED
    except ApiError as error:
        print(error.message, file=sys.stderr)
        return REFUSED
    return DONE


async def _with_pool(settings: AccountsSettings, action: Callable[[Pool], Awaitable[None]]) -> None:
    url = settings.migration_database_url.get_secret_value()
    async with connection_pool(url, name="accounts users", size=1) as pool:
        await action(pool)


async def _add(settings: AccountsSettings, arguments: argparse.Namespace, pool: Pool) -> None:
    fields = _fields(arguments)
    password = sys.stdin.readline().rstrip("\r\n") if arguments.password_stdin else None
    password_hash = None if password is None else _hashed(password, fields)
    manager = _operator(settings, arguments.organisation)
    async with transaction(pool, [arguments.organisation]) as connection:
        _, user, link = await use_cases.invite(connection, manager, fields)
        if password_hash is not None:
            await use_cases.give_password(connection, manager, user, password_hash)
    use_cases.record_saved(user, list(UserFields.model_fields), BY, reason="added")
    _print(user, link if password_hash is None else None)


def _fields(arguments: argparse.Namespace) -> UserFields:
    """Raises `ValidationFailed`."""
    values: dict[str, Any] = {name: getattr(arguments, name) for name in ("name", "email", "role", "user_type")}
    try:
        if not 1 <= arguments.organisation < 2**63:
            raise ValidationFailed({"organisation": ["Must be a positive 64-bit integer."]})
        return UserFields(**values, employee_id=arguments.employee_id, company_ids=arguments.company)
    except ValidationError as error:
        raise invalid(error) from None


def _hashed(password: str, fields: UserFields) -> str:
    """Raises `ValidationFailed`."""
    normal = unicodedata.normalize("NFC", password)
    check_new_password("password", normal, fields.name, fields.email)
    return hash_password(normal)


async def _list(settings: AccountsSettings, arguments: argparse.Namespace, pool: Pool) -> None:
    print(_COLUMNS.format("organisation", "id", "status", "role", "email", "name"))
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        async for user in store.every(connection, arguments.organisation):
            shown = (user.organisation_id, user.id, user.status, user.role, user.email, user.name)
            print(_COLUMNS.format(*shown))


async def _invite(settings: AccountsSettings, arguments: argparse.Namespace, pool: Pool) -> None:
    user = await _with_email(pool, arguments.email)
    _, link = await use_cases.renew_invitation(pool, _operator(settings, user.organisation_id), user.id)
    _print(user, link)


async def _disable(settings: AccountsSettings, arguments: argparse.Namespace, pool: Pool) -> None:
    user = await _with_email(pool, arguments.email)
    await use_cases.change_user(pool, _operator(settings, user.organisation_id), user.id, {"disabled": True})
    _print(user, None)


async def _with_email(pool: Pool, email: str) -> User:
    """Raises `UserNotFound`."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        user = await store.with_email(connection, email)
    if user is None:
        raise UserNotFound
    return user


def _operator(settings: AccountsSettings, organisation_id: int) -> Manager:
    actor = Actor(BY, "Operator", current_trace.get())
    return Manager(organisation_id, actor, _EVERYTHING, settings.token_issuer)


def _print(user: User, link: NewLink | None) -> None:
    """One JSON object."""
    described: dict[str, object] = {"organisation": user.organisation_id, "id": user.id, "email": user.email}
    if link is not None:
        described["invitation"] = {"token": link.token, "expires_at": link.expires_at.isoformat(timespec="seconds")}
    print(json.dumps(described, ensure_ascii=False))


USERS: Command[AccountsSettings] = Command("users", "add, list, invite or disable users", add_arguments, run)
