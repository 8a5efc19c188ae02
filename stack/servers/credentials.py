"""The passwords of one local stack, generated at its first start."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.paths import write_private
from stack.servers.databases import Passwords, owner_of
from stack.servers.rabbitmq_definitions import ADMINISTRATOR
from stack.services import SERVICE_NAMES, SERVICES, Service

SECRET_BYTES = 24


@dataclass(frozen=True)
class Credentials:
    """Passwords: URL-safe letters, 192 bits each, so they need no quoting in an address."""

    postgres: str
    redis: str
    rabbitmq: str
    demonstration_login: str
    databases: Mapping[str, Passwords]
    """By service: the passwords of its two database roles."""
    broker_users: Mapping[str, str]
    """By service: the password of its RabbitMQ user."""
    of_services: Mapping[str, str]
    """By setting: what only one service has."""

    def of_broker(self) -> dict[str, str]:
        """The passwords of RabbitMQ's users."""
        return {ADMINISTRATOR: self.rabbitmq, **self.broker_users}


def load_credentials(directory: Path) -> Credentials:
    """Read the passwords kept in the directory; generate those that are missing."""

    def secret(name: str) -> str:
        return _secret(directory / name)

    return Credentials(
        postgres=secret("postgres"),
        redis=secret("redis"),
        rabbitmq=secret("rabbitmq"),
        demonstration_login=secret("demonstration_login"),
        databases={name: Passwords(owner=secret(owner_of(name)), service=secret(name)) for name in SERVICE_NAMES},
        broker_users={name: secret(f"rabbitmq_{name}") for name in SERVICE_NAMES},
        of_services={name: secret(name) for service in SERVICES for name in service.secrets},
    )


def secret_settings(directory: Path, service: Service) -> dict[str, str]:
    """The settings of a service that hold secrets of its own, as far as the stack has them: its start makes them."""
    files = {name.upper(): directory / name for name in service.secrets}
    return {name: file.read_text().strip() for name, file in files.items() if file.exists()}


def _secret(path: Path) -> str:
    if not path.exists():
        write_private(path, secrets.token_urlsafe(SECRET_BYTES) + "\n")
    return path.read_text().strip()
