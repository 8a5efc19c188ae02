"""A service's process, from its start at the top to its parts below.

A service declares itself once, as a `Service` in its `app.py`. Its `__main__` is `run_service`, which carries out a
command or serves what `build_app` puts together.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from aiohttp import web
from prometheus_client import CollectorRegistry

from shared.auth.internal_token import InternalTokenVerifier
from shared.auth.key_changes import record_trusted_keys
from shared.auth.signing import InternalSigner
from shared.auth.trust import parse_trusted_keys
from shared.auth.watched_file import WatchedFile
from shared.concurrency.tasks import background
from shared.http.body_budget import BodyBudget
from shared.http.routing import VERIFIER, Route, add_routes
from shared.http.server.app import INFORMATION, READINESS, create_app, publish_metrics, run
from shared.http.server.responder import RESPONDER
from shared.http.service_client import connect_to_service
from shared.messaging.broker import QueueName, connection_to, declare_queue
from shared.messaging.consumer import Consumer
from shared.messaging.follower import Follower
from shared.messaging.installation import describe
from shared.messaging.relay import CONNECTIONS, Relay
from shared.messaging.roll_call import RollCall
from shared.messaging.subscriptions import Subscribed, Subscriptions
from shared.metrics.housekeeping import Housekeeping
from shared.metrics.messaging import ConsumerMetrics, OutboxMetrics, QueueMetrics, RelayMetrics
from shared.metrics.pools import PoolMetrics
from shared.metrics.reads import read_batch_sizes
from shared.metrics.registry import METRICS
from shared.observability import configure_logging
from shared.postgres.batched_reads import BatchedReader, batched_reader
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connection_pool, is_reachable
from shared.projections.comparison import Projection
from shared.service.dead_letter_commands import add_dead_letter_commands, answer_dead_letters
from shared.service.event_cursor import APPLIED_POSITION, AppliedPosition
from shared.service.exports import EXPORTS, Exports
from shared.service.housekeeping import prune_expired
from shared.service.outbox_metrics import measure_outbox
from shared.service.positions import Positions
from shared.service.projection_commands import add_projection_commands, rebuild_copies, verify_copies
from shared.settings import ServiceSettings, SettingRefused, read_settings
from shared.tracing.entrance import Entrance
from shared.tracing.exporting import TracingUnavailable, tracing

S = TypeVar("S", bound=ServiceSettings)
Role = Literal["all", "api", "worker"]
Context = Callable[[S, web.Application], AsyncIterator[None]]
"""Sets up a part of the application before its `yield`, and takes it down after (aiohttp's `cleanup_ctx`)."""

POOL = web.AppKey("pool", Pool)
READER = web.AppKey("reader", BatchedReader)
ROLL_CALL = web.AppKey("roll_call", RollCall)
POOL_METRICS = web.AppKey("pool_metrics", PoolMetrics)
HOUSEKEEPING = web.AppKey("housekeeping", Housekeeping)


@dataclass(frozen=True)
class Command(Generic[S]):
    """A command that only one service has. `run` returns the exit status."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[S, argparse.Namespace], int]


@dataclass(frozen=True, kw_only=True)
class Service(Generic[S]):
    """All that makes one service different from the others; its processes follow from it."""

    name: str
    """Also the name of its package, its database, its queue and its keys (stack/services.py)."""
    settings: type[S]
    migrations: Path
    routes: Sequence[Route[Any, Any]]
    subscriptions: Subscriptions = field(default_factory=dict)
    """The function that applies each event that it follows."""
    takes: Callable[[CollectorRegistry | None], Follower[Any]] | None = None
    """Makes what takes its messages instead, where keeping the newest state of each row is not enough."""
    after_migrations: Callable[[str], Awaitable[None]] | None = None
    """What `migrate` does besides, with the address of the database."""
    outbox: bool = False
    """Whether it publishes events: then its migrations make the tables of outbox and idempotency keys."""
    projection: Projection | None = None
    """What it copies from other services: with it there are `verify` and `rebuild`."""
    event_cursors: bool = False
    """Whether its lists tell which events they have in them: then its migrations make tables for it (decision 27)."""
    rebuild: Callable[[S], int] | None = None
    """Carries out `rebuild` where replacing the copies is not enough; returns the exit status."""
    api_contexts: Sequence[Context[S]] = ()
    """What its routes need beside the database."""
    worker_contexts: Sequence[Context[S]] = ()
    """What it does beside answering requests, publishing and consuming."""
    commands: Sequence[Command[S]] = ()

    def follower(self, registry: CollectorRegistry | None = None) -> Follower[Any]:
        """What takes its messages, and counts what it alone knows of them in the registry."""
        return Subscribed(self.subscriptions) if self.takes is None else self.takes(registry)


def run_service(service: Service[S]) -> None:
    """`python -m services.<name>`: carries out the command on the command line, or serves until SIGTERM."""
    arguments = command_line(service).parse_args()
    settings = read_settings(service.settings)
    configure_logging(service.name, settings.log_level)
    if arguments.command is None:
        try:
            with tracing(service.name, settings.otel_exporter_otlp_endpoint, settings.trace_file):
                run(build_app(service, settings, arguments.role), settings.host, settings.port)
        except (SettingRefused, TracingUnavailable) as error:
            print(error, file=sys.stderr)
            raise SystemExit(2) from None
    else:
        raise SystemExit(carry_out(service, settings, arguments))


def command_line(service: Service[S]) -> argparse.ArgumentParser:
    """The options and commands of the service."""
    name = service.name
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
    if service.projection is not None:
        add_projection_commands(commands)
    for command in service.commands:
        command.add_arguments(commands.add_parser(command.name, help=command.help))
    return parser


def carry_out(service: Service[S], settings: S, arguments: argparse.Namespace) -> int:
    """Returns the exit status."""
    match arguments.command:
        case "migrate":
            applied = asyncio.run(prepare(service, settings))
            print(f"{service.name}: {len(applied)} migrations applied" if applied else f"{service.name}: up to date")
            return 0
        case "dead-letters":
            return answer_dead_letters(service_queue(service.name, settings), settings, arguments)
        case "verify" if service.projection is not None:
            return verify_copies(service.name, settings, service.projection, arguments)
        case "rebuild" if service.rebuild is not None:
            return service.rebuild(settings)
        case "rebuild" if service.projection is not None:
            return rebuild_copies(service.name, settings, service.projection)
        case name:
            return next(each for each in service.commands if each.name == name).run(settings, arguments)


async def prepare(service: Service[S], settings: S) -> list[str]:
    """Migrates the database, tells it of the installation, and declares the queue; returns the migrations applied.

    Queues are declared before any process serves: an event published while one is missing would pass it by.
    """
    database_url = settings.migration_database_url.get_secret_value()
    applied = await migrate(database_url, service.migrations)
    if service.after_migrations is not None:
        await service.after_migrations(database_url)
    if service.outbox:
        await describe(database_url, settings.installation, settings.public_url)
    amqp_url, queue = settings.migration_amqp_url.get_secret_value(), service_queue(service.name, settings)
    async with connection_to(amqp_url, name=f"{service.name} migrate") as connection:
        channel = await connection.channel()
        await declare_queue(channel, queue, service.follower().routing_keys, settings.exchange)
    return applied


def service_queue(name: str, settings: ServiceSettings) -> QueueName:
    """The queue of the events that the service follows."""
    return QueueName(f"{settings.queue_prefix}.{name}")


def build_app(service: Service[S], settings: S, role: Role = "all") -> web.Application:
    """The application of one process. Its contexts are entered in this order, and left in the opposite one."""
    app = create_app(
        max_in_flight=settings.max_in_flight,
        bodies=BodyBudget(settings.body_memory),
        slow_seconds=settings.slow_request_seconds,
    )
    trusted = WatchedFile(settings.internal_trusted_keys_file, parse_trusted_keys, record_trusted_keys)
    app[RESPONDER].entrance = Entrance(service.name)
    app[VERIFIER] = InternalTokenVerifier(service.name, trusted)
    registry = app[METRICS].registry
    app[POOL_METRICS], app[HOUSEKEEPING] = PoolMetrics(registry), Housekeeping(registry)
    app.cleanup_ctx.append(partial(database, service.name, settings))
    if role != "worker":
        add_routes(app, service.routes)
        app.cleanup_ctx.append(partial(batched_reads, service.name, settings))
        app.cleanup_ctx.append(partial(exports, service.name, settings))
        if service.event_cursors:
            app.cleanup_ctx.append(applied_position)
        app.cleanup_ctx.extend(partial(context, settings) for context in service.api_contexts)
    if role != "api":
        if service.outbox:
            app.cleanup_ctx.append(partial(relay, service.name, settings))
        if service.event_cursors:
            app.cleanup_ctx.append(partial(roll_call, service, settings))
        app.cleanup_ctx.append(partial(consumer, service.name, settings, service.follower(registry)))
        app.cleanup_ctx.extend(partial(context, settings) for context in service.worker_contexts)
    publish_metrics(app, service.name, settings.metrics_host, settings.metrics_port)
    return app


async def database(name: str, settings: ServiceSettings, app: web.Application) -> AsyncIterator[None]:
    """The pool of connections, without which the process is not ready."""
    url, size = settings.database_url.get_secret_value(), settings.database_pool_size
    async with connection_pool(url, name=name, size=size) as pool:
        app[POOL_METRICS].watch("requests", pool)
        app[POOL] = pool
        app[READINESS]["database"] = lambda: is_reachable(pool)
        yield


async def batched_reads(name: str, settings: ServiceSettings, app: web.Application) -> AsyncIterator[None]:
    """Lets requests that wait at the same time share a query."""
    url, batch_sizes = settings.database_url.get_secret_value(), read_batch_sizes(app[METRICS].registry)
    async with batched_reader(url, app[POOL], name=name, pools=app[POOL_METRICS], batch_sizes=batch_sizes) as app[
        READER
    ]:
        yield


async def exports(name: str, settings: ServiceSettings, app: web.Application) -> AsyncIterator[None]:
    """Lists that are sent whole; no connection is open while there are none."""
    app[EXPORTS] = Exports(name, settings.database_url.get_secret_value())
    yield


async def relay(name: str, settings: ServiceSettings, app: web.Application) -> AsyncIterator[None]:
    """Publishes the outbox, and deletes what has expired in it."""
    database_url, amqp_url = settings.database_url.get_secret_value(), settings.amqp_url.get_secret_value()
    # Connections of its own: it keeps them, and takes none from requests.
    async with connection_pool(database_url, name=f"{name} relay", size=CONNECTIONS) as pool:
        registry = app[METRICS].registry
        app[POOL_METRICS].watch("relay", pool)
        relay = Relay(
            pool, database_url, amqp_url, name=name, exchange=settings.exchange, metrics=RelayMetrics(registry)
        )
        app[INFORMATION]["relay"] = relay.is_connected
        app[METRICS].sample("outbox", partial(measure_outbox, app[POOL], OutboxMetrics(registry)))
        async with (
            background(relay.run(), name="relay"),
            background(prune_expired(app[POOL], app[HOUSEKEEPING].task("expired_rows")), name="pruning"),
        ):
            yield


async def consumer(
    name: str, settings: ServiceSettings, follower: Follower[Any], app: web.Application
) -> AsyncIterator[None]:
    """Applies the events in the service's queue."""
    amqp_url, queue = settings.amqp_url.get_secret_value(), service_queue(name, settings)
    registry = app[METRICS].registry
    consumer = Consumer(app[POOL], amqp_url, queue, follower, app.get(ROLL_CALL), ConsumerMetrics(registry))
    app[INFORMATION]["consumer"] = consumer.is_connected
    app[METRICS].sample("queue", partial(consumer.measure_queue, QueueMetrics(registry)))
    async with background(consumer.run(), name="consumer"):
        yield


async def applied_position(app: web.Application) -> AsyncIterator[None]:
    """Which events the rows have in them."""
    app[APPLIED_POSITION] = AppliedPosition(app[POOL])
    yield


async def roll_call(service: Service[S], settings: S, app: web.Application) -> AsyncIterator[None]:
    """Lets its consumers agree on what they have applied, if their settings say whom to ask."""
    replicas = () if service.projection is None else service.projection.replicas
    addresses = {
        name: getattr(settings, f"{name}_url", None) for name in ("delivery", *(each.owner for each in replicas))
    }
    signer = InternalSigner(service.name, settings.internal_keys_file)
    async with AsyncExitStack() as exits:
        clients = {
            name: await exits.enter_async_context(
                connect_to_service(url, name=name, asking=service.name, signer=signer)
            )
            for name, url in addresses.items()
            if url
        }
        delivery = clients.pop("delivery", None)
        known = delivery is not None and len(clients) == len(addresses) - 1
        app[ROLL_CALL] = RollCall(app[POOL], Positions(delivery, clients) if delivery and known else None)
        yield
