"""The keys of the local stack, for internal tokens and for the built-in issuer; the issuer's users and tokens."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from stack.errors import StackError
from stack.paths import REPOSITORY, Layout
from stack.processes.environment import base_environment
from stack.processes.managed_process import ManagedProcess
from stack.services import SERVICE_NAMES

COMMAND_SECONDS = 60.0
TOKEN_SECONDS = 12 * 60 * 60
ORGANISATION = "1"


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


async def prepare_issuer(layout: Layout, password: str) -> None:
    """Make the files of keys and users if they are missing, and leave existing ones as they are."""
    if not layout.issuer_keys_file.exists():
        await _create_keys(layout)
    if not layout.issuer_users_file.exists():
        await _create_users(layout, password)


# Each file is written under a temporary name and renamed, so that a file of this name is complete.


async def _create_keys(layout: Layout) -> None:
    draft = layout.issuer_keys_file.with_name("keys.new.json")
    draft.unlink(missing_ok=True)
    await _gateway_command(layout, ["keys", str(draft)])
    draft.replace(layout.issuer_keys_file)


async def _create_users(layout: Layout, password: str) -> None:
    draft = layout.issuer_users_file.with_name("users.new.json")
    draft.unlink(missing_ok=True)
    for user in USERS:
        arguments = ["users", str(draft), "add", "--id", user.id, "--organisation", ORGANISATION]
        arguments += ["--name", user.name, "--email", user.email, "--role", user.role]
        if user.employee_id:
            arguments += ["--employee-id", user.employee_id]
        if user.company:
            arguments += ["--company", user.company]
        await _gateway_command(layout, arguments, read=password + "\n")
    draft.chmod(0o600)
    draft.replace(layout.issuer_users_file)


async def _gateway_command(layout: Layout, arguments: Sequence[str], read: str = "") -> None:
    name = f"gateway {arguments[0]}"
    process = ManagedProcess(name, layout.run / "issuer.pid", layout.log / "issuer.log")
    command = [sys.executable, "-m", "gateway", *arguments]
    await process.run(command, base_environment(), REPOSITORY, seconds=COMMAND_SECONDS, read=read)


async def make_token(options: Sequence[str], environment: dict[str, str]) -> str:
    """A client token signed by the issuer. StackError has the gateway's message if it refuses."""
    result = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "gateway", "token", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment,
        cwd=REPOSITORY,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    lines = result.stdout.split()
    if result.returncode != 0 or not lines:
        reason = result.stderr.strip() or f"exit status {result.returncode}"
        raise StackError(f"The gateway issued no token: {reason}")
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
    """Options of `python -m gateway token`. The defaults make an Admin's token for 12 hours."""
    rights = f"--role={role or ADMIN.role}" if permissions is None else f"--permissions={permissions}"
    user = next((user for user in USERS if user.role == role), ADMIN)
    options = [f"--org={organisation or ORGANISATION}", f"--subject={subject or user.id}", rights]
    options += [f"--user-type={user_type or 'staff'}", f"--ttl={lifetime or TOKEN_SECONDS}"]
    options += [f"--rate-limit={rate_limit}"] if rate_limit else []
    options += [f"--company={company}" for company in companies]
    return options + ([f"--employee-id={employee_id}"] if employee_id else [])
