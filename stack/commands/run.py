"""`./dev run NAME`: a service or the gateway in the foreground, in place of the stack's own process."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping

from rich.console import Console

from stack.commands.operate import Invocation
from stack.commands.supervise import refuse_without_restarts, start_supervisor
from stack.config.addresses import read_addresses
from stack.console import Steps
from stack.errors import StackError
from stack.paths import REPOSITORY, STACK_DIRECTORY, Layout
from stack.processes.file_lock import exclusive
from stack.processes.hold import hold, read_hold
from stack.processes.supervisor import supervisor_identity
from stack.product.applications import Application, make_applications
from stack.product.members import named, read_members
from stack.signals import interruptible

INTERRUPTED = 130
FROM_THE_SHELL = ("TERM", "LOG_LEVEL", "PYTHONBREAKPOINT", "PYTHONASYNCIODEBUG")
STANDARD_ERROR = 2


def run(name: str, *, debug: bool) -> int:
    """Become the process: terminal, signals and exit status are its own. When it ends, the supervisor starts another.

    Returns only when a signal stops it before; raises StackError for a name that is not the gateway's or a service's.
    """
    layout = Layout(STACK_DIRECTORY)
    application = runnable(make_applications(layout, read_addresses(layout)), name)
    with Steps(Console()) as steps:
        status = asyncio.run(interruptible(take_over(layout, name, steps), INTERRUPTED))
    if status != 0:
        return status
    _show_lines_of(application)
    return foreground_invocation(application, os.environ, debug=debug).become()


def runnable(applications: list[Application], name: str) -> Application:
    """The one of this name; StackError with the names that there are."""
    found = next((application for application in applications if application.name == name), None)
    if found is None:
        names = ", ".join(application.name for application in applications)
        raise StackError(f"Unknown process {name!r}. The processes are {names}.")
    return found


async def take_over(layout: Layout, name: str, steps: Steps) -> int:
    """Stop the stack's own process; the supervisor starts no other for as long as this process lives. Returns 0."""
    async with exclusive(layout.lock_file, steps.say):
        refuse_without_restarts(layout)
        member = named(read_members(layout), name)
        held = read_hold(layout, name)
        if held and held.holder:
            raise StackError(f"{name} is already running in the foreground as process {held.holder.pid}.")
        if supervisor_identity(layout) is None:
            await start_supervisor(layout)
        await hold(layout, name, steps.say, while_this_process_lives=True)
        with steps.step(f"Stop the stack's own {name}"):
            await member.process.stop(member.stop_seconds)
    return 0


def foreground_invocation(application: Application, shell: Mapping[str, str], *, debug: bool) -> Invocation:
    """With the environment of the stack's own process, and what of the shell's concerns a person at a terminal."""
    python, *arguments = application.command()
    more = {name: shell[name] for name in FROM_THE_SHELL if name in shell}
    debugger = ["-m", "pdb"] if debug else []
    return Invocation([python, *debugger, *arguments], {**application.environment, **more})


def _show_lines_of(application: Application) -> None:
    """Have another process write what comes on standard error, to the terminal readable and to the log as it is."""
    name, log_file = application.name, application.process.log_file
    command = [sys.executable, "-m", "stack.commands.show_lines", name, str(log_file)]
    # Ctrl-C is for the process whose lines these are; this one ends with the last of them. What is ignored stays so.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=REPOSITORY)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    assert reader.stdin is not None  # noqa: S101 - it was asked for
    os.dup2(reader.stdin.fileno(), STANDARD_ERROR)
