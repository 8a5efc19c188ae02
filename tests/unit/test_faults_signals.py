import contextlib
import subprocess

import psutil

from tests.faults.signals import family
from tests.support.eventually import eventually


async def test_a_family_is_a_process_and_all_that_it_has_started() -> None:
    with subprocess.Popen(["/bin/sh", "-c", "(sleep 60 & wait) & wait"]) as leader:  # noqa: ASYNC220 - takes 1 ms
        try:

            async def has_grandchild() -> bool:
                return "sleep" in [each.name() for each in family(leader.pid)]

            await eventually(has_grandchild)
            found = family(leader.pid)
            assert found[0].pid == leader.pid
            assert set(found) == {psutil.Process(leader.pid), *psutil.Process(leader.pid).children(recursive=True)}
        finally:
            for process in reversed(family(leader.pid)):
                with contextlib.suppress(psutil.NoSuchProcess):  # whoever waited for the one before ends by itself
                    process.kill()
    assert family(leader.pid) == []
