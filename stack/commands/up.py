"""`./dev up`: start, announce, supervise, stop. `./dev up NAME`: start one process of the running stack."""

import asyncio
from collections.abc import Sequence

from stack.commands.down import stop_everything
from stack.commands.start import GivenServers, start_stack
from stack.commands.supervise import start_supervisor, supervise
from stack.config.addresses import given_settings, parse_assignments, read_addresses
from stack.console import Steps
from stack.errors import StackError
from stack.paths import STACK_DIRECTORY, Layout, write_private
from stack.processes.file_lock import exclusive
from stack.processes.hold import read_hold, release
from stack.processes.managed_process import recorded_processes
from stack.processes.process_identity import own_status_line
from stack.processes.supervisor import read_supervision, supervisor_identity
from stack.product.applications import READY_SECONDS
from stack.product.issuer import ADMIN
from stack.product.members import Member, named, read_members
from stack.servers.packages import remove_stale_policy
from stack.services import SERVICE_NAMES
from stack.signals import all_or_first_error, interruptible

INTERRUPTED = 130


def up(steps: Steps, *, detach: bool, names: Sequence[str] = ()) -> int:
    """Run the stack, or start these processes of the running one; returns 0, or 130 when stopped by a signal."""
    layout = Layout(STACK_DIRECTORY)
    work = _up_named(layout, steps, names) if names else _up(layout, steps, detach)
    return asyncio.run(interruptible(work, INTERRUPTED))


async def _up(layout: Layout, steps: Steps, detach: bool) -> int:
    layout.create()
    async with exclusive(layout.lock_file, steps.say):
        if is_running(layout):
            steps.say("The stack runs already.")
            if (settings := given_settings()) and settings != read_addresses(layout).settings:
                steps.say("Its gateway keeps the settings it has: ./dev down and ./dev up apply those given.")
            await complete(layout, read_members(layout), steps)
            announce(layout, steps)
            return 0
        write_private(layout.supervisor_file, own_status_line())
        await _start_or_stop(layout, steps)
        if detach:
            await start_supervisor(layout)
    announce(layout, steps)
    if detach:
        steps.say("Stop it with ./dev down")
        return 0
    steps.say("Stop it with Ctrl-C")
    return await _supervise_until_stopped(layout, steps)


async def _up_named(layout: Layout, steps: Steps, names: Sequence[str]) -> int:
    layout.create()
    async with exclusive(layout.lock_file, steps.say):
        members = read_members(layout)
        await complete(layout, [named(members, name) for name in names], steps)
    return 0


def is_running(layout: Layout) -> bool:
    """Whether the stack was started completely, and each of its processes lives, is held, or will be restarted."""
    try:
        read_addresses(layout)
    except StackError:
        return False
    if read_supervision(layout):
        return True
    processes = {process.name: process for process in recorded_processes(layout.run, layout.log)}
    needed = {*SERVICE_NAMES, "gateway", *processes}
    return all((name in processes and processes[name].identity()) or read_hold(layout, name) for name in needed)


async def complete(layout: Layout, members: Sequence[Member], steps: Steps) -> None:
    """Start those that do not run, and a supervisor where the stack has none."""
    await all_or_first_error([_start(layout, member, steps) for member in members if not member.given])
    if supervisor_identity(layout) is None:
        supervisor = await start_supervisor(layout)
        steps.say(f"The stack had no supervisor: process {supervisor.pid} restarts what ends by itself.")


async def _start(layout: Layout, member: Member, steps: Steps) -> None:
    held = read_hold(layout, member.name)
    if held and held.holder:
        steps.say(f"{member.name} is running in the foreground as process {held.holder.pid}.")
        return
    release(layout, member.name)
    if member.process.identity():
        return
    with steps.step(member.name) as step:
        async with exclusive(layout.process_lock_file(member.name), steps.say, f"starting or stopping {member.name}"):
            if member.process.identity() is None:  # else the supervisor was first
                await member.launch()
        await member.process.wait_ready(member.is_healthy, READY_SECONDS)
        step.result = member.address


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


async def _supervise_until_stopped(layout: Layout, steps: Steps) -> int:
    try:
        return await supervise(layout, steps.say)
    except asyncio.CancelledError:
        steps.say("Stopping")
        return 0
    finally:
        async with exclusive(layout.lock_file, steps.say):
            await stop_everything(layout, steps)
            layout.supervisor_file.unlink(missing_ok=True)


def announce(layout: Layout, steps: Steps) -> None:
    """Say where the API is, how to log in, and give a command to try."""
    variables = parse_assignments(layout.environment_file.read_text())
    gateway, token = variables["GATEWAY_URL"], variables["TOKEN"]
    steps.say(f"\nDocs    {gateway}/docs")
    steps.say(f"API     {gateway}/api/v1")
    steps.say(f"Health  {gateway}/health/ready")
    steps.say(f"Login   {ADMIN.email}, password in .stack/secrets/demonstration_login")
    steps.say("Logs    .stack/log/   Addresses  .stack/env   Guide  README.md")
    steps.say(f"Token   {token}")
    steps.say(f"\n  curl -H 'Authorization: Bearer {token}' {gateway}/api/v1/training/courses\n")
