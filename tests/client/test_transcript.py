"""The README's first tour by `muster` alone, as the page about the command shows it, walked at a terminal."""

import re
import shlex
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.accounts import PASSWORD, NewUser, new_user
from tests.support.demonstration import ORGANISATION, load_demonstration
from tests.support.eventually import eventually
from tests.support.muster_command import at_terminal, environment
from tests.support.papers import ROOT, text_of
from tests.support.stack import Stack, running_stack

PAGE = ROOT / "docs/how-to/use-the-command.md"
SERVER, EMAIL = "https://muster.example", "hannah@muster.example"
"""As the page has them."""
STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\dZ|T\d\d:\d\d:\d\d(\.\d+)?Z)?")
FOLLOWS = {"muster history 42 status=completed", "muster clearance 456 --project 5"}
"""Their answers come a moment later."""


@dataclass(frozen=True)
class Step:
    """A command, and what it shows."""

    command: str
    shows: str


def steps(page: str) -> list[Step]:
    """What stands in its blocks of a console, in their order."""
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    return list(_steps("".join(blocks)))


def _steps(text: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shows = part.partition("\n")
        yield Step(command, shows)


@pytest.fixture(scope="module")
async def demonstration() -> AsyncIterator[Stack]:
    async with running_stack() as stack:
        await load_demonstration(stack)
        yield stack


@dataclass(frozen=True)
class Walker:
    """Somebody with a terminal of their own."""

    user: NewUser
    home: Path
    url: str

    async def walk(self, step: Step) -> Step:
        """The same step, with what it shows here, as the page would have it."""
        arguments = [self._here(each) for each in shlex.split(step.command)[1:]]
        typed = {b"Email: ": f"{self.user.email}\n".encode(), b"Password: ": f"{PASSWORD}\n".encode()}
        ended = await at_terminal(environment(""), self.home, *arguments, typed=typed)
        shown = STYLES.sub("", ended.output).replace("\r\n", "\n").replace(self.url, SERVER)
        return replace(step, shows=shown.replace(self.user.email, EMAIL))

    def _here(self, argument: str) -> str:
        return argument.replace(SERVER, self.url)


def alike(text: str) -> list[str]:
    """Without what depends on the day, and without the spaces at the end of lines."""
    return [MOMENT.sub("DAY", line).rstrip() for line in text.splitlines()]


@pytest.fixture
async def walker(demonstration: Stack, tmp_path: Path) -> Walker:
    return Walker(await new_user(demonstration, ORGANISATION), tmp_path, demonstration.gateway_url)


async def test_the_tour_comes_out_as_the_page_shows_it(walker: Walker) -> None:
    """In one go, from signing in to signing out: each step builds on those before."""
    wanted = steps(text_of(PAGE))
    assert [step.command for step in wanted][:: len(wanted) - 1] == [f"muster login {SERVER}", "muster logout"]
    for step in wanted:

        async def shows(step: Step = step) -> bool:
            found = await walker.walk(step)
            assert alike(found.shows) == alike(step.shows), f"$ {step.command}\n{found.shows}"
            return True

        await (eventually(shows) if step.command in FOLLOWS else shows())


@pytest.mark.parametrize(("shown", "same"), [("A 2026-01-01 09:00Z  \nB", True), ("A 2026-01-01 09:00Z\nC", False)])
def test_control_only_days_may_differ(shown: str, same: bool) -> None:
    assert (alike(shown) == alike("A 2027-02-03 11:30Z\nB\n")) is same
