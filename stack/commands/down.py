"""Stopping the stack: the gateway first, so that nothing new comes in, the servers last."""

import asyncio
import signal
import time
from collections.abc import Sequence

from stack.console import Steps
from stack.errors import StackError
from stack.paths import Layout
from stack.processes.file_lock import exclusive
from stack.processes.managed_process import ManagedProcess, send
from stack.processes.process_identity import read_identity
from stack.product.applications import SERVICES, application_process
from stack.servers.all import other_processes, server_processes

APPLICATION_SECONDS = 10.0
SERVER_SECONDS = 20.0
SUPERVISOR_SECONDS = 60.0
POLL_SECONDS = 0.1


async def down(layout: Layout, steps: Steps) -> int:
    """Stop whatever of the stack runs: by its `./dev up` if that is there, else directly. Answers 0."""
    layout.create()
    await _stop_supervisor(layout, steps)
    async with exclusive(layout.lock_file, steps.say):
        stopped = await stop_everything(layout, steps)
        layout.supervisor_file.unlink(missing_ok=True)
        steps.say("The stack is stopped; its data stay in .stack/." if stopped else "Nothing runs.")
    return 0


async def stop_everything(layout: Layout, steps: Steps) -> bool:
    """Stop every process that has a pid file; answers whether any ran. Repeating it does no harm."""
    layout.environment_file.unlink(missing_ok=True)
    services = [application_process(layout, name) for name in SERVICES]
    gateway = application_process(layout, "gateway")
    node, postgres, redis, mapper = server_processes(layout)
    others = other_processes(layout, [gateway, *services, node, postgres, redis, mapper])
    ran = False
    for group, seconds in (
        ([gateway, *others], APPLICATION_SECONDS),
        (services, APPLICATION_SECONDS),
        ([node, postgres, redis], SERVER_SECONDS),
        # The node takes its name off the mapper as it leaves.
        ([mapper], APPLICATION_SECONDS),
    ):
        ran |= await _stop_group(group, seconds, steps)
    return ran


async def _stop_group(group: Sequence[ManagedProcess], seconds: float, steps: Steps) -> bool:
    running = [process for process in group if process.members()]
    await asyncio.gather(*(_stop(process, seconds, steps) for process in running))
    for process in group:
        process.pid_file.unlink(missing_ok=True)
    return bool(running)


async def _stop(process: ManagedProcess, seconds: float, steps: Steps) -> None:
    with steps.step(f"Stop {process.name}"):
        await process.stop(seconds)


async def _stop_supervisor(layout: Layout, steps: Steps) -> None:
    supervisor = read_identity(layout.supervisor_file)
    if supervisor is None or not supervisor.is_alive():
        return
    with steps.step(f"Stop the ./dev up that runs as process {supervisor.pid}"):
        deadline = time.monotonic() + SUPERVISOR_SECONDS
        send(signal.SIGTERM, [supervisor])
        while supervisor.is_alive():
            if time.monotonic() > deadline:
                raise StackError(f"Process {supervisor.pid} did not stop within {SUPERVISOR_SECONDS:.0f} s.")
            await asyncio.sleep(POLL_SECONDS)
