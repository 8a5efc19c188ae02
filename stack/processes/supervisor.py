"""The supervisor: starts again what ended by itself, and says so."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from stack.errors import StackError
from stack.paths import Layout, write_private
from stack.processes.backoff import Backoff
from stack.processes.file_lock import exclusive
from stack.processes.hold import read_hold
from stack.processes.managed_process import ManagedProcess
from stack.processes.process_identity import ProcessIdentity, own_identity, read_identity

WATCH_SECONDS = 0.5

Report = Callable[[str], None]


class Restartable(Protocol):
    """A process that can be started again."""

    @property
    def name(self) -> str: ...

    @property
    def process(self) -> ManagedProcess: ...

    @property
    def launch(self) -> Callable[[], Awaitable[None]]:
        """Starts it; StackError when that fails."""


@dataclass
class Supervision:
    """What a supervisor tells other commands."""

    supervisor: ProcessIdentity
    restarts: dict[str, int] = field(default_factory=dict)
    """How often it has started each process again, by name."""


class Supervisor:
    """Watches processes of the stack for as long as `run` lasts. One that is held is left alone."""

    def __init__(self, layout: Layout, report: Report) -> None:
        """`report` gets a line for each end and each restart; the supervisor's log gets them too."""
        self._layout = layout
        self._report = report
        self._supervision = Supervision(own_identity())

    async def run(self, members: Sequence[Restartable]) -> None:
        """Watch until cancelled."""
        self._write()
        async with asyncio.TaskGroup() as group:
            for member in members:
                group.create_task(self._keep_alive(member))

    async def _keep_alive(self, member: Restartable) -> None:
        backoff, lived = Backoff(), 0.0
        while True:
            if identity := member.process.identity():
                lived = identity.age()
                await asyncio.sleep(WATCH_SECONDS)
            elif read_hold(self._layout, member.name):
                backoff = Backoff()
                await asyncio.sleep(WATCH_SECONDS)
            else:
                delay, lived = backoff.delay_after(lived), 0.0
                log = member.process.log_file
                self._tell(f"{member.name} ended by itself; starting it again in {delay:g} s. Its log: {log}")
                await asyncio.sleep(delay)
                await self._restart(member)

    async def _restart(self, member: Restartable) -> None:
        try:
            async with exclusive(self._layout.process_lock_file(member.name), self._tell, f"starting {member.name}"):
                # Another command may have stopped or started it meanwhile.
                if member.process.identity() or read_hold(self._layout, member.name):
                    return
                await member.process.stop(0)  # processes that a killed leader has left in its session
                await member.launch()
        except (StackError, OSError) as error:
            self._tell(f"{member.name} could not be started again: {str(error).partition(chr(10))[0]}")
            return
        restarts = self._supervision.restarts
        restarts[member.name] = restarts.get(member.name, 0) + 1
        self._write()
        if identity := member.process.identity():
            self._tell(f"{member.name} was started again as process {identity.pid} (restart {restarts[member.name]})")

    def _tell(self, text: str) -> None:
        with self._layout.supervisor_log.open("a") as log:
            log.write(f"{datetime.now().astimezone().isoformat(timespec='milliseconds')} {text}\n")
        self._report(text)

    def _write(self) -> None:
        supervisor = self._supervision.supervisor
        content = {"pid": supervisor.pid, "started": supervisor.started, "restarts": self._supervision.restarts}
        write_private(self._layout.supervision_file, json.dumps(content) + "\n")


def supervisor_identity(layout: Layout) -> ProcessIdentity | None:
    """The process that starts or supervises the stack; None when none lives."""
    supervisor = read_identity(layout.supervisor_file)
    return supervisor if supervisor is not None and supervisor.is_alive() else None


def read_supervision(layout: Layout) -> Supervision | None:
    """What the living supervisor tells; None when there is none, or one of a version that restarts nothing."""
    try:
        content = json.loads(layout.supervision_file.read_text())
        supervision = Supervision(ProcessIdentity(content["pid"], content["started"]), content["restarts"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return supervision if supervision.supervisor == supervisor_identity(layout) else None
