"""The passwords of one local stack, generated at its first start."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stack.paths import write_private
from stack.servers.databases import Passwords, owner_of
from stack.servers.rabbitmq_definitions import ADMINISTRATOR, read_subscribers
from stack.services import SERVICE_NAMES, SERVICES, Service

SECRET_BYTES = 24
SUBSCRIBERS_DIRECTORY = "subscribers"


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
    subscribers: Mapping[str, str] = field(default_factory=dict)
    """By subscriber: the password of its RabbitMQ user."""

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
        subscribers=read_subscribers(directory / SUBSCRIBERS_DIRECTORY),
    )


def secret_settings(directory: Path, service: Service) -> dict[str, str]:
    """The settings of a service that hold secrets of its own, as far as the stack has them: its start makes them."""
    files = {name.upper(): directory / name for name in service.secrets}
    return {name: file.read_text().strip() for name, file in files.items() if file.exists()}


def subscriber_file(directory: Path, name: str) -> Path:
    """Where the password of a subscriber's RabbitMQ user is kept."""
    return directory / SUBSCRIBERS_DIRECTORY / name


def make_subscriber(directory: Path, name: str) -> str:
    """The password of a subscriber's RabbitMQ user, which is generated if there is none yet."""
    file = subscriber_file(directory, name)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    return _secret(file)


def _secret(path: Path) -> str:
    if not path.exists():
        write_private(path, secrets.token_urlsafe(SECRET_BYTES) + "\n")
    return path.read_text().strip()
