"""`./dev down`: stop the stack, the gateway first, so that nothing new comes in, the servers last; or one process."""

import asyncio
import signal
import time
from collections.abc import Sequence

from stack.commands.supervise import refuse_without_restarts
from stack.console import Steps
from stack.errors import StackError
from stack.paths import Layout
from stack.processes.file_lock import exclusive
from stack.processes.hold import hold, read_hold, release_stopped
from stack.processes.managed_process import ManagedProcess, send
from stack.processes.supervisor import supervisor_identity
from stack.product.applications import STOP_SECONDS, application_process
from stack.product.members import named, read_members
from stack.servers.all import STOP_SECONDS as SERVER_STOP_SECONDS
from stack.servers.all import other_processes, server_processes
from stack.services import SERVICE_NAMES

SUPERVISOR_SECONDS = 60.0
POLL_SECONDS = 0.1


async def down(layout: Layout, steps: Steps, names: Sequence[str] = ()) -> int:
    """Stop whatever of the stack runs, by its `./dev up` if that is there; or these processes of it. Returns 0."""
    layout.create()
    if names:
        async with exclusive(layout.lock_file, steps.say):
            await _stop_named(layout, names, steps)
        return 0
    await _stop_supervisor(layout, steps)
    async with exclusive(layout.lock_file, steps.say):
        stopped = await stop_everything(layout, steps)
        layout.supervisor_file.unlink(missing_ok=True)
        layout.supervision_file.unlink(missing_ok=True)
        steps.say("The stack is stopped; its data stay in .stack/." if stopped else "Nothing runs.")
    return 0


async def _stop_named(layout: Layout, names: Sequence[str], steps: Steps) -> None:
    """Stop these processes of the running stack; the supervisor leaves them alone until `./dev up` starts them."""
    refuse_without_restarts(layout)
    members = read_members(layout)
    for member in [named(members, name) for name in names]:
        held = read_hold(layout, member.name)
        if held and held.holder:
            raise StackError(f"{member.name} is running in the foreground as process {held.holder.pid}: end it there.")
        await hold(layout, member.name, steps.say)
        await _stop(member.process, member.stop_seconds, steps)
        steps.say(f"{member.name} is stopped until ./dev up {member.name}")


async def stop_everything(layout: Layout, steps: Steps) -> bool:
    """Stop every process that has a pid file; returns whether any ran. Repeating it does no harm."""
    layout.environment_file.unlink(missing_ok=True)
    release_stopped(layout)
    services = [application_process(layout, name) for name in SERVICE_NAMES]
    gateway = application_process(layout, "gateway")
    node, postgres, redis, mapper = server_processes(layout)
    others = other_processes(layout, [gateway, *services, node, postgres, redis, mapper])
    ran = False
    for group, seconds in (
        ([gateway, *others], STOP_SECONDS),
        (services, STOP_SECONDS),
        ([node, postgres, redis], SERVER_STOP_SECONDS),
        # The node takes its name off the mapper as it leaves.
        ([mapper], STOP_SECONDS),
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
    supervisor = supervisor_identity(layout)
    if supervisor is None:
        return
    with steps.step(f"Stop the supervisor, process {supervisor.pid}"):
        deadline = time.monotonic() + SUPERVISOR_SECONDS
        send(signal.SIGTERM, [supervisor])
        while supervisor.is_alive():
            if time.monotonic() > deadline:
                raise StackError(f"Process {supervisor.pid} did not stop within {SUPERVISOR_SECONDS:.0f} s.")
            await asyncio.sleep(POLL_SECONDS)
