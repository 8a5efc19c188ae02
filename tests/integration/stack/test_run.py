"""`./dev run`: the process in the foreground takes the place of the stack's own, and gives it back."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE

import pytest

from stack.commands.run import take_over
from stack.commands.status import look
from stack.commands.up import complete
from stack.console import Steps
from stack.errors import StackError
from stack.paths import REPOSITORY, Layout
from stack.processes.hold import read_hold
from stack.processes.supervisor import read_supervision
from stack.product.applications import application_process
from stack.product.members import named, read_members
from tests.support.eventually import eventually

IN_THE_FOREGROUND = """
import asyncio, os, sys
from pathlib import Path
from rich.console import Console
from stack.commands.operate import Invocation
from stack.commands.run import take_over
from stack.console import Steps
from stack.paths import Layout

asyncio.run(take_over(Layout(Path(sys.argv[1])), "catalog", Steps(Console(stderr=True))))
print("taken over", flush=True)
Invocation(["sleep", "60"], os.environ).become()
"""


async def test_a_process_in_the_foreground_is_the_only_one_until_it_ends(layout: Layout, steps: Steps) -> None:
    own = application_process(layout, "catalog").identity()
    assert own is not None
    command = [sys.executable, "-c", IN_THE_FOREGROUND, str(layout.root)]
    foreground = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=REPOSITORY)
    assert foreground.stdout is not None
    assert await foreground.stdout.readline() == b"taken over\n"
    assert not own.is_alive()

    held = read_hold(layout, "catalog")
    assert held is not None
    assert held.holder is not None
    assert held.holder.pid == foreground.pid
    [catalog] = [process for process in (await look(layout)).processes if process.name == "catalog"]
    assert (catalog.state, catalog.pid) == ("in the foreground", foreground.pid)
    with pytest.raises(StackError, match=f"already running in the foreground as process {foreground.pid}"):
        await take_over(layout, "catalog", steps)
    await complete(layout, [named(read_members(layout), "catalog")], steps)
    assert application_process(layout, "catalog").identity() is None
    supervision = read_supervision(layout)
    assert supervision is not None
    assert "catalog" not in supervision.restarts

    # Killed, it leaves no hold behind.
    foreground.send_signal(signal.SIGKILL)
    await foreground.wait()

    async def is_started_again() -> bool:
        supervision = read_supervision(layout)
        return supervision is not None and supervision.restarts.get("catalog", 0) >= 1

    await eventually(is_started_again)
