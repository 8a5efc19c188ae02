"""A page of sessions, and how quickly it is answered to requests that arrive whether or not others are."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from stack.paths import REPOSITORY
from tests.faults.bed import Bed
from tests.support.world import SESSIONS, new_course, new_session

ORGANISATION = 8000
SESSIONS_ON_PAGE = 15
"""As many as a page has by default."""
Plan = dict[str, float]
"""A step of `tests.faults.arrivals`."""


async def a_page_of_sessions(bed: Bed) -> None:
    client = bed.client(ORGANISATION)
    course = await new_course(client)
    await asyncio.gather(*(new_session(client, course) for _ in range(SESSIONS_ON_PAGE)))


async def arrivals(
    bed: Bed, plan: Sequence[Plan], *, organisation: int = ORGANISATION, target: str = SESSIONS
) -> list[dict[str, Any]]:
    """What a generator in a process of its own has seen in each step."""
    client = bed.client(organisation)
    assert client.token is not None
    command = [sys.executable, "-m", "tests.faults.arrivals", client.url + target, client.token, json.dumps(plan)]
    process = await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, stdout=subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), sum(step["seconds"] for step in plan) + 30)
    assert process.returncode == 0
    result: list[dict[str, Any]] = json.loads(output)
    return result
