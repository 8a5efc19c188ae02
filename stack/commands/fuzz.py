"""`./dev fuzz`: what the suite asks of a few inputs, asked of many, other ones in each round."""

import asyncio
import time
from collections.abc import Sequence

from stack.commands.test import run_pytest, with_servers
from stack.servers.all import Server
from stack.signals import interruptible

ARGUMENTS = ("tests/fuzz", "-q", "--no-header", "-x", "--timeout=1800")
"""A round's tests take minutes each, and the first failure is what is looked for."""


def fuzz(minutes: int) -> int:
    """Run whole rounds until the time is over or one fails; answers pytest's exit status, or 130 when stopped."""

    async def rounds(servers: Sequence[Server]) -> int:
        end = time.monotonic() + minutes * 60
        while True:
            status = await run_pytest(ARGUMENTS, servers, FUZZ_PROFILE="long")
            if status != 0 or time.monotonic() >= end:
                return status

    return asyncio.run(interruptible(with_servers(rounds), stopped_status=130))
