"""Addresses and limits of a running stack, kept as shell assignments for people and other commands."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields

from stack.errors import StackError
from stack.paths import Layout, write_private

LIMITS = frozenset({"RATE_LIMIT", "ADDRESS_RATE_LIMIT", "LOGIN_RATE_LIMIT"})
"""Settings of the gateway that `./dev up` takes from its environment."""
NOT_RUNNING = "The stack does not run here: start it with ./dev up"


@dataclass(frozen=True)
class Addresses:
    """The addresses of one stack, passwords included, and the gateway's limits that were given to it."""

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
    rate_limit: str | None = None
    """Requests a minute, like the next two; None: the gateway's default."""
    address_rate_limit: str | None = None
    login_rate_limit: str | None = None

    def limits(self) -> dict[str, str]:
        """The gateway's settings of LIMITS, as far as they were given."""
        values = {name: getattr(self, name.lower()) for name in LIMITS}
        return {name: value for name, value in values.items() if value is not None}


def given_limits(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The limits that the environment names, as fields of Addresses; an empty one counts as not given.

    Raises StackError when one is not a whole number of at least 1.
    """
    given = {name: environment[name] for name in LIMITS if environment.get(name)}
    for name, value in given.items():
        if not (value.isascii() and value.isdigit() and int(value) >= 1):
            raise StackError(f"{name} must be a whole number of at least 1, and is {value!r}.")
    return {name.lower(): value for name, value in given.items()}


def write_addresses(layout: Layout, addresses: Addresses, token: str) -> None:
    """Write `.stack/env`, which is there while a stack runs that started completely."""
    variables = {name.upper(): value for name, value in asdict(addresses).items() if value is not None}
    write_private(layout.environment_file, shell_assignments({**variables, "TOKEN": token}))


def read_addresses(layout: Layout) -> Addresses:
    """The addresses of the running stack; StackError when none runs."""
    try:
        variables = parse_assignments(layout.environment_file.read_text())
        required = {field.name.upper() for field in fields(Addresses) if field.default is MISSING}
        return Addresses(**{name.lower(): variables[name] for name in (*required, *LIMITS & variables.keys())})
    except (OSError, KeyError, ValueError):
        raise StackError(NOT_RUNNING) from None


def shell_assignments(variables: dict[str, str]) -> str:
    """Lines that a POSIX shell reads as assignments of exactly these values."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def parse_assignments(text: str) -> dict[str, str]:
    """Read what `shell_assignments` wrote; ValueError for anything else."""
    words = shlex.split(text)
    return {name: value for name, _, value in (word.partition("=") for word in words)}
