"""The secrets of one local stack, made at its first start."""

import secrets
from dataclasses import dataclass, fields
from pathlib import Path

from stack.paths import write_private
from stack.servers.databases import Passwords
from stack.servers.rabbitmq_definitions import ADMINISTRATOR, PUBLISHED

SECRET_BYTES = 24


@dataclass(frozen=True)
class Credentials:
    """Passwords and signing secrets: URL-safe letters, 192 bits each, so they need no quoting in an address."""

    postgres: str
    catalog: str
    enrollment: str
    history: str
    catalog_owner: str
    enrollment_owner: str
    history_owner: str
    redis: str
    rabbitmq: str
    rabbitmq_catalog: str
    rabbitmq_enrollment: str
    rabbitmq_history: str
    demonstration_login: str

    def of_database(self, service: str) -> Passwords:
        """The passwords of the two roles of a service's database."""
        return Passwords(owner=getattr(self, f"{service}_owner"), service=getattr(self, service))

    def of_broker(self) -> dict[str, str]:
        """The passwords of RabbitMQ's users."""
        services = {service: getattr(self, f"rabbitmq_{service}") for service in PUBLISHED}
        return {ADMINISTRATOR: self.rabbitmq, **services}


def load_credentials(directory: Path) -> Credentials:
    """Read the secrets kept in the directory, first making those that are not there yet."""
    return Credentials(**{field.name: _secret(directory / field.name) for field in fields(Credentials)})


def _secret(path: Path) -> str:
    if not path.exists():
        write_private(path, secrets.token_urlsafe(SECRET_BYTES) + "\n")
    return path.read_text().strip()
