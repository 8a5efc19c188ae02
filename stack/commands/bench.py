"""`./dev bench`: the comparisons, on servers of their own that keep what they acknowledge, with the peers beside."""

import asyncio
import os
import shutil
import sys
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from stack.commands.test import own_layout, run_module, service_urls
from stack.config.ports import load_state
from stack.console import Steps
from stack.paths import REPOSITORY, STACK_DIRECTORY, Layout
from stack.processes.file_lock import exclusive
from stack.processes.managed_process import ManagedProcess
from stack.servers.all import Server, make_servers, start_server
from stack.servers.credentials import load_credentials
from stack.servers.packages import provide
from stack.servers.rabbitmq_definitions import Installation
from stack.servers.requirements import HAPROXY, POSTGRES, RABBITMQ, REDIS, WRK, Program, Requirement
from stack.signals import all_or_first_error, interruptible

INSTALLATIONS = (
    Installation(),
    *(Installation(f"bench.events.{number}", f"bench.{number}") for number in range(1, 8)),
)
"""Each system that is measured takes names of its own on the broker; the first has the usual ones."""
POSTGRES_SETTINGS = {
    "max_connections": "300",
    "shared_buffers": "1GB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "track_commit_timestamp": "on",
}
"""Room for the data set in memory, and no checkpoint of the loading during a measurement. Commits reach the disk, and
tell when they did."""
PEERS_LOCK = REPOSITORY / "bench" / "peers" / "requirements.lock"
INSTALL_SECONDS = 600.0


def bench(arguments: Sequence[str]) -> int:
    """Run the comparisons with these arguments; answers their exit status, or 130 when stopped by a signal."""
    if {"-h", "--help"} & set(arguments):
        return asyncio.run(run_module("bench", arguments, {}))
    return asyncio.run(interruptible(_bench(arguments), stopped_status=130))


async def _bench(arguments: Sequence[str]) -> int:
    async with own_layout() as layout:
        with Steps(Console(stderr=True)) as steps:
            log = Layout(STACK_DIRECTORY).log / "install.log"
            programs = await asyncio.to_thread(provide, (POSTGRES, REDIS, RABBITMQ, HAPROXY, WRK), steps, log)
            peers_python = await _peers_environment(Layout(STACK_DIRECTORY), steps)
            servers = await _start_servers(programs, layout, steps)
        return await run_module("bench", arguments, _variables(programs, servers, layout, peers_python))


async def _start_servers(programs: dict[Requirement, Program], layout: Layout, steps: Steps) -> list[Server]:
    state, credentials = load_state(layout.state_file), load_credentials(layout.secrets)
    servers = make_servers(
        programs, layout, state, credentials, installations=INSTALLATIONS, postgres_settings=POSTGRES_SETTINGS
    )
    await all_or_first_error([start_server(server, steps) for server in servers])
    return servers


def _variables(
    programs: dict[Requirement, Program], servers: Sequence[Server], layout: Layout, peers_python: Path
) -> dict[str, str]:
    urls = {server.name: server.url for server in servers}
    return {
        "BENCH_DIRECTORY": str(layout.root),
        "BENCH_DATABASE_URL": urls[POSTGRES.name],
        "BENCH_REDIS_URL": urls[REDIS.name],
        "BENCH_AMQP_URL": urls[RABBITMQ.name],
        **{f"BENCH_{user.upper()}_AMQP_URL": url for user, url in service_urls(servers).items()},
        "BENCH_HAPROXY": str(programs[HAPROXY].directory / "haproxy"),
        "BENCH_WRK": str(programs[WRK].directory / "wrk"),
        "BENCH_PGBENCH": str(programs[POSTGRES].directory / "pgbench"),
        "BENCH_PEERS_PYTHON": str(peers_python),
    }


async def _peers_environment(layout: Layout, steps: Steps) -> Path:
    """The Python of the peers, with exactly the packages of their lock; created again when that has changed."""
    home = layout.root / "bench-venv"
    python, stamp = home / "bin" / "python", home / "installed.txt"
    lock = f"{zlib.crc32(PEERS_LOCK.read_bytes()):08x}"
    async with exclusive(layout.root / "bench-venv.lock", steps.say, "installing the packages of the peers"):
        if not stamp.exists() or stamp.read_text() != lock:
            with steps.step("Python packages of the peers"):
                await _install(layout, home, python)
            stamp.write_text(lock)
    return python


async def _install(layout: Layout, home: Path, python: Path) -> None:
    # Of what an installation that was killed has left, nothing is sure.
    await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
    run = partial(
        ManagedProcess("peers", layout.run / "peers.pid", layout.log / "peers.log").run,
        environment=os.environ,  # which may say how pip reaches its index
        directory=REPOSITORY,
        seconds=INSTALL_SECONDS,
    )
    await run([sys.executable, "-m", "venv", str(home)])
    options = ["--disable-pip-version-check", "--no-input", "--require-hashes", "--requirement", str(PEERS_LOCK)]
    await run([str(python), "-m", "pip", "install", *options])
