"""`./dev up`: start, announce, watch, stop."""

import asyncio

from stack.commands.down import stop_everything
from stack.commands.start import GivenServers, start_stack
from stack.config.addresses import parse_assignments
from stack.console import Steps
from stack.paths import STACK_DIRECTORY, Layout, write_private
from stack.processes.file_lock import exclusive
from stack.processes.managed_process import ManagedProcess, recorded_processes
from stack.processes.process_identity import own_status_line, read_identity
from stack.product.applications import SERVICES
from stack.product.issuer import ADMIN
from stack.servers.packages import remove_stale_policy
from stack.signals import interruptible

WATCH_SECONDS = 0.5
INTERRUPTED = 130


def up(steps: Steps, *, detach: bool) -> int:
    """Run the stack; answers 0 when it runs already or was stopped on request, 1 when a process died."""
    return asyncio.run(interruptible(_up(Layout(STACK_DIRECTORY), steps, detach), INTERRUPTED))


async def _up(layout: Layout, steps: Steps, detach: bool) -> int:
    layout.create()
    async with exclusive(layout.lock_file, steps.say):
        if is_running(layout):
            steps.say("The stack runs already.")
            announce(layout, steps)
            return 0
        write_private(layout.supervisor_file, own_status_line())
        await _start_or_stop(layout, steps)
        if detach:
            layout.supervisor_file.unlink()
    announce(layout, steps)
    if detach:
        steps.say("Stop it with ./dev down")
        return 0
    steps.say("Stop it with Ctrl-C")
    return await _watch(layout, steps)


def is_running(layout: Layout) -> bool:
    """Whether a start was completed, all its processes live, and so does the `up` that watches them, if any."""
    supervisor = read_identity(layout.supervisor_file)
    watched = not layout.supervisor_file.exists() or (supervisor is not None and supervisor.is_alive())
    processes = recorded_processes(layout.run, layout.log)
    complete = {*SERVICES, "gateway"} <= {process.name for process in processes}
    return layout.environment_file.exists() and watched and complete and not _dead(processes)


async def _start_or_stop(layout: Layout, steps: Steps) -> None:
    remove_stale_policy()
    if await stop_everything(layout, steps):
        steps.say("What an earlier start had left is stopped.")
    try:
        await start_stack(layout, GivenServers.from_environment(), steps)
    except BaseException:
        steps.say("Not started.")
        await stop_everything(layout, steps)
        layout.supervisor_file.unlink()
        raise


async def _watch(layout: Layout, steps: Steps) -> int:
    processes = recorded_processes(layout.run, layout.log)
    status = 0
    try:
        while not (dead := _dead(processes)):  # noqa: ASYNC110 - they may be another command's children
            await asyncio.sleep(WATCH_SECONDS)
        steps.say(str(dead[0].failure(f"{dead[0].name} ended by itself.")))
        status = 1
    except asyncio.CancelledError:
        steps.say("Stopping")
    async with exclusive(layout.lock_file, steps.say):
        await stop_everything(layout, steps)
        layout.supervisor_file.unlink()
    return status


def _dead(processes: list[ManagedProcess]) -> list[ManagedProcess]:
    return [process for process in processes if process.identity() is None]


def announce(layout: Layout, steps: Steps) -> None:
    """Say where the API is, how to log in, and give a command to try."""
    variables = parse_assignments(layout.environment_file.read_text())
    gateway, token = variables["GATEWAY_URL"], variables["TOKEN"]
    steps.say(f"\nAPI     {gateway}/api/v1")
    steps.say(f"Health  {gateway}/health/ready")
    steps.say(f"Login   {ADMIN.email}, password in .stack/secrets/demonstration_login")
    steps.say("Logs    .stack/log/   Addresses  .stack/env   Guide  README.md")
    steps.say(f"Token   {token}")
    steps.say(f"\n  curl -H 'Authorization: Bearer {token}' {gateway}/api/v1/training/courses\n")
