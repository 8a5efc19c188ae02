"""What the three services' processes have in common: the parts their `app.py` puts together, and their commands."""

import argparse
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal

from aiohttp import web

from shared.auth.internal_token import InternalTokenVerifier
from shared.auth.key_changes import record_trusted_keys
from shared.auth.trust import NobodyTrusted, parse_trusted_keys
from shared.auth.watched_file import WatchedFile
from shared.concurrency.tasks import background
from shared.http.body_budget import BodyBudget
from shared.http.routing import VERIFIER
from shared.http.server.app import INFORMATION, READINESS, create_app
from shared.messaging.broker import QueueName, connection_to, declare_queue
from shared.messaging.consumer import Consumer, Subscriptions, routing_keys
from shared.messaging.relay import LANES, Relay
from shared.postgres.batched_reads import BatchedReader, batched_reader
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connection_pool, is_reachable
from shared.service.dead_letter_commands import add_dead_letter_commands
from shared.service.housekeeping import prune_expired
from shared.service.projection_commands import add_projection_commands
from shared.settings import ServiceSettings

log = logging.getLogger(__name__)

Role = Literal["all", "api", "worker"]
Context = Callable[[web.Application], AsyncIterator[None]]

POOL = web.AppKey("pool", Pool)
READER = web.AppKey("reader", BatchedReader)


def create_service(name: str, settings: ServiceSettings) -> web.Application:
    """An application with its pool and the check of internal tokens; the service adds what makes it itself."""
    app = create_app(max_in_flight=settings.max_in_flight, bodies=BodyBudget(settings.body_memory))
    app[VERIFIER] = _verifier(name, settings)

    async def database(app: web.Application) -> AsyncIterator[None]:
        url, size = settings.database_url.get_secret_value(), settings.database_pool_size
        async with connection_pool(url, name=name, size=size) as pool:
            app[POOL] = pool
            app[READINESS]["database"] = lambda: is_reachable(pool)
            yield

    app.cleanup_ctx.append(database)
    return app


def _verifier(name: str, settings: ServiceSettings) -> InternalTokenVerifier:
    path, secret = settings.internal_trusted_keys_file, settings.internal_token_secret
    if secret is not None:
        log.warning("INTERNAL_TOKEN_SECRET is set: whoever holds it can speak as anybody. Unset it after the update")
    return InternalTokenVerifier(
        name,
        WatchedFile(path, parse_trusted_keys, record_trusted_keys) if path is not None else NobodyTrusted(),
        secret.get_secret_value() if secret is not None else None,
    )


def reading(name: str, settings: ServiceSettings) -> Context:
    """Lets requests read together, for as long as the application runs."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        async with batched_reader(settings.database_url.get_secret_value(), app[POOL], name=name) as app[READER]:
            yield

    return context


def relay(name: str, settings: ServiceSettings) -> Context:
    """Publishes the service's outbox, and keeps it small, for as long as the application runs."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        database_url, amqp_url = settings.database_url.get_secret_value(), settings.amqp_url.get_secret_value()
        # Connections of its own: it keeps them, and takes none from requests.
        async with connection_pool(database_url, name=f"{name} relay", size=LANES) as pool:
            relay = Relay(pool, database_url, amqp_url, name=name, exchange=settings.exchange)
            app[INFORMATION]["relay"] = relay.is_connected
            async with (
                background(relay.run(), name="relay"),
                background(prune_expired(app[POOL]), name="housekeeping"),
            ):
                yield

    return context


def consumer(name: str, settings: ServiceSettings, subscriptions: Subscriptions) -> Context:
    """Follows the service's queue for as long as the application runs."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        amqp_url, queue = settings.amqp_url.get_secret_value(), service_queue(name, settings)
        consumer = Consumer(app[POOL], amqp_url, queue, subscriptions)
        app[INFORMATION]["consumer"] = consumer.is_connected
        async with background(consumer.run(), name="consumer"):
            yield

    return context


async def prepare(name: str, settings: ServiceSettings, migrations: Path, subscriptions: Subscriptions) -> list[str]:
    """Migrates the database and declares the queue; returns the migrations applied.

    Queues are declared before any process serves: an event published while one is missing would pass it by.
    """
    applied = await migrate(settings.migration_database_url.get_secret_value(), migrations)
    async with connection_to(settings.migration_amqp_url.get_secret_value(), name=f"{name} migrate") as connection:
        channel = await connection.channel()
        await declare_queue(channel, service_queue(name, settings), routing_keys(subscriptions), settings.exchange)
    return applied


def service_queue(name: str, settings: ServiceSettings) -> QueueName:
    return QueueName(f"{settings.queue_prefix}.{name}")


def service_arguments(
    name: str,
) -> tuple[argparse.ArgumentParser, "argparse._SubParsersAction[argparse.ArgumentParser]"]:
    """The parser of a service's command line, and where it adds commands of its own."""
    parser = argparse.ArgumentParser(prog=f"python -m services.{name}", description=f"The {name} service.")
    parser.add_argument(
        "--role",
        choices=("all", "api", "worker"),
        default="all",
        help="serve requests (api), publish and follow events (worker), or both in one process (default)",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands (default: serve)")
    commands.add_parser("migrate", help="bring the database and the queues to this version, and end")
    add_dead_letter_commands(commands)
    add_projection_commands(commands)
    return parser, commands
