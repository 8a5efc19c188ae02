"""Where everything of a running stack is found, kept as shell assignments for people and other commands."""

import shlex
from dataclasses import asdict, dataclass, fields

from stack.errors import StackError
from stack.paths import Layout, write_private

NOT_RUNNING = "The stack does not run here: start it with ./dev up"


@dataclass(frozen=True)
class Addresses:
    """The addresses of one stack; passwords are part of those of the servers."""

    gateway_url: str
    catalog_url: str
    enrollment_url: str
    history_url: str
    catalog_database_url: str
    enrollment_database_url: str
    history_database_url: str
    catalog_migration_database_url: str
    enrollment_migration_database_url: str
    history_migration_database_url: str
    redis_url: str
    amqp_url: str
    """The administrator's; those below are the services'."""
    catalog_amqp_url: str
    enrollment_amqp_url: str
    history_amqp_url: str


def write_addresses(layout: Layout, addresses: Addresses, token: str) -> None:
    """Write `.stack/env`, which is there while a stack runs that started completely."""
    variables = {name.upper(): value for name, value in asdict(addresses).items()}
    write_private(layout.environment_file, shell_assignments({**variables, "TOKEN": token}))


def read_addresses(layout: Layout) -> Addresses:
    """The addresses of the running stack; StackError when none runs."""
    try:
        variables = parse_assignments(layout.environment_file.read_text())
        return Addresses(**{field.name: variables[field.name.upper()] for field in fields(Addresses)})
    except (OSError, KeyError, ValueError):
        raise StackError(NOT_RUNNING) from None


def shell_assignments(variables: dict[str, str]) -> str:
    """Lines that a POSIX shell reads as assignments of exactly these values."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def parse_assignments(text: str) -> dict[str, str]:
    """Read what `shell_assignments` wrote; ValueError for anything else."""
    words = shlex.split(text)
    return {name: value for name, _, value in (word.partition("=") for word in words)}
