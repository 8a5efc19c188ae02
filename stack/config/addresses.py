"""Addresses and limits of a running stack, kept as shell assignments for people and other commands."""

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from stack.errors import StackError
from stack.paths import Layout, write_private
from stack.services import SERVICE_NAMES, address_variable

LIMITS = ("RATE_LIMIT", "ADDRESS_RATE_LIMIT")
"""Requests a minute."""
_SHARE = re.compile(r"0(\.[0-9]+)?|1(\.0+)?")
SETTINGS_OF: Mapping[str, tuple[str, ...]] = {
    "gateway": (*LIMITS, "CORS_ORIGINS", "TRACE_SAMPLE_RATIO"),
    "delivery": ("WEBHOOK_PRIVATE_HOSTS",),
}
"""Settings of a process that `./dev up` takes from its environment."""
GIVEN_SETTINGS = tuple(name for names in SETTINGS_OF.values() for name in names)
NOT_RUNNING = "The stack is not running here: start it with ./dev up"


@dataclass(frozen=True)
class ServiceAddresses:
    """Where one service is found, and where it finds its database and the broker."""

    url: str
    database_url: str
    migration_database_url: str
    """As the role that owns the database."""
    amqp_url: str
    """As the service's own user."""
    metrics_url: str = ""
    """Where its metrics are read."""


@dataclass(frozen=True)
class Addresses:
    """The addresses of one stack, passwords included, and the settings that its gateway was given."""

    gateway_url: str
    redis_url: str
    amqp_url: str
    """The administrator's."""
    services: Mapping[str, ServiceAddresses]
    """By service."""
    gateway_metrics_url: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Those of GIVEN_SETTINGS that `./dev up` was given; the others have their defaults."""

    def url_of(self, name: str) -> str:
        """Where the gateway or a service listens."""
        return self.gateway_url if name == "gateway" else self.services[name].url

    def metrics_url_of(self, name: str) -> str:
        """Where the metrics of the gateway or of a service are read."""
        return self.gateway_metrics_url if name == "gateway" else self.services[name].metrics_url

    def settings_of(self, process: str) -> dict[str, str]:
        """Those that the gateway or a service was given."""
        return {name: self.settings[name] for name in SETTINGS_OF.get(process, ()) if name in self.settings}

    def urls_of(self, names: Iterable[str]) -> dict[str, str]:
        """The settings that tell a process where these services are found."""
        return {address_variable(name): self.services[name].url for name in names}


def given_settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The settings that the environment names; an empty one counts as not given.

    Raises StackError when a limit is not a whole number of at least 1, or a share not between 0 and 1.
    """
    given = {name: environment[name] for name in GIVEN_SETTINGS if environment.get(name)}
    for name, value in given.items():
        if name in LIMITS and not (value.isascii() and value.isdigit() and int(value) >= 1):
            raise StackError(f"{name} must be a whole number of at least 1, and is {value!r}.")
        if name == "TRACE_SAMPLE_RATIO" and not _SHARE.fullmatch(value):
            raise StackError(f"{name} must be a number from 0 to 1, and is {value!r}.")
    return given


SHARED_VARIABLES = ("GATEWAY_URL", "REDIS_URL", "AMQP_URL", "GATEWAY_METRICS_URL")
SERVICE_VARIABLES = {
    name: {field.name: f"{name}_{field.name}".upper() for field in fields(ServiceAddresses)} for name in SERVICE_NAMES
}
"""The names in `.stack/env`: by service, of each of its addresses."""
VARIABLES = frozenset((*SHARED_VARIABLES, *(each for names in SERVICE_VARIABLES.values() for each in names.values())))


def write_addresses(layout: Layout, addresses: Addresses, token: str) -> None:
    """Write `.stack/env`, which is there while a stack runs that started completely."""
    variables = {name: getattr(addresses, name.lower()) for name in SHARED_VARIABLES}
    for service, names in SERVICE_VARIABLES.items():
        variables |= {variable: getattr(addresses.services[service], field) for field, variable in names.items()}
    write_private(layout.environment_file, shell_assignments({**variables, **addresses.settings, "TOKEN": token}))


def read_addresses(layout: Layout) -> Addresses:
    """The addresses of the running stack; StackError when none runs."""
    try:
        variables = parse_assignments(layout.environment_file.read_text())
        services = {
            service: ServiceAddresses(**{field: variables[variable] for field, variable in names.items()})
            for service, names in SERVICE_VARIABLES.items()
        }
        settings = {name: variables[name] for name in GIVEN_SETTINGS if name in variables}
        shared = {name.lower(): variables[name] for name in SHARED_VARIABLES}
        return Addresses(**shared, services=services, settings=settings)
    except (OSError, KeyError, ValueError):
        raise StackError(NOT_RUNNING) from None


def shell_assignments(variables: dict[str, str]) -> str:
    """Lines that a POSIX shell reads as assignments of exactly these values."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def parse_assignments(text: str) -> dict[str, str]:
    """Read what `shell_assignments` wrote; ValueError for anything else."""
    words = shlex.split(text)
    return {name: value for name, _, value in (word.partition("=") for word in words)}
