"""An installation of the product: databases of its own, names of its own on the broker, a port for each process."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.processes import python, run
from bench.settings import Servers
from shared.auth.make_internal_keys import make_internal_keys, private_keys_file, trusted_keys_file
from shared.auth.trust import GATEWAY
from stack.config.ports import reserve_port
from stack.servers.databases import DatabaseUrls, Passwords, ensure_databases
from stack.servers.rabbitmq_definitions import Installation
from stack.services import SERVICE_NAMES, service_named


@dataclass(frozen=True)
class Installed:
    """Empty, migrated databases, and the settings of each process; none runs yet."""

    number: int
    databases: Mapping[str, DatabaseUrls]
    """By service: as the owner, and as the service's own role."""
    ports: Mapping[str, int]
    """Of the services and `gateway`, by name."""
    environments: Mapping[str, Mapping[str, str]]
    internal_keys: Path
    """The directory of the keys that gateway and services sign internal tokens with."""
    client_secret: str
    peer_secret: str
    """Of a peer whose own tokens are signed as its tutorial does."""

    @property
    def owner_urls(self) -> dict[str, str]:
        return {service: urls.owner for service, urls in self.databases.items()}

    def url_of(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"


async def install(servers: Servers, number: int, names: Installation) -> Installed:
    """Everything in its production settings."""
    passwords = {f"{service}_{number}": Passwords(_secret(), _secret()) for service in SERVICE_NAMES}
    urls = await ensure_databases(servers.database_url, passwords)
    databases = {service: urls[f"{service}_{number}"] for service in SERVICE_NAMES}
    ports = {name: reserve_port() for name in (*SERVICE_NAMES, "gateway")}
    internal_keys = servers.layout.data / f"internal-keys-{number}"
    make_internal_keys(internal_keys)
    client_secret, peer_secret = _secret(), _secret()
    addresses = {f"{service.upper()}_URL": f"http://127.0.0.1:{ports[service]}" for service in SERVICE_NAMES}
    trusted = {"INTERNAL_TRUSTED_KEYS_FILE": str(trusted_keys_file(internal_keys))}
    environments = {
        service: {
            **addresses,
            **trusted,
            "INTERNAL_KEYS_FILE": str(private_keys_file(internal_keys, service)),
            **_of_service(servers, service, databases[service], names),
            **{name.upper(): _secret() for name in service_named(service).secrets},
        }
        for service in SERVICE_NAMES
    }
    environments["accounts"]["ACCOUNTS_SECRET"] = _secret()
    environments["gateway"] = {
        **addresses,
        "INTERNAL_KEYS_FILE": str(private_keys_file(internal_keys, GATEWAY)),
        "REDIS_URL": servers.redis_url,
        "CLIENT_TOKEN_SECRET": client_secret,
    }
    for service in SERVICE_NAMES:
        migrate = python(f"services.{service}", "migrate")
        await run(servers.layout, f"migrate-{service}-{number}", migrate, environments[service])
    told = {name: {**environments[name], "PORT": str(port)} for name, port in ports.items()}
    return Installed(number, databases, ports, told, internal_keys, client_secret, peer_secret)


def _of_service(servers: Servers, service: str, database: DatabaseUrls, names: Installation) -> dict[str, str]:
    return {
        "DATABASE_URL": database.service,
        "MIGRATION_DATABASE_URL": database.owner,
        "AMQP_URL": servers.service_amqp_urls[service],
        "MIGRATION_AMQP_URL": servers.amqp_url,
        "EXCHANGE": names.exchange,
        "QUEUE_PREFIX": names.queue_prefix,
    }


def serving(name: str, *arguments: str) -> list[str]:
    """The command of a service or of the gateway."""
    return python("gateway" if name == "gateway" else f"services.{name}", *arguments)


def _secret() -> str:
    return secrets.token_hex(24)
