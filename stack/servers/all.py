"""The three servers together."""

from collections.abc import Mapping, Sequence

from stack.config.ports import State
from stack.console import Steps
from stack.paths import Layout
from stack.processes.managed_process import ManagedProcess, recorded_processes
from stack.servers.credentials import Credentials
from stack.servers.postgres import NO_SETTINGS, PostgresServer, postgres_process
from stack.servers.rabbitmq import RabbitMQServer, mapper_process, rabbitmq_process
from stack.servers.rabbitmq_definitions import Installation
from stack.servers.redis import RedisServer, redis_process
from stack.servers.requirements import POSTGRES, RABBITMQ, REDIS, Program, Requirement

STOP_SECONDS = 20.0

Server = PostgresServer | RedisServer | RabbitMQServer


def make_servers(
    programs: dict[Requirement, Program],
    layout: Layout,
    state: State,
    credentials: Credentials,
    *,
    throwaway: bool = False,
    installations: Sequence[Installation] = (Installation(),),
    postgres_settings: Mapping[str, str] = NO_SETTINGS,
) -> list[Server]:
    """One server for each program found, not started yet. `throwaway` servers may lose their data.

    `installations` are those that the broker's users may serve; `postgres_settings` count before the usual ones.
    """
    servers: list[Server] = []
    for requirement, program in programs.items():
        if requirement == POSTGRES:
            port, password = state.ports["postgres"], credentials.postgres
            servers.append(
                PostgresServer(program, layout, port, password, throwaway=throwaway, settings=postgres_settings)
            )
        if requirement == REDIS:
            port, password = state.ports["redis"], credentials.redis
            servers.append(RedisServer(program, layout, port, password, throwaway=throwaway))
        if requirement == RABBITMQ:
            servers.append(
                RabbitMQServer(
                    program,
                    layout,
                    state.ports,
                    state.node,
                    credentials.of_broker(),
                    installations,
                    subscribers=credentials.subscribers,
                )
            )
    return servers


async def start_server(server: Server, steps: Steps) -> None:
    """Start a server and print its address once it is ready."""
    with steps.step(f"{server.name} {server.version}") as step:
        await server.start()
        step.result = f"127.0.0.1:{server.port}"


def server_processes(layout: Layout) -> list[ManagedProcess]:
    """The processes of the servers, in the order in which they are stopped: the node before its mapper."""
    return [rabbitmq_process(layout), postgres_process(layout), redis_process(layout), mapper_process(layout)]


def other_processes(layout: Layout, known: Sequence[ManagedProcess]) -> list[ManagedProcess]:
    """Other processes with a pid file: commands that were running when a start was killed."""
    known_files = {process.pid_file for process in known}
    recorded = recorded_processes(layout.run, layout.log)
    return [process for process in recorded if process.pid_file not in known_files]
