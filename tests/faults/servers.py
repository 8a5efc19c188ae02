"""Servers of the bed's own, with durable settings, that can be killed, frozen and starved."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import psutil
from rich.console import Console

from stack.commands.test import PREFIX
from stack.config.ports import load_state
from stack.console import Steps
from stack.paths import STACK_DIRECTORY, Layout
from stack.processes.managed_process import ManagedProcess
from stack.processes.process_identity import own_identity
from stack.servers.all import make_servers, other_processes, server_processes
from stack.servers.credentials import Credentials, load_credentials
from stack.servers.packages import provide
from stack.servers.postgres import PostgresServer
from stack.servers.rabbitmq import RabbitMQServer
from stack.servers.redis import RedisServer
from stack.servers.requirements import POSTGRES, RABBITMQ, REDIS
from tests.faults.signals import family, freeze, kill, thaw

Running = PostgresServer | RedisServer | RabbitMQServer
S = TypeVar("S", bound=Running)

FOR_TWO_OF_EACH = {"max_connections": "300"}
"""Two processes of each service and now and then a third have some 180, beside those of whoever looks."""


@dataclass
class Servers:
    """PostgreSQL, Redis and RabbitMQ on ports of their own; data outlive a kill, as on a real machine."""

    postgres: PostgresServer
    redis: RedisServer
    rabbitmq: RabbitMQServer
    layout: Layout
    credentials: Credentials
    interrupted: int = 0
    """How often the database was killed or frozen."""

    def processes_of(self, server: Running) -> list[psutil.Process]:
        """The server's process and all that it has started."""
        identity = server.process.identity()
        return family(identity.pid) if identity else []

    def kill(self, server: Running) -> None:
        """`kill -9` of all of it; returns once it is gone."""
        self.interrupted += server is self.postgres
        processes = self.processes_of(server)
        kill(processes)
        psutil.wait_procs(processes, timeout=10)

    def freeze(self, server: Running) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""
        self.interrupted += server is self.postgres
        freeze(self.processes_of(server))

    def thaw(self, server: Running) -> None:
        thaw(self.processes_of(server))

    async def revive(self, server: Running) -> None:
        """Whatever was done to it: afterwards it runs and answers."""
        self.thaw(server)
        if server.process.identity() is None:
            await server.process.stop(0)  # what a killed leader has left
            await server.start()

    def alive(self, server: Running) -> bool:
        return server.process.identity() is not None

    async def queue_outlives_a_kill(self, name: str) -> bool:
        """Whether a quorum queue's registration has reached the disk.

        That takes up to three seconds; of a broker killed before, the queue never gets a leader again (RabbitMQ 3.10).
        """
        return any(name.encode() in path.read_bytes() for path in self.layout.data.rglob("quorum/*/names.dets"))

    async def need_free_disk(self, size: int) -> None:
        """RabbitMQ's disk alarm is on while fewer bytes than these are free."""
        command, environment = self.rabbitmq.call_command(f"rabbit_disk_monitor set_disk_free_limit [{size}]")
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        assert (process.returncode, output) == (0, b"ok"), output.decode()


@asynccontextmanager
async def running_servers(name: str) -> AsyncIterator[Servers]:
    """Started, and gone with their data afterwards; `./dev test` sweeps away what a killed run leaves."""
    layout = own_layout(name)
    layout.create()
    try:
        with Steps(Console(stderr=True)) as steps:
            programs = await asyncio.to_thread(provide, (POSTGRES, REDIS, RABBITMQ), steps, layout.log / "install.log")
        credentials = load_credentials(layout.secrets)
        made = make_servers(
            programs, layout, load_state(layout.state_file), credentials, postgres_settings=FOR_TWO_OF_EACH
        )
        servers = Servers(
            _of(PostgresServer, made), _of(RedisServer, made), _of(RabbitMQServer, made), layout, credentials
        )
        await asyncio.gather(*(server.start() for server in made))
        yield servers
    finally:
        await _remove(layout)


def own_layout(name: str) -> Layout:
    """A directory that is known to belong to this process, and swept away once it is gone."""
    identity = own_identity()
    return Layout(STACK_DIRECTORY / f"{PREFIX}{identity.pid}-{identity.started}-{name}")


def _of(kind: type[S], servers: list[Running]) -> S:
    [server] = [server for server in servers if isinstance(server, kind)]
    return server


async def _remove(layout: Layout) -> None:
    servers = server_processes(layout)
    for process in servers:
        _thaw_recorded(process)
    await asyncio.gather(*(process.stop(0) for process in (*servers, *other_processes(layout, servers))))
    await asyncio.to_thread(shutil.rmtree, layout.root, ignore_errors=True)


def _thaw_recorded(process: ManagedProcess) -> None:
    identity = process.identity()
    if identity is not None:
        thaw(family(identity.pid))
