"""Settings of the processes of delivery."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from shared.settings import ServiceSettings

_HOST_WITH_PORT: Final = re.compile(r"(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]):[0-9]{1,5}\Z")


def _listed(value: object) -> object:
    return [part.strip().lower() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _with_ports(hosts: frozenset[str]) -> frozenset[str]:
    for host in hosts:
        if not _HOST_WITH_PORT.match(host):
            raise ValueError(f"{host!r} is not host:port; an IPv6 address is written in brackets")
    return hosts


PrivateHosts = Annotated[frozenset[str], NoDecode, BeforeValidator(_listed), AfterValidator(_with_ports)]


class DeliverySettings(ServiceSettings):
    """It alone sends requests to addresses that organisations choose."""

    delivery_secret: SecretStr = Field(min_length=32)
    """Encrypts the secrets of webhooks in the database; a backup of the database is useless without it."""
    delivery_secret_previous: SecretStr | None = Field(default=None, min_length=32)
    """The one before, while they are being encrypted again."""
    webhook_private_hosts: PrivateHosts = frozenset()
    """`host:port`, separated by commas in the environment: webhooks may be sent there although the address is not
    public, and without TLS."""
