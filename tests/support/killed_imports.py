"""Workers of imports that are killed where a test says."""

import asyncio
import os
import signal
from pathlib import Path

from stack.config.ports import reserve_port
from tests.support.forks import ForkedProcess, fork
from tests.support.import_workers import Workers
from tests.support.service_process import REPOSITORY, environment


async def kill(workers: Workers, output: Path, crash_at: str) -> None:
    """Lets a process of enrollment work until it comes to that point."""
    process = await _worker(workers, output, crash_at)
    try:
        async with asyncio.timeout(40):
            assert await process.wait() == -signal.SIGKILL
    finally:
        process.send_signal(signal.SIGKILL)
    await workers.end_leases()


async def _worker(workers: Workers, output: Path, crash_at: str) -> ForkedProcess:
    """A process of enrollment that publishes, follows events and imports, until it is killed there."""
    settings = {**dict(workers.stack.settings["enrollment"]), "port": reserve_port(), "crash_at": f"import: {crash_at}"}
    return await fork(
        "tests.faults.launcher",
        "services.enrollment",
        "--role",
        "worker",
        directory=REPOSITORY,
        environment={**os.environ, **environment(settings)},
        output=output,
    )
