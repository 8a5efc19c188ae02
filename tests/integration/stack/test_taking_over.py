"""A stack that the version before has started: it had no supervisor that restarts, no holds, no record of restarts."""

import io
import json
import os
import signal

import pytest

from stack.commands.down import down
from stack.commands.status import StackReport, look, show
from stack.commands.up import complete, is_running
from stack.config.ports import PORT_NAMES
from stack.console import Steps
from stack.errors import StackError
from stack.paths import Layout
from stack.processes.environment import base_environment
from stack.processes.managed_process import ManagedProcess
from stack.processes.supervisor import read_supervision
from stack.product.applications import application_process
from stack.product.members import named, read_members
from tests.integration.stack.conftest import APPLICATIONS
from tests.support.eventually import eventually


async def test_its_status_is_shown(layout: Layout, steps: Steps) -> None:
    report = await look(layout)
    assert not report.complete
    assert report.supervisor is None
    assert [(process.name, process.state, process.restarts) for process in report.processes] == [
        *((name, "not healthy", 0) for name in ("postgres", "redis", "rabbitmq")),
        *((name, "not healthy", 0) for name in APPLICATIONS),
    ]
    assert "secret" not in shown(report, steps)
    assert "No supervisor runs" in shown(report, steps)


def shown(report: StackReport, steps: Steps) -> str:
    show(report, steps)
    assert isinstance(steps.console.file, io.StringIO)
    return steps.console.file.getvalue()


async def test_up_starts_a_supervisor_for_it_and_nothing_else(layout: Layout, steps: Steps) -> None:
    before = {name: application_process(layout, name).identity() for name in APPLICATIONS}
    assert is_running(layout)
    await complete(layout, read_members(layout), steps)
    assert {name: application_process(layout, name).identity() for name in APPLICATIONS} == before
    supervision = read_supervision(layout)
    assert supervision is not None
    assert os.getsid(supervision.supervisor.pid) == supervision.supervisor.pid  # outlives its terminal

    catalog = before["catalog"]
    assert catalog is not None
    os.kill(catalog.pid, signal.SIGKILL)

    async def is_restarted() -> bool:
        supervision = read_supervision(layout)
        return supervision is not None and supervision.restarts.get("catalog", 0) >= 1

    await eventually(is_restarted)
    assert "catalog ended by itself" in layout.supervisor_log.read_text()
    await down(layout, steps)
    assert not supervision.supervisor.is_alive()
    assert not any(application_process(layout, name).identity() for name in APPLICATIONS)


async def test_a_process_of_it_is_stopped_alone_and_completed_by_up(layout: Layout, steps: Steps) -> None:
    await down(layout, steps, ["history"])
    [history] = [process for process in (await look(layout)).processes if process.name == "history"]
    assert (history.state, history.pid) == ("stopped", None)
    assert is_running(layout)
    with pytest.raises(StackError, match="provided by the environment"):
        await down(layout, steps, ["redis"])
    with pytest.raises(StackError, match="no process nobody; it has postgres, redis"):
        await down(layout, steps, ["nobody"])


async def test_its_up_in_the_foreground_is_ended_by_down_but_stops_everything_when_one_process_is_stopped(
    layout: Layout, steps: Steps
) -> None:
    foreground = ManagedProcess("up", layout.supervisor_file, layout.log / "up.log")
    foreground.start(["sleep", "60"], base_environment(), layout.root)
    identity = foreground.identity()
    assert identity is not None
    assert is_running(layout)
    with pytest.raises(StackError, match="of an earlier version"):
        await down(layout, steps, ["history"])
    await down(layout, steps)
    assert not identity.is_alive()
    assert not layout.supervisor_file.exists()


async def test_addresses_that_lack_what_is_needed_now_make_up_start_everything_again(layout: Layout) -> None:
    kept = [line for line in layout.environment_file.read_text().splitlines() if "MIGRATION" not in line]
    layout.environment_file.write_text("\n".join(kept))
    assert not is_running(layout)


async def test_servers_of_a_state_that_is_damaged_are_not_started(layout: Layout) -> None:
    layout.pid_file("redis").write_text("")
    redis = named(read_members(layout), "redis")
    layout.state_file.write_text(json.dumps({"node": "n", "ports": dict.fromkeys(PORT_NAMES[:3], 1)}))
    with pytest.raises(StackError, match=r"missing or damaged|no longer on this machine"):
        await redis.launch()
