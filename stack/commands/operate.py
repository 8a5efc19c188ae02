"""Commands that become another program on the running stack: an operator's commands of a service, and psql."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import unquote, urlsplit, urlunsplit

from stack.config.addresses import Addresses, read_addresses
from stack.errors import StackError
from stack.paths import STACK_DIRECTORY, Layout
from stack.product.applications import make_service
from stack.servers.requirements import POSTGRES, find
from stack.services import SERVICE_NAMES


@dataclass(frozen=True)
class Invocation:
    """A program, its arguments and its whole environment."""

    command: list[str]
    environment: Mapping[str, str]

    def become(self) -> NoReturn:
        """Replace this process: terminal, signals and exit status are the program's own."""
        os.execvpe(self.command[0], self.command, self.environment)  # noqa: S606 - that is what it is for


def operate(command: str, service: str, arguments: Sequence[str]) -> NoReturn:
    """Become a command of a service, with the addresses of those who may change schema and queues."""
    layout = Layout(STACK_DIRECTORY)
    operator_invocation(layout, read_addresses(layout), command, service, arguments).become()


def operate_accounts(arguments: Sequence[str]) -> NoReturn:
    """Become a command of accounts; without one, its help."""
    command, *rest = arguments or ["--help"]
    operate(command, "accounts", rest)


def operator_invocation(
    layout: Layout, addresses: Addresses, command: str, service: str, arguments: Sequence[str]
) -> Invocation:
    """`python -m services.SERVICE COMMAND ARGUMENTS` with the environment that it needs."""
    application = make_service(service, layout, addresses)
    return Invocation(application.command(command, *arguments), application.command_environment)


def psql(service: str, arguments: Sequence[str], *, as_owner: bool) -> NoReturn:
    """Become psql in a service's database, as the service's role or as the owner of its tables."""
    program = find(POSTGRES)
    if program is None:
        raise StackError("PostgreSQL's programs are not on this machine: ./dev up installs them.")
    addresses = read_addresses(Layout(STACK_DIRECTORY))
    psql_invocation(str(program.directory / "psql"), addresses, service, arguments, as_owner=as_owner).become()


def psql_invocation(
    program: str, addresses: Addresses, service: str, arguments: Sequence[str], *, as_owner: bool
) -> Invocation:
    """The password goes into the environment: lists of processes show arguments."""
    of_service = addresses.services[service]
    parts = urlsplit(of_service.migration_database_url if as_owner else of_service.database_url)
    address = urlunsplit(parts._replace(netloc=f"{parts.username}@{parts.netloc.rpartition('@')[2]}"))
    environment = {**os.environ, "PGPASSWORD": unquote(parts.password or "")}
    return Invocation([program, "--dbname", address, *arguments], environment)


def known_service(name: str) -> str:
    """The name, if a service has it; StackError with the names that there are."""
    if name not in SERVICE_NAMES:
        raise StackError(f"Unknown service {name!r}. The services are {', '.join(SERVICE_NAMES)}.")
    return name
