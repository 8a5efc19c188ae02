"""The secrets of one local stack, made at its first start."""

import secrets
from dataclasses import dataclass, fields
from pathlib import Path

from stack.layout import write_private

SECRET_BYTES = 24


@dataclass(frozen=True)
class Credentials:
    """Passwords and signing secrets: URL-safe letters, 192 bits each, so they need no quoting in an address."""

    postgres: str
    catalog: str
    enrollment: str
    history: str
    redis: str
    rabbitmq: str
    internal_token: str
    demonstration_login: str


def load_credentials(directory: Path) -> Credentials:
    """Read the secrets kept in the directory, first making those that are not there yet."""
    return Credentials(**{field.name: _secret(directory / field.name) for field in fields(Credentials)})


def _secret(path: Path) -> str:
    if not path.exists():
        write_private(path, secrets.token_urlsafe(SECRET_BYTES) + "\n")
    return path.read_text().strip()
