"""A private RabbitMQ node, with its own Erlang port mapper (epmd)."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from stack.errors import StackError
from stack.paths import Layout, write_private
from stack.processes.environment import base_environment
from stack.processes.managed_process import ManagedProcess
from stack.servers.erlang_modules import broker_of, link_alone, search_options
from stack.servers.rabbitmq_definitions import ADMINISTRATOR, Installation, definitions, subscriber_user
from stack.servers.requirements import Program, find_epmd

READY_SECONDS = 90.0
MAPPER_READY_SECONDS = 10.0
PROBE_SECONDS = 2.0
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"
# Schedulers that busy-wait would starve everything else on a small machine.
# The distribution is bound to the loopback interface like the rest.
ERLANG_OPTIONS = "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"

LOG_BYTES = 128_000_000
"""Size of the quorum queues' log, which is held in memory too. At the default size it alone would reach the memory
limit, and publishers would be blocked (RabbitMQ, "Quorum Queues": plan memory for three logs)."""


class RabbitMQServer:
    """One data directory and its node, which listens on 127.0.0.1 and asks for a password."""

    def __init__(
        self,
        program: Program,
        layout: Layout,
        ports: dict[str, int],
        node: str,
        passwords: Mapping[str, str],
        installations: Sequence[Installation] = (Installation(),),
        *,
        subscribers: Mapping[str, str] = {},
    ) -> None:
        self.name = "RabbitMQ"
        self.version = program.version_text
        self.port = ports["amqp"]
        self._ports = ports
        self._node = node
        self._programs = program.directory
        self._passwords = passwords
        self._installations = installations
        self._subscribers = subscribers
        self._all_passwords = {**passwords, **{subscriber_user(name): value for name, value in subscribers.items()}}
        self._home = layout.data / "rabbitmq"
        self._mnesia = self._home / "mnesia"
        self._plugins = self._home / "plugins"
        self._broker = broker_of(program.directory)
        self._complete = self._home / "complete"
        self._definitions = self._home / "definitions.json"
        self.process = rabbitmq_process(layout)
        self._mapper = mapper_process(layout)

    @property
    def url(self) -> str:
        """The address, as the administrator."""
        return self.url_of(ADMINISTRATOR)

    def url_of(self, user: str) -> str:
        """The address, as this user."""
        return f"amqp://{user}:{quote(self._all_passwords[user], safe='')}@127.0.0.1:{self.port}/"

    def call_command(self, call: str) -> tuple[list[str], dict[str, str]]:
        """A command line that calls a function on the node, as erl_call(1) writes it, and the environment it needs.

        Erlang's own program, installed beside epmd, takes 15 ms; `rabbitmqctl` takes two seconds.
        """
        return ["erl_call", "-sname", self._node, "-a", call], self._environment()

    def control_command(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """A command line of `rabbitmqctl` for the node, which takes two seconds, and the environment it needs."""
        return [str(self._programs / "rabbitmqctl"), "--quiet", *arguments], self._environment()

    def write_definitions(self, subscribers: Mapping[str, str]) -> Path:
        """The file of users and their permissions that the node reads at its start."""
        write_private(self._definitions, definitions(self._passwords, self._installations, subscribers))
        return self._definitions

    async def start(self) -> None:
        """Start the port mapper and the node, return once the node speaks AMQP."""
        self._home.mkdir(exist_ok=True)
        self._remove_half_made_data()
        environment = self._environment()
        await self._start_mapper(environment)
        self.write_definitions(self._subscribers)
        write_private(self._home / "rabbitmq.conf", self._configuration())
        write_private(self._home / "enabled_plugins", "[].\n")
        write_private(self._home / "rabbitmq-env.conf", "")
        if self._broker:
            link_alone(self._plugins, self._broker)
        self.process.start([str(self._programs / "rabbitmq-server")], environment, self._home)
        try:
            await self.process.wait_ready(self._speaks_amqp, READY_SECONDS)
        except BaseException:
            # A node ignores SIGTERM while it boots.
            await self.process.stop(0)
            raise
        self._complete.touch()

    def _remove_half_made_data(self) -> None:
        """Start over if the node was killed during its first boot: its data may be incomplete."""
        if self._mnesia.exists() and not self._complete.exists():
            shutil.rmtree(self._mnesia)

    async def _start_mapper(self, environment: dict[str, str]) -> None:
        epmd = find_epmd()
        if epmd is None:
            raise StackError("RabbitMQ needs Erlang's epmd (package erlang-base), which is missing.")
        port = self._ports["epmd"]
        command = [str(epmd), "-port", str(port), "-address", "127.0.0.1"]
        if self._mapper.identity() is None:  # it outlives its node, and the port is taken
            self._mapper.start(command, environment, self._home)
        await self._mapper.wait_ready(lambda: accepts_connections("127.0.0.1", port), MAPPER_READY_SECONDS)

    def _configuration(self) -> str:
        return (
            f"listeners.tcp.local = 127.0.0.1:{self.port}\n"
            f"load_definitions = {self._definitions}\n"
            "disk_free_limit.absolute = 100MB\nvm_memory_high_watermark.absolute = 512MB\n"
            f"raft.wal_max_size_bytes = {LOG_BYTES}\n"
        )

    def _environment(self) -> dict[str, str]:
        home = str(self._home)
        return base_environment(
            **self._search_for_modules(),
            HOME=home,
            RABBITMQ_NODENAME=self._node,
            RABBITMQ_CONFIG_FILE=f"{home}/rabbitmq.conf",
            RABBITMQ_ADVANCED_CONFIG_FILE=f"{home}/advanced.config",
            RABBITMQ_CONF_ENV_FILE=f"{home}/rabbitmq-env.conf",
            RABBITMQ_ENABLED_PLUGINS_FILE=f"{home}/enabled_plugins",
            RABBITMQ_MNESIA_BASE=str(self._mnesia),
            RABBITMQ_SCHEMA_DIR=f"{home}/schema",
            RABBITMQ_GENERATED_CONFIG_DIR=f"{home}/config",
            RABBITMQ_LOG_BASE=f"{home}/log",
            RABBITMQ_LOGS="-",
            RABBITMQ_PID_FILE=f"{home}/node.pid",
            RABBITMQ_DIST_PORT=str(self._ports["rabbitmq_distribution"]),
            ERL_EPMD_PORT=str(self._ports["epmd"]),
            ERL_EPMD_ADDRESS="127.0.0.1",
        )

    def _search_for_modules(self) -> dict[str, str]:
        epmd = find_epmd()
        if self._broker is None or epmd is None:
            return {"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG_OPTIONS}
        return {
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{ERLANG_OPTIONS} {search_options(self._broker, epmd)}",
            "RABBITMQ_PLUGINS_DIR": str(self._plugins),
        }

    async def _speaks_amqp(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await greeted_in_amqp(self.port)
        except (OSError, TimeoutError):
            return False


async def greeted_in_amqp(port: int) -> bool:
    """Whether a broker answers the protocol header with its first method (AMQP 0-9-1, 2.2.4 and 4.2.2)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(PROTOCOL_HEADER)
        return await reader.read(1) == METHOD_FRAME
    finally:
        writer.close()


async def accepts_connections(host: str, port: int) -> bool:
    """Whether something listens at this address."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def rabbitmq_process(layout: Layout) -> ManagedProcess:
    """The node's process: a shell that forwards SIGTERM to the Erlang VM, its child."""
    return ManagedProcess("RabbitMQ", layout.run / "rabbitmq.pid", layout.log / "rabbitmq.log")


def mapper_process(layout: Layout) -> ManagedProcess:
    """The port mapper's process."""
    return ManagedProcess("epmd", layout.run / "epmd.pid", layout.log / "epmd.log")
