"""`./dev outsiders`: tests with an identity provider and a client that others wrote, in Node.js."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from stack.commands.test import run_pytest, with_servers
from stack.console import Steps
from stack.paths import REPOSITORY, STACK_DIRECTORY, Layout
from stack.servers.all import Server
from stack.servers.npm_packages import npm_packages
from stack.servers.packages import provide
from stack.servers.requirements import NODE, NPM, Program
from stack.signals import interruptible

PROGRAMS = REPOSITORY / "tests" / "outsiders" / "node"
"""And what says which packages they import."""
TESTS = "tests/outsiders"


def outsiders(pytest_arguments: Sequence[str]) -> int:
    """Run these tests, or what the arguments name of them; answers pytest's exit status, or 130 when stopped."""
    return asyncio.run(interruptible(_outsiders(pytest_arguments), stopped_status=130))


async def _outsiders(pytest_arguments: Sequence[str]) -> int:
    layout = Layout(STACK_DIRECTORY)
    layout.create()
    with Steps(Console(stderr=True)) as steps:
        programs = await asyncio.to_thread(provide, (NODE, NPM), steps, layout.log / "install.log")
        installed = await _install_programs(layout, programs[NPM], steps)
    variables = {"NODE": str(programs[NODE].directory / "node"), "OUTSIDERS": str(installed)}

    async def run(servers: Sequence[Server]) -> int:
        return await run_pytest(arguments_of_pytest(pytest_arguments), servers, **variables)

    return await with_servers(run)


def arguments_of_pytest(pytest_arguments: Sequence[str]) -> list[str]:
    """Without a path among the arguments, all of these tests."""
    named = any(argument.startswith(TESTS) for argument in pytest_arguments)
    return list(pytest_arguments) if named else [TESTS, *pytest_arguments]


async def _install_programs(layout: Layout, npm: Program, steps: Steps) -> Path:
    """Copies of them beside exactly the packages of their lock."""
    home = await npm_packages(PROGRAMS, "outsiders", layout, npm, steps)
    for program in PROGRAMS.glob("*.js"):
        shutil.copy(program, home)
    return home
