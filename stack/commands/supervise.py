"""`python -m stack.commands.supervise`: the supervisor that `./dev up --detach` leaves behind."""

import asyncio
import os
import sys
from pathlib import Path

from stack.errors import StackError
from stack.paths import REPOSITORY, Layout
from stack.processes.managed_process import ManagedProcess
from stack.processes.process_identity import ProcessIdentity
from stack.processes.supervisor import Report, Supervisor, read_supervision, supervisor_identity
from stack.product.members import read_members
from stack.signals import interruptible

READY_SECONDS = 30.0


async def supervise(layout: Layout, report: Report) -> int:
    """Start again what ends of the running stack, until cancelled. What the environment gave is not watched."""
    members = [member for member in read_members(layout) if not member.given]
    await Supervisor(layout, report).run(members)
    return 0


async def start_supervisor(layout: Layout) -> ProcessIdentity:
    """Start one that outlives this command, and return once it watches.

    It gets the whole environment of this command, which says how the processes of the stack are to be started.
    """
    process = ManagedProcess("supervisor", layout.supervisor_file, layout.supervisor_log)
    command = [sys.executable, "-m", "stack.commands.supervise", str(layout.root)]
    process.start(command, os.environ, REPOSITORY)

    async def watches() -> bool:
        return read_supervision(layout) is not None

    await process.wait_ready(watches, READY_SECONDS)
    identity = process.identity()
    if identity is None:
        raise process.failure("The supervisor ended at once.")
    return identity


def refuse_without_restarts(layout: Layout) -> None:
    """StackError when the stack is watched by an `up` of a version that stops all of it when one process ends."""
    supervisor = supervisor_identity(layout)
    if supervisor and read_supervision(layout) is None:
        raise StackError(
            f"The ./dev up that runs as process {supervisor.pid} is of an earlier version: it would stop the whole"
            " stack when one of its processes ends. Run ./dev down and ./dev up first."
        )


def main(root: str) -> int:
    """Supervise the stack whose files are in this directory; its log is this process's output."""
    return asyncio.run(interruptible(supervise(Layout(Path(root)), lambda _: None), stopped_status=0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
