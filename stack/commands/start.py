"""Starting the stack, step by step."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from stack.config.addresses import Addresses, ServiceAddresses, given_settings, write_addresses
from stack.config.ports import State, load_state
from stack.console import Steps
from stack.paths import REPOSITORY, Layout, write_private
from stack.processes.hold import read_hold
from stack.processes.managed_process import ManagedProcess
from stack.product.applications import (
    MIGRATE_SECONDS,
    Application,
    application_url,
    make_applications,
    metrics_url,
)
from stack.product.issuer import make_token, prepare_accounts, prepare_internal_keys, token_options
from stack.product.seeding import load_demonstration
from stack.servers.all import Server, make_servers, start_server
from stack.servers.credentials import Credentials, load_credentials
from stack.servers.databases import DatabaseUrls, ensure_databases, keep_roles_out_of_maintenance, without_password
from stack.servers.packages import provide
from stack.servers.rabbitmq import RabbitMQServer
from stack.servers.rabbitmq_definitions import ADMINISTRATOR
from stack.servers.requirements import POSTGRES, RABBITMQ, REDIS, Requirement
from stack.services import SERVICE_NAMES
from stack.signals import all_or_first_error


@dataclass(frozen=True)
class GivenServers:
    """Servers that the environment names, used instead of private ones."""

    database_url: str | None
    """A superuser's address."""
    redis_url: str | None
    amqp_url: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read DATABASE_URL, REDIS_URL and AMQP_URL; an empty one counts as not given."""
        names = ("DATABASE_URL", "REDIS_URL", "AMQP_URL")
        return cls(*(environment.get(name) or None for name in names))

    def missing(self) -> list[Requirement]:
        """The servers that have to be started here."""
        given = {POSTGRES: self.database_url, REDIS: self.redis_url, RABBITMQ: self.amqp_url}
        return [requirement for requirement, url in given.items() if url is None]


async def start_stack(layout: Layout, given: GivenServers, steps: Steps) -> None:
    """Start everything and write `.stack/env`; what was started before an error is left to the caller."""
    settings = given_settings()
    install_log = layout.log / "install.log"
    programs = await asyncio.to_thread(provide, given.missing(), steps, install_log)
    state, credentials = load_state(layout.state_file), load_credentials(layout.secrets)
    servers = make_servers(programs, layout, state, credentials)
    keys = _prepare_keys(layout, steps)
    await all_or_first_error([keys, *(start_server(server, steps) for server in servers)])
    if given.amqp_url:
        steps.say("AMQP_URL is given: all services share its user. A private broker gives each a user of its own.")
    addresses = replace(await _addresses(given, servers, state, credentials), settings=settings)
    applications = make_applications(layout, addresses)
    await _migrate(layout, applications, steps)
    database_server = without_password(given.database_url) if given.database_url else "private"
    with steps.step("Users"):
        accounts, new = _named(applications, "accounts"), not _has_demonstration(layout, database_server)
        await prepare_accounts(layout, accounts, credentials.demonstration_login, new=new)
    token = await _start_applications(layout, applications, steps)
    await _load_demonstration(layout, database_server, applications, steps)
    write_addresses(layout, addresses, token)


async def _prepare_keys(layout: Layout, steps: Steps) -> None:
    with steps.step("Keys between the processes"):
        await prepare_internal_keys(layout)


async def _addresses(
    given: GivenServers,
    servers: list[Server],
    state: State,
    credentials: Credentials,
) -> Addresses:
    databases = await _database_urls(given, servers, credentials)
    broker_users = _broker_urls(given, servers)
    return Addresses(
        gateway_url=application_url(state, "gateway"),
        redis_url=given.redis_url or _url(servers, REDIS),
        amqp_url=broker_users[ADMINISTRATOR],
        services={
            name: ServiceAddresses(
                url=application_url(state, name),
                database_url=databases[name].service,
                migration_database_url=databases[name].owner,
                amqp_url=broker_users[name],
                metrics_url=metrics_url(state, name),
            )
            for name in SERVICE_NAMES
        },
        gateway_metrics_url=metrics_url(state, "gateway"),
    )


async def _database_urls(
    given: GivenServers, servers: list[Server], credentials: Credentials
) -> dict[str, DatabaseUrls]:
    """By service."""
    superuser_url = given.database_url or _url(servers, POSTGRES)
    if not given.database_url:
        await keep_roles_out_of_maintenance(superuser_url)
    return await ensure_databases(superuser_url, credentials.databases)


def _broker_urls(given: GivenServers, servers: list[Server]) -> dict[str, str]:
    """By user: the administrator and the services."""
    users = (ADMINISTRATOR, *SERVICE_NAMES)
    if given.amqp_url:
        # Nothing is known of the other users that a given broker may have.
        return dict.fromkeys(users, given.amqp_url)
    broker = next(server for server in servers if isinstance(server, RabbitMQServer))
    return {user: broker.url_of(user) for user in users}


def _url(servers: list[Server], requirement: Requirement) -> str:
    return next(server.url for server in servers if server.name == requirement.name)


async def _migrate(layout: Layout, applications: list[Application], steps: Steps) -> None:
    async def migrate(service: Application) -> None:
        name = f"migrate-{service.name}"
        process = ManagedProcess(name, layout.run / f"{name}.pid", layout.log / f"{name}.log")
        await process.run(service.command("migrate"), service.command_environment, REPOSITORY, seconds=MIGRATE_SECONDS)

    with steps.step("Migrations"):
        services = [application for application in applications if application.name in SERVICE_NAMES]
        await all_or_first_error([migrate(service) for service in services])


async def _start_applications(layout: Layout, applications: list[Application], steps: Steps) -> str:
    """Start all at once but those that another command runs itself; returns an Admin's token, made meanwhile."""

    async def start(application: Application) -> None:
        if read_hold(layout, application.name):
            steps.say(f"  {application.name} is run by another command")
            return
        with steps.step(application.name) as step:
            await application.start()
            step.result = application.url

    token: list[str] = []

    async def sign() -> None:
        token.append(await make_token(token_options(), _named(applications, "accounts")))

    await all_or_first_error([sign(), *(start(application) for application in applications)])
    return token[0]


async def _load_demonstration(
    layout: Layout, database_server: str, applications: list[Application], steps: Steps
) -> None:
    """Load the demonstration data once for each database server; an interrupted loading is repeated."""
    if _has_demonstration(layout, database_server):
        return
    catalog, enrollment = _named(applications, "catalog"), _named(applications, "enrollment")
    await load_demonstration(catalog, enrollment, layout.log / "seed.log", steps)
    write_private(layout.seeded_file, database_server)


def _has_demonstration(layout: Layout, database_server: str) -> bool:
    """Whether the demonstration was loaded completely, into this database server."""
    return layout.seeded_file.exists() and layout.seeded_file.read_text() == database_server


def _named(applications: list[Application], name: str) -> Application:
    return next(application for application in applications if application.name == name)
