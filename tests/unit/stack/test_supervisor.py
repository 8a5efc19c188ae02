import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.paths import Layout, write_private
from stack.processes import backoff, supervisor
from stack.processes.environment import base_environment
from stack.processes.hold import hold, release
from stack.processes.managed_process import ManagedProcess
from stack.processes.process_identity import ProcessIdentity, own_status_line
from stack.processes.supervisor import Supervisor, read_supervision
from tests.support.eventually import eventually


@dataclass
class Sleeper:
    """A member that does nothing."""

    name: str
    process: ManagedProcess
    script: str = "exec sleep 60"
    failing: list[StackError] = field(default_factory=list)
    """What its next starts fail with."""

    @property
    def launch(self) -> Callable[[], Awaitable[None]]:
        return self._launch

    async def _launch(self) -> None:
        if self.failing:
            raise self.failing.pop()
        self.process.start(["/bin/sh", "-c", self.script], base_environment(), Path("/"))

    @property
    def identity(self) -> ProcessIdentity | None:
        return self.process.identity()

    def kill(self) -> None:
        identity = self.identity
        assert identity is not None
        os.kill(identity.pid, signal.SIGKILL)

    async def runs_after(self, before: ProcessIdentity | None) -> bool:
        return self.identity not in {None, before}


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(supervisor, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.01)
    layout = Layout(tmp_path / "stack")
    layout.create()
    write_private(layout.supervisor_file, own_status_line())
    return layout


@pytest.fixture
async def sleeper(layout: Layout) -> AsyncIterator[Sleeper]:
    process = ManagedProcess("catalog", layout.pid_file("catalog"), layout.log / "catalog.log")
    sleeper = Sleeper("catalog", process)
    await sleeper.launch()
    yield sleeper
    await process.stop(0)


@asynccontextmanager
async def supervised(layout: Layout, members: Sequence[Sleeper]) -> AsyncIterator[list[str]]:
    """What the supervisor reports while it watches."""
    lines: list[str] = []
    task = asyncio.create_task(Supervisor(layout, lines.append).run(members))
    try:
        yield lines
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_ends_by_itself_is_started_again_and_told(layout: Layout, sleeper: Sleeper) -> None:
    async with supervised(layout, [sleeper]) as lines:
        for restart in (1, 2):
            before = sleeper.identity
            sleeper.kill()
            await eventually(lambda before=before: sleeper.runs_after(before))  # type: ignore[misc]

            async def is_told(count: int = restart) -> bool:
                return len(lines) == 2 * count

            await eventually(is_told)
        supervision = read_supervision(layout)
    assert supervision is not None
    assert supervision.restarts == {"catalog": 2}
    assert lines[0].startswith("catalog ended by itself; starting it again in 0.01 s.")
    assert lines[2].startswith("catalog ended by itself; starting it again in 0.02 s.")
    assert sleeper.identity
    assert lines[3] == f"catalog was started again as process {sleeper.identity.pid} (restart 2)"
    logged = [line.partition(" ")[2] for line in layout.supervisor_log.read_text().splitlines()]
    assert logged == lines


async def test_what_a_killed_process_has_left_is_stopped_first(layout: Layout, sleeper: Sleeper) -> None:
    await sleeper.process.stop(0)
    sleeper.script = "sleep 60 & echo ready; wait"
    await sleeper.launch()

    async def has_child() -> bool:
        return len(sleeper.process.members()) == 2

    await eventually(has_child)
    before, left = sleeper.identity, sleeper.process.members()
    async with supervised(layout, [sleeper]):
        sleeper.kill()
        await eventually(lambda: sleeper.runs_after(before))
    assert not any(member.is_alive() for member in left)


async def test_a_start_that_fails_is_told_and_tried_again(layout: Layout, sleeper: Sleeper) -> None:
    sleeper.failing = [StackError("no such program"), StackError("no such program")]
    before = sleeper.identity
    async with supervised(layout, [sleeper]) as lines:
        sleeper.kill()
        await eventually(lambda: sleeper.runs_after(before))
    assert lines.count("catalog could not be started again: no such program") == 2


async def test_a_held_process_stays_ended_until_it_is_released(layout: Layout, sleeper: Sleeper) -> None:
    before = sleeper.identity
    assert not await is_started_while_held(layout, sleeper)
    async with supervised(layout, [sleeper]):
        release(layout, "catalog")
        await eventually(lambda: sleeper.runs_after(before))


async def test_control_without_holds_it_is_started(
    layout: Layout, sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "read_hold", lambda *_: None)
    assert await is_started_while_held(layout, sleeper)


async def is_started_while_held(layout: Layout, held: Sleeper) -> bool:
    """Whether the supervisor starts it in the time in which it restarts another process three times."""
    process = ManagedProcess("other", layout.pid_file("other"), layout.log / "other.log")
    other = Sleeper("other", process, script="exit 0")
    await hold(layout, "catalog", print)
    await held.process.stop(0)
    async with supervised(layout, [held, other]):

        async def has_restarted() -> bool:
            supervision = read_supervision(layout)
            return supervision is not None and supervision.restarts.get("other", 0) >= 3

        await eventually(has_restarted)
    return held.identity is not None


async def test_the_supervision_of_one_that_has_ended_does_not_count(layout: Layout, sleeper: Sleeper) -> None:
    async with supervised(layout, [sleeper]):

        async def is_told() -> bool:
            return read_supervision(layout) is not None

        await eventually(is_told)
    layout.supervisor_file.unlink()
    assert read_supervision(layout) is None
    layout.supervision_file.write_text("{")
    write_private(layout.supervisor_file, own_status_line())
    assert read_supervision(layout) is None
