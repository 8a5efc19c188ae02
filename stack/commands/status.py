"""`./dev status`: what runs where, for people and, as JSON, for programs."""

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from stack.console import Steps
from stack.errors import StackError
from stack.paths import STACK_DIRECTORY, Layout
from stack.processes.hold import read_hold
from stack.processes.managed_process import ManagedProcess
from stack.processes.process_identity import ProcessIdentity
from stack.processes.supervisor import read_supervision, supervisor_identity
from stack.product.members import Member, read_members
from stack.servers.all import other_processes

State = Literal["healthy", "not healthy", "ended", "stopped", "in the foreground", "given"]
"""`ended`: by itself, and not started again yet. `stopped`: by ./dev down NAME. `in the foreground`: another command
runs it. `given`: by the environment, and healthy."""
WELL = frozenset({"healthy", "in the foreground", "given"})


@dataclass(frozen=True)
class ProcessReport:
    """One process of the stack."""

    name: str
    state: State
    healthy: bool
    """Whether it takes connections, and if it is a service or the gateway, says that it is ready."""
    pid: int | None
    port: int | None
    restarts: int
    """By the supervisor that lives now."""
    since: str | None
    """When it was started (RFC 3339); None when it does not run."""
    address: str


@dataclass(frozen=True)
class StackReport:
    """The whole stack."""

    complete: bool
    """Whether every process runs and is healthy."""
    supervisor: int | None
    """The process that restarts what ends; None when none does."""
    processes: list[ProcessReport]


def status(steps: Steps, *, as_json: bool = False) -> int:
    """Print a line for each process, or all as JSON; returns 0 when all of them run and are healthy, else 1."""
    layout = Layout(STACK_DIRECTORY)
    try:
        report = asyncio.run(look(layout))
    except StackError as error:
        if as_json:
            print(json.dumps(asdict(StackReport(complete=False, supervisor=None, processes=[])), indent=2))
        else:
            steps.say(str(error))
            _show_leftovers(layout, steps)
        return 1
    if as_json:
        print(json.dumps(asdict(report), indent=2))
    else:
        show(report, steps)
    return 0 if report.complete else 1


async def look(layout: Layout) -> StackReport:
    """Look at each process of the running stack; StackError when none runs."""
    members, supervision = read_members(layout), read_supervision(layout)
    restarts = supervision.restarts if supervision else {}
    healthy = await asyncio.gather(*(member.is_healthy() for member in members))
    processes = [
        _process_report(layout, member, is_healthy, restarts.get(member.name, 0))
        for member, is_healthy in zip(members, healthy, strict=True)
    ]
    supervisor = supervisor_identity(layout)
    complete = all(process.healthy and process.state in WELL for process in processes)
    return StackReport(complete, supervisor.pid if supervisor else None, processes)


def _process_report(layout: Layout, member: Member, healthy: bool, restarts: int) -> ProcessReport:
    held, identity = read_hold(layout, member.name), member.process.identity()
    state: State
    if held and held.holder:
        state, identity = "in the foreground", held.holder
    elif identity or member.given:
        state = "not healthy" if not healthy else "given" if member.given else "healthy"
    else:
        state = "stopped" if held else "ended"
    return ProcessReport(
        member.name,
        state,
        healthy,
        identity.pid if identity else None,
        member.port,
        restarts,
        _start_time(identity) if identity else None,
        member.address,
    )


def _start_time(identity: ProcessIdentity) -> str:
    started = datetime.now(UTC) - timedelta(seconds=identity.age())
    return started.isoformat(timespec="seconds").replace("+00:00", "Z")


def show(report: StackReport, steps: Steps) -> None:
    """Print the report as a table."""
    steps.say(f"{'':<12} {'':<18} {'pid':>7} {'port':>6} {'restarts':>8}  {'since':<20}  address")
    for process in report.processes:
        steps.say(
            f"{process.name:<12} {process.state:<18} {process.pid or '-':>7} {process.port or '-':>6}"
            f" {process.restarts:>8}  {process.since or '-':<20}  {process.address}"
        )
    if report.supervisor is None:
        steps.say("No supervisor runs, so what ends stays ended; ./dev up starts one.")
    else:
        steps.say(f"{'supervisor':<12} {'running':<18} {report.supervisor:>7}")


def _show_leftovers(layout: Layout, steps: Steps) -> None:
    leftovers: list[ManagedProcess] = other_processes(layout, [])
    for process in leftovers:
        if process.members():
            steps.say(f"{process.name} is left from a start that did not finish; ./dev down stops it")
