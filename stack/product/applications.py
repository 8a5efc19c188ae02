"""The processes of the product: how each is started, with what environment, and when it is ready."""

import sys
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp

from stack.config.addresses import Addresses
from stack.config.ports import State, metrics_port
from stack.paths import REPOSITORY, Layout, write_private
from stack.processes.environment import base_environment
from stack.processes.managed_process import ManagedProcess
from stack.servers.credentials import secret_settings
from stack.services import SERVICE_NAMES, service_named

READY_SECONDS = 60.0
STOP_SECONDS = 10.0
MIGRATE_SECONDS = 120.0
PROBE = aiohttp.ClientTimeout(total=2)


@dataclass(frozen=True)
class Application:
    """A service or the gateway; `module` is what `python -m` runs."""

    name: str
    module: str
    url: str
    environment: dict[str, str]
    privileges: dict[str, str]
    """Further variables for an operator's commands: addresses as the roles that may change schema and queues, and what
    `migrate` tells the database of the installation."""
    process: ManagedProcess

    @property
    def command_environment(self) -> dict[str, str]:
        """The environment of its commands; serving has fewer privileges."""
        return {**self.environment, **self.privileges}

    def command(self, *arguments: str) -> list[str]:
        """The command line of one of its commands; without arguments it serves."""
        return [sys.executable, "-m", self.module, *arguments]

    def launch(self) -> None:
        """Start serving, and do not wait until it is ready."""
        self.process.start(self.command(), self.environment, REPOSITORY)

    async def start(self) -> None:
        """Start serving and return once it is ready; ProcessFailed if it does not become ready in time."""
        self.launch()
        async with aiohttp.ClientSession(timeout=PROBE, trust_env=False) as session:
            await self.process.wait_ready(lambda: answers_ready(session, self.url), READY_SECONDS)


async def answers_ready(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether the process at this address is ready: it answers `/health/ready` with 200."""
    try:
        async with session.get(f"{url}/health/ready", allow_redirects=False) as response:
            return response.status == 200
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


def make_applications(layout: Layout, addresses: Addresses) -> list[Application]:
    """The services and the gateway, each with the environment that it alone needs."""
    services = [make_service(name, layout, addresses) for name in SERVICE_NAMES]
    return [*services, make_gateway(layout, addresses)]


def make_service(name: str, layout: Layout, addresses: Addresses) -> Application:
    """One service: it gets the address of its own database and no other, with its own role and broker user."""
    own = addresses.services[name]
    variables = {
        "INTERNAL_TRUSTED_KEYS_FILE": str(layout.internal_keys_file("trusted")),
        "DATABASE_URL": own.database_url,
        "AMQP_URL": own.amqp_url,
        **addresses.urls_of(service_named(name).asks),
        **secret_settings(layout.secrets, service_named(name)),
        **addresses.settings_of(name),
        **_metrics_settings(own.metrics_url),
    }
    privileges = {
        "MIGRATION_DATABASE_URL": own.migration_database_url,
        "MIGRATION_AMQP_URL": addresses.amqp_url,
        "INSTALLATION": _installation(layout),
        "PUBLIC_URL": addresses.gateway_url,
    }
    return _application(name, f"services.{name}", own.url, variables, layout, privileges)


def _installation(layout: Layout) -> str:
    """The name of this stack in its events, made at its first start."""
    file = layout.installation_file
    if not file.exists():
        write_private(file, f"{uuid4()}\n")
    return file.read_text().strip()


def make_gateway(layout: Layout, addresses: Addresses) -> Application:
    """The gateway: it knows where the services are, and none of their secrets."""
    variables = {
        "REDIS_URL": addresses.redis_url,
        **addresses.urls_of(SERVICE_NAMES),
        **addresses.settings_of("gateway"),
        **_metrics_settings(addresses.gateway_metrics_url),
    }
    return _application("gateway", "gateway", addresses.gateway_url, variables, layout)


def _metrics_settings(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {"METRICS_HOST": str(parts.hostname), "METRICS_PORT": str(parts.port)} if parts.port else {}


def _application(
    name: str,
    module: str,
    url: str,
    variables: dict[str, str],
    layout: Layout,
    privileges: dict[str, str] | None = None,
) -> Application:
    host, _, port = url.removeprefix("http://").partition(":")
    environment = base_environment(
        HOST=host,
        PORT=port,
        TRACE_FILE=str(layout.spans / f"{name}.jsonl"),
        INTERNAL_KEYS_FILE=str(layout.internal_keys_file(name)),
        PYTHONUNBUFFERED="1",
        **variables,
    )
    return Application(name, module, url, environment, privileges or {}, application_process(layout, name))


def application_process(layout: Layout, name: str) -> ManagedProcess:
    """The process of a service or of the gateway."""
    return ManagedProcess(name, layout.run / f"{name}.pid", layout.log / f"{name}.log")


def application_url(state: State, name: str) -> str:
    """Where a service or the gateway listens."""
    return f"http://127.0.0.1:{state.ports[name]}"


def metrics_url(state: State, name: str) -> str:
    """Where the metrics of a service or of the gateway are read."""
    return f"http://127.0.0.1:{state.ports[metrics_port(name)]}/metrics"
