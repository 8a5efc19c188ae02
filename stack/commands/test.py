"""`./dev test`: run the suite against private servers, which leave nothing behind."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from rich.console import Console

from stack.commands.typescript import TESTS as TESTS_OF_TYPES
from stack.commands.typescript import compiler_variables
from stack.config.addresses import VARIABLES
from stack.config.ports import load_state
from stack.console import Steps
from stack.paths import REPOSITORY, STACK_DIRECTORY, Layout
from stack.processes.process_identity import ProcessIdentity, own_identity
from stack.servers.all import Server, make_servers, other_processes, server_processes, start_server
from stack.servers.credentials import load_credentials, make_subscriber
from stack.servers.databases import keep_roles_out_of_maintenance
from stack.servers.packages import provide
from stack.servers.rabbitmq import RabbitMQServer
from stack.servers.rabbitmq_definitions import Installation, subscriber_user
from stack.servers.requirements import ALERTMANAGER, CHROMIUM, POSTGRES, PROMETHEUS, RABBITMQ, REDIS
from stack.services import SERVICE_NAMES
from stack.signals import all_or_first_error, interruptible

PREFIX = "test-"
INSTALLATIONS = tuple(Installation(f"test.events.{number}", f"test.{number}") for number in range(128))
"""Names that the users of the run's broker may serve: each system that a test starts takes an unused one."""
SUBSCRIBER: Final = "example"
"""Has a user on the run's broker."""
PARTS: Final = (
    (
        "--numprocesses=2",
        "--dist=loadfile",
        "--no-loadscope-reorder",
        "--max-worker-restart=0",
        "--ignore=tests/faults",
        "--ignore=tests/outsiders",
        "-m",
        "not long",
    ),
    ("tests/faults", "-m", "not long"),
)
"""The whole suite but for what is marked as long: the faults by themselves, since their figures are times and rates,
and before them everything else in the order of its folders, of which the last has the shortest tests. With a process
more than a small machine has processors, systems under test refuse what they are too busy for. A test that hangs ends
its worker and with it the run: xdist 3.8 gives the replacement of a worker a single test and then waits for it for
ever."""
TESTS_FAILED: Final = 1
"""Pytest's exit status; a higher one means that it was interrupted or could not run."""
PAGES: Final = REPOSITORY / "tests" / "pages"
"""The tests that need a browser."""
OBSERVED: Final = (REPOSITORY / "tests" / "observability", REPOSITORY / "tests" / "faults")
"""The tests that need Prometheus."""
MEMORY = Path("/dev/shm")  # noqa: S108 - the directories in it are made by mkdtemp
MEMORY_BYTES = 2 * 2**30
"""Must be free there; the suite takes 0.4 GB."""
OWN_STOP_SECONDS = 2.0
MODULE_STOP_SECONDS = 20.0
# A shell that has read `.stack/env` would otherwise hand a running stack's addresses to the suite.
NOT_PASSED_ON = frozenset(
    {
        "DATABASE_URL", "MIGRATION_DATABASE_URL", "MIGRATION_AMQP_URL",
        "TOKEN", "HOST", "PORT", "LOG_LEVEL",
        "INTERNAL_KEYS_FILE", "INTERNAL_TRUSTED_KEYS_FILE",
        "ACCOUNTS_SECRET", "ACCOUNTS_SECRET_PREVIOUS", "DELIVERY_SECRET", "DELIVERY_SECRET_PREVIOUS",
        "ENROLLMENT_SECRET", "ENROLLMENT_SECRET_PREVIOUS",
        "TOKEN_ISSUER", "TOKEN_AUDIENCE",
        "PROVIDERS", "PUBLIC_URL", "INVITATION_URL", "INSTALLATION", "CORS_ORIGINS",
        *VARIABLES,
    }
)  # fmt: skip


def test(pytest_arguments: Sequence[str]) -> int:
    """Run pytest with these arguments, or the whole suite; returns its exit status, or 130 when stopped by a signal."""
    variables = browser_variables() if can_run(PAGES, pytest_arguments) else {}
    variables |= compiler_variables() if can_run(TESTS_OF_TYPES, pytest_arguments) else {}
    if any(can_run(tests, pytest_arguments) for tests in OBSERVED):
        variables |= prometheus_variables()

    async def run(servers: Sequence[Server]) -> int:
        if pytest_arguments:
            return await run_pytest(pytest_arguments, servers, **variables)
        return await run_parts(servers, **variables)

    return asyncio.run(interruptible(with_servers(run), stopped_status=130))


def can_run(tests: Path, pytest_arguments: Sequence[str]) -> bool:
    """Whether pytest with these arguments, or none, can run tests of this folder."""
    named = [REPOSITORY / argument.partition("::")[0] for argument in pytest_arguments if argument[:1] != "-"]
    paths = [path.resolve() for path in named if path.exists()]
    return not paths or any(tests.is_relative_to(path) or path.is_relative_to(tests) for path in paths)


def browser_variables() -> dict[str, str]:
    """Where the tests find the browser, which is installed if it is missing and that is allowed."""
    layout = Layout(STACK_DIRECTORY)
    layout.create()
    with Steps(Console(stderr=True)) as steps:
        browser = provide((CHROMIUM,), steps, layout.log / "install.log")[CHROMIUM]
    return {"CHROMIUM": str(browser.directory / CHROMIUM.package)}


