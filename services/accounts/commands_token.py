"""`token`: prints an access token for somebody who does not sign in."""

import argparse
from datetime import UTC, datetime
from functools import partial
from typing import get_args

from services.accounts.operating import STATUSES, carry_out
from services.accounts.roles import ROLES
from services.accounts.settings import AccountsSettings
from services.accounts.store import keys as key_store
from services.accounts.store import users as user_store
from services.accounts.tokens import ACCESS_TOKEN, access_token
from shared.auth.claims import UserType
from shared.auth.internal_token import PLATFORM, Caller
from shared.auth.jwk import parse_private_keys
from shared.auth.secrets_at_rest import Sealer
from shared.postgres.pool import Connection
from shared.service.chassis import Command
from shared.validation.fields import MAX_ID

MAX_RATE_LIMIT = 1_000_000
MAX_SECONDS = 30 * 24 * 60 * 60
"""Cut-offs are kept for 31 days: a token that lived longer could not be taken back."""
_KNOWN_PERMISSIONS = frozenset({PLATFORM}).union(*ROLES.values())


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = STATUSES
    parser.add_argument("--org", type=_id, default=1, help="organisation id (default 1)")
    parser.add_argument("--subject", default="1", help='whom it speaks for (default "1")')
    rights = parser.add_mutually_exclusive_group()
    rights.add_argument("--role", choices=ROLES, help="(default Admin)")
    rights.add_argument("--permissions", type=_permissions, help="separated by commas, instead of a role")
    parser.add_argument("--user-type", choices=get_args(UserType), default="staff")
    parser.add_argument("--employee-id", type=_id, help="the person the subject is")
    parser.add_argument(
        "--company", type=_id, action="append", default=[], metavar="N", help="whose people are theirs; may be repeated"
    )
    parser.add_argument("--rate-limit", type=_rate_limit, metavar="N", help="requests a minute (default RATE_LIMIT)")
    parser.add_argument(
        "--ttl", type=_seconds, default=3600, help=f"seconds it is good for, at most {MAX_SECONDS} (default 3600)"
    )


def _run(settings: AccountsSettings, arguments: argparse.Namespace) -> int:
    return carry_out(settings, "token", partial(_sign, settings, arguments))


async def _sign(
    settings: AccountsSettings, arguments: argparse.Namespace, connection: Connection, sealer: Sealer
) -> str:
    await key_store.make_first(connection, sealer)
    keys = parse_private_keys(await key_store.key_set(connection, sealer))
    claims = access_token(
        _caller(arguments),
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        now=int((await key_store.now(connection)).timestamp()),
        ttl=arguments.ttl,
        not_before=await _cut_off(connection, arguments.org, arguments.subject),
        rate_limit=arguments.rate_limit,
    )
    await key_store.extend_tokens(connection, keys.key_id, datetime.fromtimestamp(claims["exp"], UTC))
    return keys.sign(claims, typ=ACCESS_TOKEN)


def _caller(arguments: argparse.Namespace) -> Caller:
    return Caller(
        arguments.org,
        arguments.subject,
        "API client",
        arguments.user_type,
        ROLES[arguments.role or "Admin"] if arguments.permissions is None else arguments.permissions,
        arguments.employee_id,
        tuple(arguments.company),
    )


async def _cut_off(connection: Connection, organisation_id: int, subject: str) -> datetime | None:
    is_id = subject.isascii() and subject.isdigit() and int(subject) <= MAX_ID
    user = await user_store.with_id(connection, organisation_id, int(subject)) if is_id else None
    return user.cut_off_at if user else None


def _id(text: str) -> int:
    return _whole(text, MAX_ID)


def _rate_limit(text: str) -> int:
    return _whole(text, MAX_RATE_LIMIT)


def _whole(text: str, most: int) -> int:
    value = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= value <= most:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {most}")
    return value


def _seconds(text: str) -> int:
    """A negative number makes a token that has expired."""
    seconds = int(text)
    if seconds > MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"must be at most {MAX_SECONDS}, 30 days")
    return seconds


def _permissions(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    unknown = sorted(names - _KNOWN_PERMISSIONS)
    if unknown:
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(unknown)}; there are {', '.join(sorted(_KNOWN_PERMISSIONS))}"
        )
    return names


TOKEN = Command("token", "print an access token, signed with the key of the database", _add_arguments, _run)
