import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stack.errors import ProcessFailed
from stack.processes.environment import base_environment
from stack.processes.managed_process import ManagedProcess, recorded_processes
from stack.processes.process_identity import ProcessIdentity, own_status_line, read_identity

DEADLINE_SECONDS = 20.0


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[ManagedProcess]:
    managed = ManagedProcess("example", tmp_path / "example.pid", tmp_path / "example.log")
    yield managed
    await managed.stop(0)


def start(process: ManagedProcess, script: str) -> ProcessIdentity:
    process.start(["/bin/sh", "-c", script], base_environment(), process.pid_file.parent)
    identity = read_identity(process.pid_file)
    assert identity is not None
    return identity


async def wait_for_line(process: ManagedProcess, line: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while line not in process.log_file.read_text().splitlines():
        assert time.monotonic() < deadline, f"{line!r} never came"
        await asyncio.sleep(0.01)


async def test_started_process_is_named_by_its_pid_file_at_once(process: ManagedProcess) -> None:
    identity = start(process, "exec sleep 60")
    assert process.identity() == identity
    assert os.getsid(identity.pid) == identity.pid


async def test_stop_ends_it_and_removes_the_pid_file(process: ManagedProcess) -> None:
    identity = start(process, "exec sleep 60")
    await process.stop(10)
    assert not identity.is_alive()
    assert not process.pid_file.exists()


async def test_process_that_ignores_the_signal_is_killed(process: ManagedProcess) -> None:
    identity = start(process, "trap '' TERM; echo ready; while :; do sleep 60; done")
    await wait_for_line(process, "ready")
    await process.stop(0.2)
    assert not identity.is_alive()


async def test_descendants_are_stopped_though_their_leader_was_killed(process: ManagedProcess) -> None:
    leader = start(process, "sleep 60 & echo ready; wait")
    await wait_for_line(process, "ready")
    descendants = [member for member in process.members() if member != leader]
    os.kill(leader.pid, signal.SIGKILL)
    assert descendants
    await process.stop(10)
    assert not any(member.is_alive() for member in descendants)


async def test_pid_used_again_by_another_process_is_not_touched(process: ManagedProcess) -> None:
    other = ManagedProcess("other", process.pid_file.with_name("other.pid"), process.log_file)
    innocent = start(other, "exec sleep 60")
    try:
        recycled = other.pid_file.read_text().replace(str(innocent.started), str(innocent.started - 1))
        process.pid_file.write_text(recycled)
        assert process.identity() is None
        assert process.members() == []
        await process.stop(0)
        assert innocent.is_alive()
    finally:
        await other.stop(0)


async def test_failed_start_shows_the_last_lines_of_its_log(process: ManagedProcess) -> None:
    async def never() -> bool:
        return False

    start(process, "echo the reason; exit 3")
    with pytest.raises(ProcessFailed, match=r"(?s)example ended while it started.*the reason"):
        await process.wait_ready(never, 30)


async def test_process_that_never_becomes_ready_is_given_up(process: ManagedProcess) -> None:
    async def never() -> bool:
        return False

    start(process, "exec sleep 60")
    with pytest.raises(ProcessFailed, match="not ready"):
        await process.wait_ready(never, 0.1)


async def test_run_returns_after_success_and_raises_after_failure(process: ManagedProcess) -> None:
    directory = process.pid_file.parent
    await process.run(["cat"], base_environment(), directory, seconds=20, read="given\n")
    assert process.log_file.read_text() == "given\n"
    with pytest.raises(ProcessFailed, match="exit status 7"):
        await process.run(["sh", "-c", "exit 7"], base_environment(), directory, seconds=20)


async def test_command_that_takes_too_long_is_ended(process: ManagedProcess) -> None:
    with pytest.raises(ProcessFailed, match="took longer"):
        await process.run(["sleep", "60"], base_environment(), process.pid_file.parent, seconds=0.1)
    assert process.members() == []


async def test_program_that_does_not_exist_is_a_failure(process: ManagedProcess) -> None:
    with pytest.raises(ProcessFailed, match="not found"):
        await process.run(["no-such-program"], base_environment(), process.pid_file.parent, seconds=20)


def test_recorded_processes_are_those_with_a_pid_file(tmp_path: Path) -> None:
    (tmp_path / "one.pid").write_text(own_status_line())
    (tmp_path / "two.log").touch()
    assert [process.name for process in recorded_processes(tmp_path, tmp_path)] == ["one"]
