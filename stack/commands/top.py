"""`./dev top`: the running stack on one screen, once a second."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime

import aiohttp
from rich.console import Console, Group
from rich.live import Live

from stack.config.addresses import read_addresses
from stack.metrics.observed import Observed, State
from stack.metrics.reading import INTERVAL, Readings, follow
from stack.metrics.screen import LINES, frame
from stack.paths import STACK_DIRECTORY, Layout
from stack.processes.hold import read_hold
from stack.processes.process_identity import ProcessIdentity
from stack.processes.usage import Usage, usage_of
from stack.product.members import Member, read_members
from stack.services import SERVICE_NAMES
from stack.signals import interruptible

MEASURED = ("gateway", *SERVICE_NAMES)
PATIENCE = 5.0
"""Seconds in which a process answers twice, since rates are differences; or it is shown without."""


def top(*, once: bool) -> int:
    """Shows the stack until Ctrl-C, or one frame of it with `once` and where there is no terminal; returns 0.

    Raises StackError when none runs.
    """
    return watch(Layout(STACK_DIRECTORY), Console(), once=once)


def watch(layout: Layout, console: Console, *, once: bool = False) -> int:
    """Of the stack in that directory, on that console."""
    read_addresses(layout)
    return asyncio.run(interruptible(show(layout, console, once=once or not console.is_terminal), stopped_status=0))


async def show(layout: Layout, console: Console, *, once: bool) -> int:
    """Until cancelled, or once."""
    async with watched(layout) as stack:
        if once:
            await stack.ready()
            console.print(stack.frame(LINES))
            return 0
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(stack.frame(console.height), refresh=True)
                await asyncio.sleep(INTERVAL)


class Watch:
    """The members of the stack, what each has answered, and what it has used of the machine."""

    def __init__(self, layout: Layout, members: Sequence[Member], readings: Mapping[str, Readings]) -> None:
        self._layout = layout
        self._members = members
        self._readings = readings
        self._used: dict[ProcessIdentity, tuple[float, Usage]] = {}
        self._observed = self._look()

    async def ready(self) -> None:
        """Returns when there is something to compare of each process that runs."""
        running = {each.name for each in self._observed if each.state == "up"}
        comparable = [each.comparable.wait() for name, each in self._readings.items() if name in running]
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*comparable)

    def frame(self, lines: int) -> Group:
        """What is to be shown now."""
        return frame(self._look(), datetime.now(UTC), lines)

    def _look(self) -> list[Observed]:
        running = {member.name: self._running(member) for member in self._members}
        identities = {identity.pid: identity for _, identity in running.values() if identity is not None}
        now, usage = time.monotonic(), usage_of(identities)
        observed = [self._observe(member, *running[member.name], now, usage) for member in self._members]
        self._used = {identities[pid]: (now, each) for pid, each in usage.items()}
        return observed

    def _running(self, member: Member) -> tuple[State, ProcessIdentity | None]:
        held = read_hold(self._layout, member.name)
        identity = held.holder if held and held.holder else member.process.identity()
        if identity is not None:
            return "up", identity
        return ("given" if member.given else "stopped" if held else "ended"), None

    def _observe(
        self,
        member: Member,
        state: State,
        identity: ProcessIdentity | None,
        now: float,
        usage: Mapping[int, Usage],
    ) -> Observed:
        used = usage.get(identity.pid) if identity else None
        readings = self._readings.get(member.name)
        return Observed(
            member.name,
            state,
            age=identity.age() if identity else None,
            cpu=self._cpu(identity, used, now),
            memory=used.memory if used else None,
            measured=readings is not None,
            reading=readings.latest(now) if readings else None,
            window=readings.window(now) if readings else None,
        )

    def _cpu(self, identity: ProcessIdentity | None, used: Usage | None, now: float) -> float | None:
        """Since the frame before."""
        if identity is None or used is None or identity not in self._used:
            return None
        before, earlier = self._used[identity]
        return max(used.cpu_seconds - earlier.cpu_seconds, 0.0) / (now - before) if now > before else None


@asynccontextmanager
async def watched(layout: Layout) -> AsyncIterator[Watch]:
    """Reads the metrics of all while the block runs; StackError when no stack runs."""
    addresses = read_addresses(layout)
    readings = {name: Readings() for name in MEASURED}
    members = sorted(read_members(layout), key=lambda member: _place(member.name))
    async with AsyncExitStack() as exits:
        http = await exits.enter_async_context(aiohttp.ClientSession(trust_env=False))
        tasks = await exits.enter_async_context(asyncio.TaskGroup())
        followers = [
            tasks.create_task(follow(http, addresses.metrics_url_of(name), each)) for name, each in readings.items()
        ]
        for follower in followers:
            exits.callback(follower.cancel)
        yield Watch(layout, members, readings)


def _place(name: str) -> int:
    """The gateway, the services, then the servers."""
    return MEASURED.index(name) if name in MEASURED else len(MEASURED)
