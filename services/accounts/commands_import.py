"""`import USERS KEYS` and `administrator`: the first users of an installation, and its keys if it had some before."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from services.accounts.earlier_files import EarlierKey, EarlierUser, FileBroken, read_keys, read_users
from services.accounts.errors import CommandRefused
from services.accounts.operating import REFUSED, STATUSES, carry_out
from services.accounts.password_rules import check_new_password
from services.accounts.passwords import hash_password, normal_password
from services.accounts.schemas_users import UserFields
from services.accounts.settings import AccountsSettings
from services.accounts.store import earlier_users
from services.accounts.use_cases import moving_over
from shared.auth.secrets_at_rest import Sealer
from shared.errors import ValidationFailed
from shared.http.input import validated
from shared.postgres.pool import Connection
from shared.service.chassis import Command

T = TypeVar("T")

NO_FILE = "-"
_IMPORT = """Takes over users and keys of an installation whose gateway kept them in files. Ids, passwords and the
names of keys stay, so that people and running tokens notice nothing. What is there already stays as it is: the command
may be run again."""
_ADMINISTRATOR = """Makes the first Admin, unless there are users. The password is read from standard input."""


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _IMPORT, STATUSES
    for name, help_text in (("users", "users.json of the gateway"), ("keys", "keys.json of the gateway")):
        parser.add_argument(name, nargs="?", default=NO_FILE, help=f"{help_text}; {NO_FILE} for none")


def _run_import(settings: AccountsSettings, arguments: argparse.Namespace) -> int:
    try:
        users = _read(arguments.users, read_users)
        keys = _read(arguments.keys, read_keys)
    except CommandRefused as error:
        print(f"import: {error}; nothing was imported", file=sys.stderr)
        return REFUSED
    return carry_out(settings, "import", partial(_import, arguments, users or [], keys or []))


def _read(file: str, read: Callable[[str], list[T]]) -> list[T]:
    if file == NO_FILE:
        return []
    try:
        return read(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandRefused(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandRefused(f"{file}: it is not UTF-8") from None
    except FileBroken as error:
        raise CommandRefused(f"{file}: {error}") from None


async def _import(
    arguments: argparse.Namespace,
    users: list[EarlierUser],
    keys: list[EarlierKey],
    connection: Connection,
    sealer: Sealer,
) -> str:
    try:
        file = arguments.users
        of_users = await moving_over.take_over_users(connection, users)
        file = arguments.keys
        of_keys = await moving_over.take_over_keys(connection, sealer, keys)
    except FileBroken as error:
        raise CommandRefused(f"{file}: {error}; nothing was imported") from None
    return (
        f"users: {of_users.new} taken over, {of_users.there} were there already\n"
        f"organisations: {of_users.organisations} made for them\n"
        f"keys: {of_keys.new} taken over, {of_keys.there} were there already"
    )


def _add_administrator(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _ADMINISTRATOR, STATUSES
    parser.add_argument("--email", required=True)
    parser.add_argument("--name", default="Administrator", help="(default Administrator)")


def _run_administrator(settings: AccountsSettings, arguments: argparse.Namespace) -> int:
    return carry_out(settings, "administrator", partial(_make_administrator, settings.token_issuer, arguments))


async def _make_administrator(issuer: str, arguments: argparse.Namespace, connection: Connection, _: Sealer) -> str:
    if await earlier_users.is_any(connection):
        return "there are users already"  # whose passwords are older than the rules, perhaps
    password = normal_password(sys.stdin.readline().rstrip("\r\n"))
    try:
        fields = validated(UserFields, {"name": arguments.name, "email": arguments.email, "role": "Admin"})
        check_new_password("password", password, fields.name, fields.email)
    except ValidationFailed as error:
        reasons = error.details.get("errors", {})
        raise CommandRefused("; ".join(f"{name}: {' '.join(texts)}" for name, texts in reasons.items())) from None
    await moving_over.make_administrator(connection, fields, hash_password(password), issuer)
    return f"administrator {fields.email} made"


IMPORT = Command("import", "take over the users and keys of the version before", _add_files, _run_import)
ADMINISTRATOR = Command("administrator", "make the first Admin", _add_administrator, _run_administrator)
