"""What an operator does from the command line: make keys, issue tokens, keep the users."""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from gateway.auth.client_claims import MAX_RATE_LIMIT
from gateway.auth.issuer import issue
from gateway.auth.passwords import hash_password
from gateway.auth.users import ROLES, User, UsersInvalid, put_user
from gateway.settings import TokenSettings
from shared.auth.internal_token import Caller
from shared.auth.jwk import KeyInvalid, new_private_keys, parse_private_keys
from shared.auth.key_changes import record_key_change
from shared.validation.fields import MAX_ID

MIN_PASSWORD = 8
MAX_PASSWORD = 1024
_KNOWN_PERMISSIONS = frozenset().union(*ROLES.values())


class CommandFailed(Exception):
    """Says what the operator can do about it."""


def add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands (default: serve)")
    _add_token(commands.add_parser("token", help="print a token signed with ISSUER_KEYS_FILE"))
    keys = commands.add_parser("keys", help="create a private key set, if there is none yet")
    keys.add_argument("file", type=Path)
    keys.set_defaults(run=_create_keys)
    users = commands.add_parser("users", help="keep the users of the built-in issuer")
    users.add_argument("file", type=Path)
    _add_user(users.add_subparsers(required=True, metavar="add").add_parser("add", help="add or replace a user"))


def _add_token(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--org", type=_id, default=1, help="organisation id (default 1)")
    parser.add_argument("--subject", default="1", help='whom it speaks for (default "1")')
    rights = parser.add_mutually_exclusive_group()
    rights.add_argument("--role", choices=ROLES, help="(default Admin)")
    rights.add_argument("--permissions", type=_permissions, help="separated by commas, instead of a role")
    parser.add_argument("--user-type", choices=("staff", "contractor", "service"), default="staff")
    parser.add_argument("--employee-id", type=_id, help="the person the subject is")
    _add_companies(parser)
    parser.add_argument("--rate-limit", type=_rate_limit, metavar="N", help="requests a minute (default RATE_LIMIT)")
    parser.add_argument("--ttl", type=int, default=3600, help="seconds it is good for (default 3600)")
    parser.set_defaults(run=_print_token)


def _add_user(parser: argparse.ArgumentParser) -> None:
    parser.description = "The password is read from standard input."
    parser.add_argument("--id", type=_id, required=True)
    parser.add_argument("--organisation", type=_id, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--email", required=True)
    parser.add_argument("--role", choices=ROLES, required=True)
    parser.add_argument("--employee-id", type=_id)
    _add_companies(parser)
    parser.set_defaults(run=_put_user)


def _add_companies(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--company", type=_id, action="append", default=[], metavar="N", help="whose people are theirs; may be repeated"
    )


def _print_token(arguments: argparse.Namespace) -> None:
    settings = TokenSettings()
    if settings.issuer_keys_file is None:
        raise CommandFailed("set ISSUER_KEYS_FILE to the key set to sign with")
    try:
        keys = parse_private_keys(settings.issuer_keys_file.read_text(encoding="utf-8"))
    except (OSError, KeyInvalid) as error:
        raise CommandFailed(f"ISSUER_KEYS_FILE: {error}") from None
    permissions = ROLES[arguments.role or "Admin"] if arguments.permissions is None else arguments.permissions
    caller = Caller(
        arguments.org,
        arguments.subject,
        "API client",
        arguments.user_type,
        permissions,
        arguments.employee_id,
        tuple(arguments.company),
    )
    issuer, audience, limit = settings.token_issuer, settings.token_audience, arguments.rate_limit
    print(issue(keys, caller, issuer=issuer, audience=audience, ttl=arguments.ttl, rate_limit=limit))


def _create_keys(arguments: argparse.Namespace) -> None:
    try:
        descriptor = os.open(arguments.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{arguments.file} is there already and stays as it is", file=sys.stderr)
        return
    except OSError as error:
        raise CommandFailed(str(error)) from None
    text = new_private_keys()
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    record_key_change({}, parse_private_keys(text).keys, "command")


def _put_user(arguments: argparse.Namespace) -> None:
    password = sys.stdin.readline().rstrip("\r\n")
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise CommandFailed(f"the password on standard input needs {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    try:
        user = User(
            id=arguments.id,
            organisation_id=arguments.organisation,
            name=arguments.name,
            email=arguments.email,
            role=arguments.role,
            employee_id=arguments.employee_id,
            company_ids=arguments.company,
            password_hash=hash_password(password),
            created_at=datetime.now(UTC),
        )
        put_user(arguments.file, user)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise CommandFailed(f"--{first['loc'][0]}: {first['msg']}") from None
    except (OSError, UsersInvalid) as error:
        raise CommandFailed(f"{arguments.file}: {error}") from None


def _id(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= value <= MAX_ID:
        raise argparse.ArgumentTypeError("must be a positive 64-bit integer")
    return value


def _rate_limit(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= value <= MAX_RATE_LIMIT:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MAX_RATE_LIMIT}")
    return value


def _permissions(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    unknown = sorted(names - _KNOWN_PERMISSIONS)
    if unknown:
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(unknown)}; there are {', '.join(sorted(_KNOWN_PERMISSIONS))}"
        )
    return names
