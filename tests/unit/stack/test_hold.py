import asyncio
import fcntl
from pathlib import Path

import pytest

from stack.paths import Layout
from stack.processes.file_lock import exclusive
from stack.processes.hold import Hold, hold, read_hold, release
from stack.processes.process_identity import own_identity, own_status_line


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "stack")
    layout.create()
    return layout


async def test_a_hold_lasts_until_it_is_released(layout: Layout) -> None:
    assert read_hold(layout, "catalog") is None
    await hold(layout, "catalog", print)
    assert read_hold(layout, "catalog") == Hold(None)
    assert read_hold(layout, "history") is None
    release(layout, "catalog")
    release(layout, "catalog")
    assert read_hold(layout, "catalog") is None


async def test_a_hold_names_the_command_that_runs_the_process_itself(layout: Layout) -> None:
    await hold(layout, "catalog", print, while_this_process_lives=True)
    assert read_hold(layout, "catalog") == Hold(own_identity())


async def test_a_hold_ends_with_the_command_that_has_it(layout: Layout) -> None:
    started = own_identity().started
    layout.hold_file("catalog").write_text(own_status_line().replace(str(started), str(started - 1)))
    assert read_hold(layout, "catalog") is None


async def test_a_hold_waits_for_a_start_that_is_under_way(layout: Layout) -> None:
    messages: asyncio.Queue[str] = asyncio.Queue()
    lock_file = layout.process_lock_file("catalog")
    with lock_file.open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        held = asyncio.create_task(hold(layout, "catalog", messages.put_nowait))
        assert await messages.get() == "Another ./dev is starting or stopping catalog: waiting for it"
        assert read_hold(layout, "catalog") is None
    await held
    assert messages.empty()
    async with exclusive(lock_file, print):
        assert read_hold(layout, "catalog") == Hold(None)
