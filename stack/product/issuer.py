"""The keys for internal tokens of the local stack; the users of accounts, and tokens."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from argon2 import PasswordHasher

from stack.errors import StackError
from stack.paths import REPOSITORY, Layout, write_private
from stack.processes.environment import base_environment
from stack.processes.managed_process import ManagedProcess
from stack.product.applications import Application
from stack.services import SERVICE_NAMES

COMMAND_SECONDS = 60.0
TOKEN_SECONDS = 12 * 60 * 60
ORGANISATION = "1"
NO_FILE = "-"
"""For `import`: there is none of this kind."""


@dataclass(frozen=True)
class DemonstrationUser:
    """A user that the first start creates. All share one generated password."""

    id: str
    name: str
    email: str
    role: str
    employee_id: str | None = None
    company: str | None = None


USERS = (
    DemonstrationUser("1", "Ada Admin", "admin@example.com", "Admin"),
    DemonstrationUser("2", "Hanna Resources", "hr@example.com", "HR Manager"),
    DemonstrationUser("3", "Tomas Trainer", "trainer@example.com", "Trainer"),
    DemonstrationUser("4", "Emil Employee", "employee@example.com", "Employee", employee_id="42"),
    DemonstrationUser("5", "Cora Contractor", "contractor@example.com", "Contractor Coordinator", company="77"),
)
ADMIN = USERS[0]


async def prepare_internal_keys(layout: Layout) -> None:
    """Make missing keys, also those of a new service."""
    needed = [layout.internal_keys_file(name) for name in ("gateway", *SERVICE_NAMES, "trusted")]
    if not all(file.exists() for file in needed):
        process = ManagedProcess("internal keys", layout.run / "internal-keys.pid", layout.log / "internal-keys.log")
        command = [sys.executable, "-m", "shared.auth.make_internal_keys", str(layout.internal_keys)]
        await process.run(command, base_environment(), REPOSITORY, seconds=COMMAND_SECONDS)


async def prepare_accounts(layout: Layout, accounts: Application, password: str, *, new: bool) -> None:
    """Before accounts serves: take over what the version before kept in files, or make the users of a new stack.

    The files stay as a backup, under another name.
    """
    users, keys = layout.earlier_users_file, layout.earlier_keys_file
    if users.exists() or keys.exists():
        await _import(layout, accounts, *(str(file) if file.exists() else NO_FILE for file in (users, keys)))
        for file in (users, keys):
            if file.exists():
                file.replace(file.with_name(f"{file.name}.imported"))
    elif new:
        made = layout.run / "demonstration-users.json"
        write_private(made, json.dumps(_demonstration_users(password)))
        await _import(layout, accounts, str(made), NO_FILE)
        made.unlink()


def _demonstration_users(password: str) -> list[dict[str, object]]:
    """In the form of the version before, which `import` reads."""
    hashed, now = PasswordHasher().hash(password), datetime.now(UTC).isoformat()
    return [
        {
            "id": int(user.id),
            "organisation_id": int(ORGANISATION),
            "name": user.name,
            "email": user.email,
            "role": user.role,
            "employee_id": int(user.employee_id) if user.employee_id else None,
            "company_ids": [int(user.company)] if user.company else [],
            "password_hash": hashed,
            "created_at": now,
        }
        for user in USERS
    ]


async def _import(layout: Layout, accounts: Application, users: str, keys: str) -> None:
    process = ManagedProcess("accounts import", layout.run / "import.pid", layout.log / "import.log")
    command = accounts.command("import", users, keys)
    await process.run(command, accounts.command_environment, REPOSITORY, seconds=COMMAND_SECONDS)


async def make_token(options: Sequence[str], accounts: Application) -> str:
    """A client token, signed with the key of accounts. StackError has the command's message if it refuses."""
    result = await asyncio.to_thread(
        subprocess.run,
        accounts.command("token", *options),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=accounts.command_environment,
        cwd=REPOSITORY,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    lines = result.stdout.split()
    if result.returncode != 0 or not lines:
        reason = result.stderr.strip() or f"exit status {result.returncode}"
        raise StackError(f"Accounts issued no token: {reason}")
    return lines[-1]


def token_options(
    *,
    organisation: str | None = None,
    subject: str | None = None,
    role: str | None = None,
    permissions: str | None = None,
    user_type: str | None = None,
    employee_id: str | None = None,
    companies: Sequence[str] = (),
    rate_limit: str | None = None,
    lifetime: str | None = None,
) -> list[str]:
    """Options of `python -m services.accounts token`. The defaults make an Admin's token for 12 hours."""
    rights = f"--role={role or ADMIN.role}" if permissions is None else f"--permissions={permissions}"
    user = next((user for user in USERS if user.role == role), ADMIN)
    options = [f"--org={organisation or ORGANISATION}", f"--subject={subject or user.id}", rights]
    options += [f"--user-type={user_type or 'staff'}", f"--ttl={lifetime or TOKEN_SECONDS}"]
    options += [f"--rate-limit={rate_limit}"] if rate_limit else []
    options += [f"--company={company}" for company in companies]
    return options + ([f"--employee-id={employee_id}"] if employee_id else [])