def prometheus_variables() -> dict[str, str]:
    """Where the tests find Prometheus and Alertmanager with their tools, which are installed as the browser is."""
    layout = Layout(STACK_DIRECTORY)
    layout.create()
    with Steps(Console(stderr=True)) as steps:
        found = provide((PROMETHEUS, ALERTMANAGER), steps, layout.log / "install.log")
    prometheus, alertmanager = found[PROMETHEUS].directory, found[ALERTMANAGER].directory
    return {
        "PROMETHEUS": str(prometheus / "prometheus"),
        "PROMTOOL": str(prometheus / "promtool"),
        "AMTOOL": str(alertmanager / "amtool"),
    }


async def run_parts(servers: Sequence[Server], **variables: str) -> int:
    """Run every part, even after failed tests in an earlier one; returns the highest exit status."""
    worst = 0
    for part in PARTS:
        worst = max(worst, await run_pytest(part, servers, **variables))
        if worst > TESTS_FAILED:
            break
    return worst


async def with_servers(run: Callable[[Sequence[Server]], Awaitable[int]]) -> int:
    """Start servers, run, and remove every trace of them; returns the exit status of `run`."""
    async with own_layout() as layout:
        return await run(await _start_servers(layout))


@asynccontextmanager
async def own_layout() -> AsyncIterator[Layout]:
    """A directory of this run's own; what has a pid file there is stopped at the end, and the directory removed."""
    Layout(STACK_DIRECTORY).create()
    await sweep()
    identity = own_identity()
    layout = Layout(STACK_DIRECTORY / f"{PREFIX}{identity.pid}-{identity.started}")
    layout.create()
    try:
        yield layout
    finally:
        await _remove(layout)


def keep_in_memory(layout: Layout) -> None:
    """Keep the servers' data in memory if there is room, so that nothing waits for a disk: it is thrown away anyway."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES:
        layout.data.rmdir()
        layout.data.symlink_to(mkdtemp(prefix=f"muster-{layout.root.name}-", dir=MEMORY))


async def _start_servers(layout: Layout) -> list[Server]:
    keep_in_memory(layout)
    # Everything but pytest's own output goes to standard error.
    with Steps(Console(stderr=True)) as steps:
        install_log = Layout(STACK_DIRECTORY).log / "install.log"
        programs = await asyncio.to_thread(provide, (POSTGRES, REDIS, RABBITMQ), steps, install_log)
        make_subscriber(layout.secrets, SUBSCRIBER)
        state, credentials = load_state(layout.state_file), load_credentials(layout.secrets)
        servers = make_servers(programs, layout, state, credentials, throwaway=True, installations=INSTALLATIONS)
        await all_or_first_error([start_server(server, steps) for server in servers])
        await keep_roles_out_of_maintenance(next(server.url for server in servers if server.name == POSTGRES.name))
    return servers


async def run_pytest(arguments: Sequence[str], servers: Sequence[Server], **variables: str) -> int:
    """Run pytest on these servers, with more variables in its environment; returns its exit status."""
    urls = {server.name: server.url for server in servers}
    environment = {
        "TEST_DATABASE_URL": urls["PostgreSQL"],
        "TEST_REDIS_URL": urls["Redis"],
        "TEST_AMQP_URL": urls["RabbitMQ"],
        **{f"TEST_{user.upper()}_AMQP_URL": url for user, url in service_urls(servers).items()},
        "TEST_SUBSCRIBER_AMQP_URL": broker_of(servers).url_of(subscriber_user(SUBSCRIBER)),
        **variables,
    }
    return await run_module("pytest", arguments, environment)


async def run_module(module: str, arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run `python -m module arguments` with more variables in its environment; returns its exit status."""
    environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, env={**environment, **variables}, cwd=REPOSITORY)  # noqa: ASYNC220 - takes 1 ms
    try:
        return await asyncio.to_thread(process.wait)
    except asyncio.CancelledError:
        await asyncio.to_thread(_end, process)
        raise


def service_urls(servers: Sequence[Server]) -> dict[str, str]:
    """The broker's addresses as the services' own users."""
    broker = broker_of(servers)
    return {name: broker.url_of(name) for name in SERVICE_NAMES}


def broker_of(servers: Sequence[Server]) -> RabbitMQServer:
    """The one of these servers that is RabbitMQ."""
    return next(server for server in servers if isinstance(server, RabbitMQServer))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let the process finish its report after an interruption, within limits."""
    # A terminal's Ctrl-C has reached pytest already, and a second one would cut its report short.
    for wait, number in ((OWN_STOP_SECONDS, signal.SIGINT), (MODULE_STOP_SECONDS, signal.SIGKILL)):
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
    process.wait(MODULE_STOP_SECONDS)


async def sweep() -> None:
    """Stop the servers and remove the directories of runs whose process has ended."""
    for directory in STACK_DIRECTORY.glob(f"{PREFIX}*"):
        owner = run_owner(directory)
        if owner is not None and not owner.is_alive():
            await _remove(Layout(directory))


def run_owner(directory: Path) -> ProcessIdentity | None:
    """The process whose run a directory belongs to, by its name; None when it is no such directory."""
    pid, started, *_ = [*directory.name.removeprefix(PREFIX).split("-"), ""]
    return ProcessIdentity(int(pid), int(started)) if pid.isdigit() and started.isdigit() else None


async def _remove(layout: Layout) -> None:
    servers = server_processes(layout)
    others = other_processes(layout, servers)
    await asyncio.gather(*(process.stop(0) for process in (*servers, *others)))
    for directory in (layout.data.resolve(), layout.root):  # the data may be elsewhere
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
