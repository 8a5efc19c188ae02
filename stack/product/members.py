"""The processes of a running stack, by name: how each is started again, and whether it is healthy."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import aiohttp

from stack.config.addresses import read_addresses
from stack.config.ports import read_state
from stack.errors import StackError
from stack.paths import Layout
from stack.processes.hold import read_hold
from stack.processes.managed_process import ManagedProcess
from stack.product.applications import (
    PROBE,
    STOP_SECONDS,
    Application,
    answers_ready,
    make_applications,
)
from stack.servers.all import STOP_SECONDS as SERVER_STOP_SECONDS
from stack.servers.all import make_servers, server_processes
from stack.servers.credentials import load_credentials
from stack.servers.databases import without_password
from stack.servers.rabbitmq import accepts_connections
from stack.servers.requirements import POSTGRES, RABBITMQ, REDIS, Requirement, find
from stack.services import SERVICE_NAMES

SERVER_REQUIREMENTS = {"postgres": POSTGRES, "redis": REDIS, "rabbitmq": RABBITMQ}


@dataclass(frozen=True)
class Member:
    """A server, a service or the gateway."""

    name: str
    """As its pid file and its log have it."""
    process: ManagedProcess
    address: str
    """Without a password."""
    port: int | None
    launch: Callable[[], Awaitable[None]]
    """Starts it and does not wait until it is healthy."""
    is_healthy: Callable[[], Awaitable[bool]]
    stop_seconds: float
    given: bool = False
    """By the environment of `./dev up`: neither started nor stopped here."""


def read_members(layout: Layout) -> list[Member]:
    """Those of the stack that runs, the servers first; StackError when none runs."""
    addresses = read_addresses(layout)
    node, postgres, redis, _mapper = server_processes(layout)
    servers = (
        ("postgres", postgres, addresses.services[SERVICE_NAMES[0]].database_url),
        ("redis", redis, addresses.redis_url),
        ("rabbitmq", node, addresses.amqp_url),
    )
    return [
        *(_server(layout, name, process, url) for name, process, url in servers),
        *(_application(application) for application in make_applications(layout, addresses)),
    ]


def named(members: list[Member], name: str) -> Member:
    """The one of this name; StackError when there is none, or when it is not this stack's to start and stop."""
    found = next((member for member in members if member.name == name), None)
    if found is None:
        raise StackError(f"The stack has no process {name}; it has {', '.join(member.name for member in members)}.")
    if found.given:
        raise StackError(f"{name} is provided by the environment: ./dev neither starts nor stops it.")
    return found


def _server(layout: Layout, name: str, process: ManagedProcess, url: str) -> Member:
    parts = urlsplit(url)

    async def is_healthy() -> bool:
        return parts.port is not None and await accepts_connections(parts.hostname or "127.0.0.1", parts.port)

    # A given server has no pid file; one that was stopped on purpose has none either, but is held.
    given = not process.pid_file.exists() and read_hold(layout, name) is None
    launch = partial(_launch_server, layout, SERVER_REQUIREMENTS[name])
    return Member(name, process, without_password(url), parts.port, launch, is_healthy, SERVER_STOP_SECONDS, given)


async def _launch_server(layout: Layout, requirement: Requirement) -> None:
    """Start it on the ports and with the secrets that the running stack has; returns once it is ready."""
    program = await asyncio.to_thread(find, requirement)
    if program is None:
        raise StackError(f"{requirement} is no longer on this machine.")
    state, credentials = read_state(layout.state_file), load_credentials(layout.secrets)
    [server] = make_servers({requirement: program}, layout, state, credentials)
    await server.start()


def _application(application: Application) -> Member:
    async def launch() -> None:
        application.launch()

    async def is_healthy() -> bool:
        async with aiohttp.ClientSession(timeout=PROBE, trust_env=False) as session:
            return await answers_ready(session, application.url)

    port = urlsplit(application.url).port
    return Member(application.name, application.process, application.url, port, launch, is_healthy, STOP_SECONDS)
