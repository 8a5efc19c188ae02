"""`./dev status`: what runs where."""

import asyncio

import aiohttp

from stack.config.addresses import Addresses, read_addresses
from stack.console import Steps
from stack.errors import StackError
from stack.paths import STACK_DIRECTORY, Layout
from stack.processes.managed_process import ManagedProcess
from stack.product.applications import PROBE, answers_ready, application_process
from stack.servers.all import other_processes, server_processes
from stack.servers.databases import without_password
from stack.services import SERVICE_NAMES


def status(steps: Steps) -> int:
    """Print a line for each process; answers 0 when all of them run and are ready, else 1."""
    return asyncio.run(_status(Layout(STACK_DIRECTORY), steps))


async def _status(layout: Layout, steps: Steps) -> int:
    try:
        addresses = read_addresses(layout)
    except StackError as error:
        steps.say(str(error))
        _leftovers(layout, steps)
        return 1
    complete = _servers(layout, addresses, steps)
    async with aiohttp.ClientSession(timeout=PROBE, trust_env=False) as session:
        for name in (*SERVICE_NAMES, "gateway"):
            url = addresses.url_of(name)
            process = application_process(layout, name)
            state = "ready" if await answers_ready(session, url) else "not ready"
            complete &= _line(process, state, url, steps) and state == "ready"
    return 0 if complete else 1


def _servers(layout: Layout, addresses: Addresses, steps: Steps) -> bool:
    node, postgres, redis, _mapper = server_processes(layout)
    complete = True
    for process, url in (
        (postgres, addresses.services[SERVICE_NAMES[0]].database_url),
        (redis, addresses.redis_url),
        (node, addresses.amqp_url),
    ):
        if process.pid_file.exists():
            complete &= _line(process, "running", without_password(url), steps)
        else:
            steps.say(f"{process.name:<12} given by environment      {without_password(url)}")
    return complete


def _line(process: ManagedProcess, state: str, address: str, steps: Steps) -> bool:
    identity = process.identity()
    shown = state if identity else "not running"
    pid = str(identity.pid) if identity else "-"
    steps.say(f"{process.name:<12} {shown:<12} {pid:>8}     {address}")
    return identity is not None


def _leftovers(layout: Layout, steps: Steps) -> None:
    for process in other_processes(layout, []):
        if process.members():
            steps.say(f"{process.name} is left from a start that did not finish; ./dev down stops it")
